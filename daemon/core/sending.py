"""The transactions of sending: what the outbox and the inbox say at each step of one message.

Plain functions over an open transaction. A message whose status came first is settled already, and
every step here leaves it so.
"""

import logging
from dataclasses import dataclass
from enum import Enum, auto

from daemon.core.clients import stop_client
from daemon.core.meta.codes import Remedy, classify
from daemon.core.meta.wire import DeliveryStatus
from daemon.core.store import inbox, outbox
from daemon.core.store.clients import find_client
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import Outgoing


@dataclass(frozen=True, slots=True)
class Settled:
    """A message that a status has just proved sent: its conversation may go on."""

    client_id: int
    conversation_id: int


log = logging.getLogger(__name__)


class Begun(Enum):
    """Whether a send may leave: it is OURS, was SETTLED meanwhile, or was TAKEN by another turn."""

    OURS = auto()
    SETTLED = auto()
    TAKEN = auto()


def begin(conn: Connection, row: Outgoing) -> Begun:
    """Note that the request is about to leave, unless somebody was faster."""
    if outbox.take(conn, row):
        inbox.count_send(
            conn, client_id=row.client_id, turn_id=row.turn_id, attempts=row.attempts + 1
        )
        return Begun.OURS
    return Begun.TAKEN if outbox.is_open(conn, row) else Begun.SETTLED


def accepted(conn: Connection, row: Outgoing, *, wamid: str | None, now: float) -> None:
    """Meta took it."""
    outbox.accept(conn, row, wamid=wamid, now=now)
    _close_turn(conn, client_id=row.client_id, turn_id=row.turn_id)


def postpone(conn: Connection, row: Outgoing, *, error: str, due_at: float) -> None:
    """Meta did not take it; it may be sent again from `due_at` on."""
    _wait(conn, row, error=error, state="queued", due_at=due_at)


def doubt(conn: Connection, row: Outgoing, *, error: str, due_at: float) -> None:
    """Meta may have taken it: wait for a status that names it until `due_at`."""
    _wait(conn, row, error=error, state="in_doubt", due_at=due_at)


def hold_back(conn: Connection, row: Outgoing, *, error: str, now: float) -> None:
    """Let it wait, untried, until the client may send again: the fault was not the message's."""
    _wait(conn, row, error=error, state="queued", due_at=now, attempts=row.attempts)


def give_up(conn: Connection, row: Outgoing, *, error: str) -> bool:
    """Park the message, the rest of its answer, and what they answer; False if it was settled."""
    if not outbox.set_open(conn, row, state="parked", error=error):
        return False
    outbox.park_rest(conn, row, error)
    inbox.mark_turn(conn, client_id=row.client_id, turn_id=row.turn_id, state="parked", error=error)
    return True


def record_status(conn: Connection, client_id: int, status: DeliveryStatus) -> Settled | None:
    """Fold one status webhook in; tell when it settles a message that was not known to be sent."""
    known = outbox.find_known(
        conn, client_id=client_id, outbox_id=status.callback_id, wamid=status.wamid
    )
    if known is None:
        return None
    error = str(status.error_codes[0]) if status.error_codes else None
    unsettled = outbox.record_status(
        conn, known, status=status.status, at=status.at, error=error, wamid=status.wamid
    )
    if unsettled:
        _close_turn(conn, client_id=client_id, turn_id=known.turn_id)
    if status.status == "failed":
        _note_failure(conn, client_id, known.turn_id, status)
    if not unsettled:
        return None
    return Settled(client_id=client_id, conversation_id=known.conversation_id)


def _note_failure(conn: Connection, client_id: int, turn_id: int, status: DeliveryStatus) -> None:
    """Show that Meta took a message and then failed to deliver it; stop who may not send.

    It stays done: sending again what may be with the customer is worse.
    """
    code = status.error_codes[0] if status.error_codes else None
    error = "failed" if code is None else str(code)
    inbox.mark_turn(conn, client_id=client_id, turn_id=turn_id, error=error)
    log.warning("not delivered", extra={"client": client_id, "turn": turn_id, "error": error})
    client = find_client(conn, client_id)
    if code is None or client is None or client.stopped_code is not None:
        return
    if classify(code) in (Remedy.POLICY, Remedy.REGISTER):
        stop_client(conn, client_id, code=code, access_token=None, now=status.at)


def _wait(conn: Connection, row: Outgoing, *, error: str, **values: object) -> None:
    if outbox.set_open(conn, row, error=error, **values):
        inbox.mark_turn(conn, client_id=row.client_id, turn_id=row.turn_id, error=error)


def _close_turn(conn: Connection, *, client_id: int, turn_id: int) -> None:
    if not outbox.is_turn_open(conn, client_id=client_id, turn_id=turn_id):
        inbox.close_turn(conn, client_id=client_id, turn_id=turn_id)
