"""How long the CLI takes to start, against the least that its libraries cost.

Run by hand: `python tests/benchmarks/start_up.py [ROUNDS]`. The programs take turns, so that a busy
machine slows all of them; what counts are the ratios of the medians, not the milliseconds.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HELLO = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "world") -> None:
    "Say hello."
    typer.echo(f"hello {name}")


app()
"""

QUERY = """
import sqlalchemy as sa
import typer

app = typer.Typer()
table = sa.table("clients", sa.column("id"), sa.column("name"))


@app.command()
def show() -> None:
    with sa.create_engine("sqlite:///released.db").connect() as conn:
        for row in conn.execute(sa.select(table.c.id, table.c.name)):
            typer.echo(f"{row.id} {row.name}")


app()
"""

COMPARED = (
    ("released --help", "typer hello --help", 1.3, 1.1),
    ("released client list", "typer and one query", 1.3, 1.0),
)
"""Ours, the least, the ratio that is promised and the one that is wished for."""


def main() -> None:
    """Print each program's median and the ratios."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        programs = _prepare(folder)
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(rounds):
            for name, command in programs.items():
                seconds[name].append(_time(command, folder))
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    for name, median in medians.items():
        print(f"{name:24} {median * 1000:7.0f} ms")
    for ours, least, promised, wished in COMPARED:
        ratio = medians[ours] / medians[least]
        print(f"{ours} / {least}: {ratio:.2f} (at most {promised}, better {wished})")


def _prepare(folder: Path) -> dict[str, list[str]]:
    (folder / "hello.py").write_text(HELLO, encoding="utf-8")
    (folder / "query.py").write_text(QUERY, encoding="utf-8")
    ours = [sys.executable, "-m", "released_cli"]
    faqs = Path(__file__).resolve().parents[2] / "faqs.example.json"
    seed = ["--name", "La Plaza", "--phone-number", "+34666777888", "--phone-number-id", "1"]
    _run([*ours, "client", "add", *seed, "--faqs", str(faqs)], folder)
    return {
        "released --help": [*ours, "--help"],
        "typer hello --help": [sys.executable, "hello.py", "--help"],
        "released client list": [*ours, "client", "list"],
        "typer and one query": [sys.executable, "query.py"],
    }


def _time(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    _run(command, folder)
    return time.perf_counter() - began


def _run(command: list[str], folder: Path) -> None:
    environment = {"PATH": os.environ["PATH"]}
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
