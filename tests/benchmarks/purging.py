"""What a webhook waits while a million old rows are purged, against a daemon with nothing to purge.

Run by hand: `python -m tests.benchmarks.purging [ROWS]`. Both daemons take the same paced requests,
their rounds taking turns, each while the other is halted: the purge would slow the idle one too and
flatter the ratio of the p99s, which is what counts. A daemon that was done with its
purge before the last round would prove nothing, and is said.
"""

import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.benchmarks.loading import Connections, Crowd, Loaded
from tests.benchmarks.processes import Program, daemon_settings, halted, onboard, running
from tests.benchmarks.tables import Measure, percentile, print_measures, print_table

CROWD = Crowd(clients=100, customers=5_000)
CONNECTIONS = 128
ROWS = 1_000_000
OLD_S = 20 * 24 * 3600
RATE = 500
"""Requests a second."""

ROUNDS = 5
ROUND_S = 3
FIRST_PURGE_S = 65.0
"""After its start a daemon leaves what is old alone for a minute."""

MUST, AIM = 3.0, 1.5


def main() -> None:
    """Print both daemons' p99, their ratio, and how fast the rows went."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        graph = stack.enter_context(running("tests.benchmarks.fakes", "0", "0", folder=folder))
        programs = {}
        for name, old in (("idle", 0), ("purging", rows)):
            home = _prepare(folder / name, old)
            settings = daemon_settings(graph, COALESCE_SECONDS="3600")
            programs[name] = stack.enter_context(running("daemon", folder=home, settings=settings))
        for name, program in programs.items():
            _pace(program, CROWD.write_each(f"first{name}"))
        time.sleep(FIRST_PURGE_S)
        measure(folder, programs, rows)


def measure(folder: Path, programs: dict[str, Program], rows: int) -> None:
    """Pace both in turn and compare."""
    seen: dict[str, list[Loaded]] = {name: [] for name in programs}
    before, started = _count_old(folder / "purging"), time.monotonic()
    for number in range(ROUNDS):
        for name, program in programs.items():
            requests = CROWD.write(f"{name}{number}n", RATE * ROUND_S)
            with ExitStack() as stack:
                for other in programs.values():
                    if other is not program:
                        stack.enter_context(halted(other))
                seen[name].append(_pace(program, requests))
    left, seconds = _count_old(folder / "purging"), time.monotonic() - started
    print_table(
        f"acknowledged at {RATE}/s",
        ("daemon", "p50 ms", "p99 ms"),
        [(name, *(f"{_typical(seen[name], share):.2f}" for share in (0.5, 0.99))) for name in seen],
    )
    ratio = _typical(seen["purging"], 0.99) / _typical(seen["idle"], 0.99)
    speed = f"{(before - left) / seconds:,.0f} rows/s, {left:,} of {rows:,} left"
    print_measures(f"purging ({speed})", [Measure("p99 while purging / idle", ratio, MUST, AIM)])
    if not left:
        sys.exit("The purge ended before the measuring did: give more ROWS.")


def _typical(rounds: list[Loaded], share: float) -> float:
    return statistics.median(percentile(loaded.latencies, share) for loaded in rounds) * 1e3


def _pace(program: Program, requests: list[bytes]) -> Loaded:
    connections = Connections(program.port, CONNECTIONS)
    try:
        return connections.pace(requests, rate=RATE)
    finally:
        connections.close()


def _prepare(home: Path, rows: int) -> Path:
    """Make a database with so many old messages that were answered long ago, ten a customer."""
    home.mkdir()
    onboard(home, clients=CROWD.clients)
    old = time.time() - OLD_S
    customers = max(1, rows // 10)
    with closing(sqlite3.connect(home / "released.db")) as conn, conn:
        if rows:
            conn.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                " INSERT INTO conversations (id, client_id, wa_id, fence, created_at)"
                " SELECT i, 1 + i % ?, '35' || (600000000 + i), 0, ? FROM n",
                (customers, CROWD.clients, old),
            )
        conn.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO inbox (wamid, client_id, conversation_id, type, text, sent_at,"
            " received_at, state, attempts) SELECT 'wamid.old' || i, 1 + (1 + i % ?) % ?,"
            " 1 + i % ?, 'text', printf('%.*c', 80, 'x'), ?, ?, 'done', 0 FROM n LIMIT ?",
            (rows, customers, CROWD.clients, customers, old, old, rows),
        )
    return home


def _count_old(home: Path) -> int:
    with closing(sqlite3.connect(home / "released.db")) as conn:
        query = "SELECT count(*) FROM inbox WHERE received_at < ?"
        count: int = conn.execute(query, (time.time() - OLD_S / 2,)).fetchone()[0]
        return count


if __name__ == "__main__":
    main()
