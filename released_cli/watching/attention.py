"""Which clients need somebody, and in which order all of them are looked at. Pure.

What is an alert was decided by the core; this sorts by it and judges nothing anew.
"""

from dataclasses import dataclass

from released_cli.admin import Document

BROKEN, DOUBTFUL, WELL, AT_REST = range(4)
"""How urgent a client is: nothing goes out; something is to be looked at; it works; it is off."""


@dataclass(frozen=True, slots=True)
class Totals:
    """The fleet in numbers; `answers` and `unanswered` are of 24 hours."""

    clients: int
    inactive: int
    stopped: int
    answers: int
    unanswered: int


def rank_clients(document: Document) -> list[tuple[Document, int]]:
    """Sort a status document's clients, each with its urgency: who needs somebody first.

    Among equals the one that was written to last comes first.
    """
    levels = _worst_levels(document)
    ranked = [
        (client, _judge(client, levels.get(client["id"])))
        for client in sorted(
            document["clients"], key=lambda client: client["last_message_at"] or "", reverse=True
        )
    ]
    return sorted(ranked, key=lambda pair: pair[1])


def rank_alerts(document: Document) -> list[Document]:
    """Sort a status document's alerts, errors first."""
    return sorted(document["alerts"], key=lambda alert: alert["level"] != "error")


def name_clients(document: Document) -> dict[int, str]:
    """Give the names of a status document's clients by id."""
    return {client["id"]: client["name"] for client in document["clients"]}


def add_up(document: Document) -> Totals:
    """Count the fleet."""
    clients = document["clients"]
    return Totals(
        clients=len(clients),
        inactive=sum(client["state"] == "inactive" for client in clients),
        stopped=sum(client["state"] == "stopped" for client in clients),
        answers=sum(client["answers_24h"] for client in clients),
        unanswered=sum(client["unanswered_24h"] for client in clients),
    )


def is_well(document: Document) -> bool:
    """Tell whether the daemon runs and no alert is an error."""
    running = document["daemon"]["state"] == "running"
    return running and all(alert["level"] != "error" for alert in document["alerts"])


def _worst_levels(document: Document) -> dict[int, str]:
    levels: dict[int, str] = {}
    for alert in reversed(rank_alerts(document)):
        if alert["client_id"] is not None:
            levels[alert["client_id"]] = alert["level"]
    return levels


def _judge(client: Document, level: str | None) -> int:
    if level == "error" or client["state"] == "stopped":
        return BROKEN
    if level is not None or client["parked"]:
        return DOUBTFUL
    return AT_REST if client["state"] == "inactive" else WELL
