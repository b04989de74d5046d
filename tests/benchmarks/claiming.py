"""What a claim costs as the inbox grows and the clients multiply.

Run by hand: `python -m tests.benchmarks.claiming`. Each database is filled by SQL, every message
but the newest of each customer with its turn and its answer, for a claim reads those too. What is
timed is `core.turns.claim` within one transaction, the sizes taking turns; what counts are the
ratios.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.core import turns
from daemon.core.store.engine import Connection, Database
from daemon.core.store.upgrade import prepare
from tests.benchmarks.tables import Measure, print_measures, print_table

ROUNDS = 5
CLAIMS = 100
"""In each round, of conversations drawn by lot."""

NOW = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much lies in a database; each customer wrote ten messages, the newest are pending."""

    rows: int
    pending: int
    clients: int

    @property
    def conversations(self) -> int:
        """Count the customers."""
        return max(self.clients, self.rows // 10)

    @property
    def name(self) -> str:
        """Tell it apart in a table."""
        return f"{self.rows:,} rows, {self.pending:,} pending, {self.clients:,} clients"


SMALL = Size(1_000, 100, 1)
LARGE = Size(1_000_000, 100_000, 1)
CROWDED = Size(1_000_000, 100_000, 10_000)


def main() -> None:
    """Print the cost at each size, and what growth multiplies it by."""
    sizes = (SMALL, LARGE, CROWDED)
    seen: dict[Size, list[float]] = {size: [] for size in sizes}
    with tempfile.TemporaryDirectory() as made, ExitStack() as stack:
        databases = {
            size: stack.enter_context(filled(Path(made) / f"{number}.db", size))
            for number, size in enumerate(sizes)
        }
        for _ in range(ROUNDS):
            for size in sizes:
                databases[size].write(partial(_claim, size=size, seen=seen[size]))
    medians = {size: statistics.median(taken) * 1e6 for size, taken in seen.items()}
    rows = [(size.name, f"{median:.0f}") for size, median in medians.items()]
    print_table("claiming", ("inbox", "us a claim"), rows)
    print_measures(
        "claiming",
        [
            Measure("10^6 rows / 10^3", medians[LARGE] / medians[SMALL], 2, 1.2),
            Measure("10,000 clients / 1", medians[CROWDED] / medians[LARGE], 2, 1.2),
        ],
    )


def _claim(conn: Connection, size: Size, seen: list[float]) -> None:
    chance = random.Random(len(seen))
    for _ in range(CLAIMS):
        place = chance.randrange(size.conversations)
        started = time.perf_counter()
        hand = turns.claim(
            conn,
            client_id=place % size.clients + 1,
            conversation_id=place + 1,
            now=NOW + len(seen) * 100,
            until=NOW + len(seen) * 100 + 50,
        )
        seen.append(time.perf_counter() - started)
        assert hand is not None
        turns.give_back(conn, hand)


@contextmanager
def filled(path: Path, size: Size) -> Iterator[Database]:
    """Make a database of that size."""
    database = Database(path)
    try:
        prepare(database)
        with closing(database.engine.raw_connection()) as conn:
            for statement in _filling(size):
                conn.driver_connection.execute(statement)  # type: ignore[union-attr]
        yield database
    finally:
        database.close()


def _filling(size: Size) -> tuple[str, ...]:
    """Write the statements that fill; everybody writes once, then everybody again."""
    counted = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {})"
    answered = size.rows - size.pending
    client, conversation = "i % {0} % {1} + 1", "i % {0} + 1"
    owner = client.format(size.conversations, size.clients)
    within = conversation.format(size.conversations)
    clients = (
        f"{counted.format(size.clients)} INSERT INTO clients (name, phone_number, phone_number_id,"
        " active, timezone, locale, created_at, updated_at)"
        " SELECT 'Client ' || i, '+34' || i, i, 1, 'Europe/Madrid', 'es', 0, 0 FROM n"
    )
    conversations = (
        f"{counted.format(size.conversations)} INSERT INTO conversations"
        " (client_id, user_id, wa_id, fence, created_at)"
        f" SELECT i % {size.clients} + 1, 'ES.' || i, '346' || i, 0, 0 FROM n"
    )
    turns_made = (
        f"{counted.format(answered)} INSERT INTO turns (id, client_id, conversation_id, engine,"
        " assistant_version, outcome, faq_ids, answered, handoff, input_tokens, cached_tokens,"
        f" output_tokens, latency_ms, created_at) SELECT i + 1, {owner}, {within}, 'local', 1,"
        f" 'answered', '[\"F1\"]', 1, 0, 900, 600, 50, 800, {NOW} FROM n"
    )
    inbox = (
        f"{counted.format(size.rows)} INSERT INTO inbox (wamid, client_id, conversation_id, type,"
        " text, sent_at, received_at, state, attempts, turn_id)"
        f" SELECT 'wamid.HBgLMzQ2MDAwMDAwMDAVAgARGBI5QTNDQTVCM0Q0' || i, {owner}, {within}, 'text',"
        f" 'Hola', {NOW}, {NOW}, CASE WHEN i >= {answered} THEN 'pending' ELSE 'done' END, 0,"
        f" CASE WHEN i >= {answered} THEN NULL ELSE i + 1 END FROM n"
    )
    outbox = (
        f"{counted.format(answered)} INSERT INTO outbox (id, client_id, conversation_id, turn_id,"
        " text, state, attempts, due_at, wamid, status, created_at, sent_at)"
        f" SELECT 'out_AAAAAAAAAAAAAAA' || i, {owner}, {within}, i + 1, printf('%.*c', 80, 'x'),"
        f" 'sent', 1, {NOW}, 'wamid.out' || i, 'read', {NOW}, {NOW} FROM n"
    )
    fast, safe = "PRAGMA synchronous=OFF", "PRAGMA synchronous=FULL"
    filled_by = (clients, conversations, turns_made, inbox, outbox)
    return (fast, "BEGIN IMMEDIATE", *filled_by, "COMMIT", safe)


if __name__ == "__main__":
    main()
