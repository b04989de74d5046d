"""How fast the daemon takes webhooks in: against keeping nothing, and a commit for each message.

Also against FastAPI and Celery where they are installed (`celery_seed`). Run by hand:
`python -m tests.benchmarks.receiving [ROUNDS]`. All take turns within each
round, over the same signed bodies; what counts are the ratios of the medians.
"""

import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.benchmarks import celery_seed
from tests.benchmarks.loading import Connections, Crowd, Loaded
from tests.benchmarks.processes import Program, daemon_settings, onboard, running
from tests.benchmarks.tables import Measure, percentile, print_measures, print_table

CROWD = Crowd(clients=100, customers=5_000)
CONNECTIONS = 128
REQUESTS = {"bare": 12_000, "commit each": 1_000, "released": 6_000, "FastAPI + Celery": 1_000}
"""About a second for each in every round."""

RATES = ((500, 3.0, 25.0, 1.0, 8.0), (1_000, 25.0, 50.0, 8.0, 15.0))
"""Requests a second; p50 and p99 that must be kept, and those that are aimed at, in ms."""

FLOOR_P50_MS = 0.4
"""The p50 at 500/s of a handler that keeps nothing, where the targets in milliseconds were set: a
slower machine's figures are judged by the ratio."""

PACED_S = 5


def main() -> None:
    """Print the saturated rates, then the latencies at fixed rates."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 4
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        folder = Path(made)
        graph = stack.enter_context(running("tests.benchmarks.fakes", "0", "0", folder=folder))
        measure_saturated(folder, graph, rounds)
        for rate, *targets in RATES:
            measure_paced(folder, graph, rate, targets)


def measure_saturated(folder: Path, graph: Program, rounds: int) -> None:
    """Compare them all; the daemon only takes in, for its customers are never quiet."""
    home = _prepare(folder, "saturated")
    settings = daemon_settings(graph, COALESCE_SECONDS="3600")
    baselines = "tests.benchmarks.baselines"
    with ExitStack() as stack:
        released = stack.enter_context(running("daemon", folder=home, settings=settings))
        idle_mb = released.resident_mb
        programs = {
            "bare": stack.enter_context(running(baselines, "bare", folder=home)),
            "commit each": stack.enter_context(running(baselines, "commit", folder=home)),
            "released": released,
        }
        if celery_seed.is_installed():
            seed = running("tests.benchmarks.celery_seed", folder=home)
            programs["FastAPI + Celery"] = stack.enter_context(seed)
        first = _load(released, CROWD.write_each("first"))
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
        for number in range(rounds):
            for name, program in programs.items():
                requests = CROWD.write(f"r{number}n", REQUESTS[name])
                before = program.cpu_s
                loaded = _load(program, requests)
                cpu_us = (program.cpu_s - before) / len(requests) * 1e6
                seen[name].append((loaded.rate, cpu_us))
        loaded_mb = released.resident_mb
    _print_saturated(seen, first, idle_mb=idle_mb, loaded_mb=loaded_mb)


def measure_paced(folder: Path, graph: Program, rate: int, targets: list[float]) -> None:
    """Measure the wait for an acknowledgement while the workers answer with the local engine.

    A handler that verifies and parses, and keeps nothing, is paced in the same way just before:
    what it takes is what this machine takes, at this moment, for a loop, a socket and a generator.
    """
    home = _prepare(folder, f"paced{rate}")
    settings = daemon_settings(graph)
    requests = CROWD.write("paced", rate * PACED_S)
    with running("tests.benchmarks.baselines", "parse", folder=home) as parse:
        floor = _pace(parse, requests, rate)
    with running("daemon", folder=home, settings=settings) as released:
        _load(released, CROWD.write_each("first"))
        time.sleep(3)
        before, cpu_before = _count_sent(home), released.cpu_s
        loaded = _pace(released, requests, rate)
        answers = (_count_sent(home) - before) / loaded.seconds
        cores = (released.cpu_s - cpu_before) / loaded.seconds
    p50_must, p99_must, p50_aim, p99_aim = targets
    floor_p50, floor_p99 = (percentile(floor.latencies, share) * 1e3 for share in (0.5, 0.99))
    p50, p99 = (percentile(loaded.latencies, share) * 1e3 for share in (0.5, 0.99))
    print_measures(
        f"acknowledged at {rate}/s, workers busy ({answers:.0f} answers/s, {cores:.2f} cores;"
        f" keeping nothing: p50 {floor_p50:.1f}, p99 {floor_p99:.1f} ms)",
        [
            Measure("p50", p50, p50_must, p50_aim, unit=" ms"),
            Measure("p99", p99, p99_must, p99_aim, unit=" ms"),
            Measure(
                "p50 / keeping nothing",
                p50 / floor_p50,
                p50_must / FLOOR_P50_MS,
                p50_aim / FLOOR_P50_MS,
            ),
        ],
    )


def _prepare(folder: Path, name: str) -> Path:
    home = folder / name
    home.mkdir()
    onboard(home, clients=CROWD.clients)
    return home


def _load(program: Program, requests: list[bytes]) -> Loaded:
    connections = Connections(program.port, CONNECTIONS)
    try:
        return connections.saturate(requests)
    finally:
        connections.close()


def _pace(program: Program, requests: list[bytes], rate: int) -> Loaded:
    connections = Connections(program.port, CONNECTIONS)
    try:
        return connections.pace(requests, rate=rate)
    finally:
        connections.close()


def _count_sent(home: Path) -> int:
    with closing(sqlite3.connect(home / "released.db")) as conn:
        count: int = conn.execute("SELECT count(*) FROM inbox WHERE state = 'done'").fetchone()[0]
        return count


def _print_saturated(
    seen: dict[str, list[tuple[float, float]]], first: Loaded, *, idle_mb: float, loaded_mb: float
) -> None:
    rates = {name: statistics.median(rate for rate, _ in rounds) for name, rounds in seen.items()}
    rows = [
        (name, f"{rates[name]:,.0f}", f"{statistics.median(cpu for _, cpu in rounds):.0f}")
        for name, rounds in seen.items()
    ]
    rows.append(("released, customers new", f"{first.rate:,.0f}", ""))
    print_table("saturated", ("handler", "requests/s", "CPU us"), rows)
    ours = rates["released"]
    measures = [
        Measure("released / bare", ours / rates["bare"], 0.22, 0.30, at_most=False),
        Measure("released / commit each", ours / rates["commit each"], 5, 8, at_most=False),
        Measure("resident, idle", idle_mb, 130, 100, unit=" MB"),
    ]
    if "FastAPI + Celery" in rates:
        ratio = ours / rates["FastAPI + Celery"]
        measures.append(Measure("released / FastAPI + Celery", ratio, 5, 8, at_most=False))
    print_measures(f"receiving (resident under load: {loaded_mb:.0f} MB)", measures)


if __name__ == "__main__":
    main()
