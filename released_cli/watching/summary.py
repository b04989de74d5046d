"""What stands above the table of clients: the daemon, the inbox, the database, and the alerts.

Texts only; `status` and `top` place them.
"""

from released_cli.admin import Document
from released_cli.output import clean
from released_cli.watching.attention import add_up
from released_cli.watching.moments import parse_moment, tell_size, tell_span


def sum_up(document: Document, *, now: float) -> dict[str, str]:
    """Say a line about each part of the house, by its name."""
    told = {
        "daemon": _tell_daemon(document, now=now),
        "inbox": _tell_inbox(document["inbox"]),
        "answers": _tell_answers(document),
        "clients": _tell_clients(document),
    }
    silent = _tell_silent(document)
    if silent:
        told["silent"] = silent
    # Whose token is for one client only is told nothing of what all share.
    if document["database"]["bytes"] is not None:
        told["database"] = _tell_database(document["database"])
    return told


def tell_alert(alert: Document, names: dict[int, str]) -> str:
    """Say an alert, with the client's name where its text has none."""
    text = " ".join(clean(alert["text"]).split())
    name = tell_client(alert["client_id"], names)
    return text if not name or name in text else f"{name}: {text}"


def tell_client(client_id: int | None, names: dict[int, str]) -> str:
    """Name a client that may not be known any more; nothing for none."""
    if client_id is None:
        return ""
    return " ".join(clean(names.get(client_id, f"client {client_id}")).split())


def _tell_daemon(document: Document, *, now: float) -> str:
    daemon, version = document["daemon"], clean(document["version"])
    since = daemon["since"]
    span = "" if since is None else f" for {tell_span(now - parse_moment(since))}"
    if daemon["state"] == "running":
        return f"running{span}, version {version}"
    return f"DOWN{span}: nothing is received or answered"


def _tell_inbox(inbox: Document) -> str:
    waiting = f"{inbox['pending']} waiting"
    if inbox["pending"]:
        waiting += f", the oldest for {tell_span(inbox['oldest_seconds'])}"
    told = f"{waiting}; {inbox['parked']} parked"
    # An older daemon does not tell it.
    in_doubt = inbox.get("in_doubt", 0)
    if not in_doubt:
        return told
    return f"{told}; {in_doubt} {'send' if in_doubt == 1 else 'sends'} in doubt"


def _tell_answers(document: Document) -> str:
    totals = add_up(document)
    return f"{totals.answers:,} in 24 h, and {totals.unanswered:,} unanswered"


def _tell_silent(document: Document) -> str:
    """Say in which conversations the bot says nothing; nothing where there are none."""
    # An older daemon does not tell it.
    people = sum(client.get("with_person", 0) for client in document["clients"])
    stops = sum(client.get("asked_to_stop", 0) for client in document["clients"])
    parts = []
    if people:
        talks = "conversation" if people == 1 else "conversations"
        parts.append(f"{people} {talks} with a person")
    if stops:
        parts.append(f"{stops} {'customer' if stops == 1 else 'customers'} asked the bot to stop")
    return "; ".join(parts)


def _tell_clients(document: Document) -> str:
    totals = add_up(document)
    parts = [str(totals.clients)]
    if totals.stopped:
        parts.append(f"{totals.stopped} stopped")
    if totals.inactive:
        parts.append(f"{totals.inactive} inactive")
    return ", ".join(parts)


def _tell_database(database: Document) -> str:
    return f"{tell_size(database['bytes'])}; {tell_size(database['free_bytes'])} free on its disk"
