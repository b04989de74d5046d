"""The transactions of sending: what the outbox and the inbox say at each step of one message.

Plain functions over an open transaction. A message whose status came first is settled already, and
every step here leaves it so. The welcome message counts as given from when the customer may have
any answer, for the first one carries it; what confirms a stop does not.
"""

import logging
from dataclasses import dataclass
from enum import Enum, auto

from daemon.core.clients import stop_client
from daemon.core.meta.codes import Remedy, classify
from daemon.core.meta.wire import DeliveryStatus
from daemon.core.store import audit, conversations, inbox, outbox
from daemon.core.store.clients import find_client
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import IN_DOUBT, Outgoing


@dataclass(frozen=True, slots=True)
class Settled:
    """A message that a status has just proved sent: its conversation may go on."""

    client_id: int
    conversation_id: int


log = logging.getLogger(__name__)

LEASE_LOST = "lease_lost"
"""The error of a message whose sender lost its lease in the middle: nobody saw how it ended."""

_DOUBTFUL = frozenset({IN_DOUBT, LEASE_LOST})


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
    _note_welcome(conn, row, at=now)
    _close_turn(conn, client_id=row.client_id, turn_id=row.turn_id)


def postpone(conn: Connection, row: Outgoing, *, error: str, due_at: float) -> None:
    """Meta did not take it; it may be sent again from `due_at` on."""
    _wait(conn, row, error=error, shown=_keep_doubt(row, error), state="queued", due_at=due_at)


def doubt(conn: Connection, row: Outgoing, *, error: str, due_at: float) -> None:
    """Meta may have taken it: wait for a status that names it until `due_at`."""
    _note_welcome(conn, row, at=row.due_at)
    _wait(conn, row, error=error, shown=IN_DOUBT, state="in_doubt", due_at=due_at)


def hold_back(conn: Connection, row: Outgoing, *, error: str, now: float) -> None:
    """Let it wait, untried, until the client may send again: the fault was not the message's."""
    untried = {"state": "queued", "due_at": now, "attempts": row.attempts}
    _wait(conn, row, error=error, shown=_keep_doubt(row, error), **untried)


def give_up(conn: Connection, row: Outgoing, *, error: str) -> bool:
    """Park the message, the rest of its answer, and what they answer; False if it was settled.

    The answer shows how its last send ended. What it answers shows whether Meta may have a copy
    from an earlier one: an operator who takes up again all that has an error chooses by that.
    """
    if not outbox.set_open(conn, row, state="parked", error=error):
        return False
    if row.is_doubtful or error in _DOUBTFUL:
        _note_welcome(conn, row, at=row.due_at)
    outbox.park_rest(conn, row, error)
    shown = _keep_doubt(row, error)
    inbox.mark_turn(conn, client_id=row.client_id, turn_id=row.turn_id, state="parked", error=shown)
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
    is_failed = status.status == "failed"
    is_wanted = not known.was_let_go or outbox.is_arrival(status.status)
    if unsettled:
        conversations.note_welcome(
            conn,
            client_id=client_id,
            conversation_id=known.conversation_id,
            turn_id=known.turn_id,
            now=status.at,
        )
    # Of one that failed the other copy may have arrived.
    may_settle = unsettled or known.was_let_go or (known.status == "failed" and not is_failed)
    if is_wanted and may_settle:
        _close_turn(conn, client_id=client_id, turn_id=known.turn_id)
    if is_failed and not (known.status == "failed" or known.has_arrived):
        _note_failure(conn, client_id, known.turn_id, status, is_wanted=is_wanted)
    if not unsettled:
        return None
    return Settled(client_id=client_id, conversation_id=known.conversation_id)


def _note_failure(
    conn: Connection, client_id: int, turn_id: int, status: DeliveryStatus, *, is_wanted: bool
) -> None:
    """Show that Meta took a message and then failed to deliver it; stop who may not send.

    It stays done: whether it is worth a second try is an operator's to say (`inbox retry`). What
    was let go before stays so, whatever became of it.
    """
    code = status.error_codes[0] if status.error_codes else None
    error = inbox.NOT_DELIVERED if code is None else str(code)
    if is_wanted:
        inbox.show_failure(conn, client_id=client_id, turn_id=turn_id, error=error)
    log.warning("not delivered", extra={"client": client_id, "turn": turn_id, "error": error})
    client = find_client(conn, client_id)
    if code is None or client is None or client.stopped_code is not None:
        return
    if classify(code) in (Remedy.POLICY, Remedy.REGISTER) and not _is_over(conn, client_id, status):
        stop_client(conn, client_id, code=code, access_token=None, now=status.at)


def _is_over(conn: Connection, client_id: int, status: DeliveryStatus) -> bool:
    """Tell whether an operator has resumed the client since: Meta delivers statuses for days."""
    resumed_at = audit.find_latest_at(conn, client_id=client_id, action="client.resume")
    return resumed_at is not None and status.at < resumed_at


def _note_welcome(conn: Connection, row: Outgoing, *, at: float) -> None:
    conversations.note_welcome(
        conn,
        client_id=row.client_id,
        conversation_id=row.conversation_id,
        turn_id=row.turn_id,
        now=at,
    )


def _keep_doubt(row: Outgoing, error: str) -> str:
    """Give what the message shows: that Meta may have a copy counts more than the last error."""
    return IN_DOUBT if row.is_doubtful else error


def _wait(conn: Connection, row: Outgoing, *, error: str, shown: str, **values: object) -> None:
    if outbox.set_open(conn, row, error=shown, **values):
        inbox.mark_turn(conn, client_id=row.client_id, turn_id=row.turn_id, error=error)


def _close_turn(conn: Connection, *, client_id: int, turn_id: int) -> None:
    if not outbox.is_turn_open(conn, client_id=client_id, turn_id=turn_id):
        inbox.close_turn(conn, client_id=client_id, turn_id=turn_id)
