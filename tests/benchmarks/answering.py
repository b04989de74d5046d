"""How many answers a second the daemon makes, webhook to Graph, and what CPU each one takes.

Against plain aiohttp clients that make the same two calls, with bodies of the same size and as many
in flight as the daemon has workers; the two take turns within each round. First model and Graph
answer at once, which shows what the daemon itself costs; then as real ones do, which shows what of
that a customer would notice. Run by hand: `python -m tests.benchmarks.answering [ROUNDS]`.
"""

import asyncio
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from daemon.core.assistants.engine import AssistantVersion, Exchange, Question
from daemon.core.assistants.prompt import ANSWER_SCHEMA, build_input, build_instructions
from daemon.core.faqs import parse_faqs
from daemon.core.meta.outbound import build_text
from daemon.core.meta.wire import Customer
from tests.benchmarks.fakes import REPLY
from tests.benchmarks.loading import TEXT, Connections, Crowd
from tests.benchmarks.processes import ROOT, Program, daemon_settings, onboard, running
from tests.benchmarks.tables import Measure, print_measures, print_table

CROWD = Crowd(clients=20, customers=800)
"""Each customer writes once a round, so that histories grow from round to round."""

CONNECTIONS = 32
ROUND_S = 60.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Peers:
    """How long model and Graph take, in seconds, and how many conversations are in work at once."""

    name: str
    model_s: float
    graph_s: float
    workers: int


INSTANT = Peers("at once", 0, 0, 64)
REAL = Peers("after 200 and 50 ms", 0.2, 0.05, 200)
"""The waits and the number in flight of the table that the targets come from."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of one contestant."""

    rate: float
    cpu_ms: float


def main() -> None:
    """Print both, and the ratio, for both kinds of peers."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    for peers in (INSTANT, REAL):
        with tempfile.TemporaryDirectory() as made:
            measure(Path(made), peers, rounds)


def measure(home: Path, peers: Peers, rounds: int) -> None:
    """Let daemon and plain clients take turns, and print what came of it."""
    onboard(home, clients=CROWD.clients)
    with ExitStack() as stack:
        waits = (str(peers.model_s), str(peers.graph_s))
        fake = stack.enter_context(running("tests.benchmarks.fakes", *waits, folder=home))
        settings = daemon_settings(
            fake,
            ANSWER_ENGINE="responses",
            OPENAI_API_KEY="sk-benchmarks",
            OPENAI_BASE_URL=f"http://127.0.0.1:{fake.port}/v1",
            OPENAI_RPS_PER_CLIENT="0",
            COALESCE_SECONDS="0",
            WORKERS=str(peers.workers),
        )
        daemon = stack.enter_context(running("daemon", folder=home, settings=settings))
        idle_mb = daemon.resident_mb
        answer_all(daemon, home, "first")
        plain, ours = [], []
        for number in range(rounds):
            plain.append(asyncio.run(call_plainly(fake.port, CROWD.customers, peers.workers)))
            ours.append(answer_all(daemon, home, f"r{number}n"))
        print_result(peers, plain, ours, idle_mb=idle_mb, loaded_mb=daemon.resident_mb)


def answer_all(daemon: Program, home: Path, name: str) -> Round:
    """Let every customer write and wait until Meta has taken the last answer."""
    requests = CROWD.write_each(name)
    connections = Connections(daemon.port, CONNECTIONS)
    cpu_before, started = daemon.cpu_s, time.perf_counter()
    connections.saturate(requests)
    while _count_open(home):
        if time.perf_counter() - started > ROUND_S:
            raise TimeoutError(f"{_count_open(home)} messages are not answered.")
        time.sleep(POLL_S)
    taken = time.perf_counter() - started
    connections.close()
    cpu_s = daemon.cpu_s - cpu_before
    return Round(len(requests) / taken, cpu_s / len(requests) * 1e3)


async def call_plainly(port: int, count: int, in_flight: int) -> Round:
    """Make the two calls of an answer with nothing around them."""
    model, graph = _plain_bodies()
    waiting = iter(range(count))
    url = f"http://127.0.0.1:{port}"

    async def work(http: aiohttp.ClientSession) -> None:
        for _ in waiting:
            async with http.post(f"{url}/v1/responses", json=model) as answer:
                await answer.json()
            async with http.post(f"{url}/v26.0/1/messages", json=graph) as answer:
                await answer.json()

    cpu_before, started = time.process_time(), time.perf_counter()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http, asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(work(http))
    taken = time.perf_counter() - started
    return Round(count / taken, (time.process_time() - cpu_before) / count * 1e3)


def _plain_bodies() -> tuple[dict[str, object], dict[str, object]]:
    faqs = parse_faqs((ROOT / "faqs.example.json").read_bytes(), source="the example")
    instructions = build_instructions(business_name="Client", faqs=faqs)
    said = json.dumps(REPLY["answer"])
    question = Question(
        client_id=1,
        assistant=AssistantVersion("asst_1", 1, instructions, faqs),
        text=TEXT,
        situation="Local time: Monday 2026-11-16 12:00, the business is open.",
        locale="es",
        customer_hash="0" * 32,
        history=(Exchange(TEXT, said),) * 3,
    )
    model: dict[str, object] = {
        "model": "gpt-6-luna",
        "instructions": instructions,
        "input": build_input(question),
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": ANSWER_SCHEMA}},
    }
    customer = Customer(user_id=None, wa_id="34600111222")
    return model, build_text(to=customer, text=said, callback_id="out_" + "a" * 22)


def _count_open(home: Path) -> int:
    with closing(sqlite3.connect(home / "released.db")) as conn:
        query = "SELECT count(*) FROM inbox WHERE state IN ('pending', 'answered')"
        count: int = conn.execute(query).fetchone()[0]
        return count


def print_result(
    peers: Peers, plain: list[Round], ours: list[Round], *, idle_mb: float, loaded_mb: float
) -> None:
    medians = {
        name: (
            statistics.median(one.rate for one in rounds),
            statistics.median(one.cpu_ms for one in rounds),
        )
        for name, rounds in (("plain aiohttp clients", plain), ("released", ours))
    }
    rows = [(name, f"{rate:.0f}", f"{cpu:.2f}") for name, (rate, cpu) in medians.items()]
    print_table(f"model and Graph answer {peers.name}", ("", "answers/s", "CPU ms"), rows)
    (plain_rate, _), (our_rate, our_cpu_ms) = medians.values()
    print_measures(
        f"answering (resident: {idle_mb:.0f} MB idle, {loaded_mb:.0f} MB after the load)",
        [
            Measure("released / plain clients", our_rate / plain_rate, 0.5, 0.8, at_most=False),
            Measure("own CPU an answer", our_cpu_ms, 4, 2, unit=" ms"),
        ],
    )


if __name__ == "__main__":
    main()
