"""A fleet to look at: documents as both faces give them, and an office that gives them from memory.

For what is drawn and how long is waited; what is behind the documents has tests of its own.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from daemon.core.documents import timestamp

NOON = 1795348800.0
"""When the documents say it is: 2026-11-22 12:00 UTC."""

Document = dict[str, Any]


def make_client(client_id: int, **changes: Any) -> Document:
    """Make a client of a status document, who was written to `client_id` minutes ago."""
    moment = timestamp(NOON - 60 * client_id)
    return {
        "id": client_id,
        "name": f"Café {client_id}",
        "state": "active",
        "pending": 0,
        "parked": 0,
        "last_message_at": moment,
        "last_answer_at": moment,
        "answers_24h": 40,
        "unanswered_24h": 2,
    } | changes


def make_alert(client_id: int | None, **changes: Any) -> Document:
    """Make an alert of a client, or of all."""
    return {
        "level": "error",
        "client_id": client_id,
        "text": "Meta refuses the access token (error 190)",
        "next": f"released client update {client_id} --access-token-file PATH",
    } | changes


def make_status(
    clients: Sequence[Document] = (), alerts: Sequence[Document] = (), **changes: Any
) -> Document:
    """Make a status document of a daemon that runs for two hours."""
    return {
        "version": "0.1.0",
        "time": timestamp(NOON),
        "daemon": {"state": "running", "since": timestamp(NOON - 7200)},
        "database": {"bytes": 123_456_789, "free_bytes": 34_500_000_000},
        "inbox": {"pending": 12, "oldest_seconds": 4, "parked": 3, "in_doubt": 0},
        "clients": list(clients),
        "alerts": list(alerts),
    } | changes


def make_fleet(size: int = 500) -> Document:
    """Make a status of many clients: two stopped, one with parked messages, one inactive."""
    clients = [make_client(number) for number in range(1, size + 1)]
    clients[400] |= {"name": "El Faro", "state": "stopped", "pending": 7}
    clients[401] |= {"name": "Taller López e Hijos, Neumáticos y Mecánica", "state": "stopped"}
    clients[300] |= {"name": "Bar Sol", "parked": 3}
    clients[0] |= {"name": "Cerrado", "state": "inactive"}
    alerts = [
        make_alert(301, level="warning", text="3 messages are parked", next="released inbox list"),
        make_alert(401),
        make_alert(402),
    ]
    return make_status(clients, alerts)


def make_turn(turn_id: int, **changes: Any) -> Document:
    """Make a turn of the log, answered."""
    return {
        "id": turn_id,
        "at": timestamp(NOON + turn_id),
        "client_id": 1,
        "customer": "34600111222",
        "question": "¿Cuál es vuestro horario?",
        "answer": "Abrimos de lunes a viernes de 9:00 a 22:00 y los sábados de 10:00 a 23:00.",
        "outcome": "answered",
        "cause": None,
        "handoff": False,
        "engine": "responses",
        "model": "gpt-6-luna",
        "assistant_version": 3,
        "faq_ids": ["F1", "F3"],
        "latency_ms": 1234,
        "input_tokens": 812,
        "output_tokens": 64,
        "cost_usd": 0.00041,
        "state": "read",
    } | changes


def make_event(kind: str, **facts: Any) -> Document:
    """Make an event of client 1."""
    named = {"at": timestamp(NOON), "kind": kind, "client_id": 1, "client": "La Plaza"}
    return named | facts


class Office:
    """Gives what a script says: each reading takes the next answer of its kind, or raises it.

    The last answer is given for ever; `asked` tells what was asked for, in order.
    """

    def __init__(self, **script: Sequence[Any]) -> None:
        self._script: dict[str, Iterator[Any]] = {
            name: _go_on(answers) for name, answers in script.items()
        }
        self.asked: list[tuple[str, Document]] = []

    def _answer(self, name: str, **wanted: Any) -> Any:
        self.asked.append((name, wanted))
        answer = next(self._script[name])
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def read_status(self) -> Any:
        return self._answer("status")

    def list_clients(self, *, active_only: bool = False) -> Any:
        return self._answer("clients", active_only=active_only)

    def list_turns(self, **wanted: Any) -> Any:
        return self._answer("turns", **wanted)

    def read_events(self, *, after: str | None = None, limit: int = 100) -> Any:
        return self._answer("events", after=after, limit=limit)


def _go_on(answers: Sequence[Any]) -> Iterator[Any]:
    yield from answers
    while True:
        yield answers[-1]
