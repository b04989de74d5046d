"""Decides what needs somebody, and names the command to run next. Pure: figures in, alerts out.

Owns the limits from which on something is worth an alert. No text says anything of a customer.
"""

import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.core.alert_words import MODEL_FAULTS, name_some, say_duration, several
from daemon.core.orders import BY_SYSTEMD, Orders
from daemon.core.sizes import tell_size
from daemon.core.store.counts import Figures

SLOW_S = 60.0
"""A message that waits longer than this is late: answers take seconds."""

DAY_S = 86_400
TOKEN_WARNING_S = 7 * DAY_S
"""How long before an admin token ends it is time to rotate it."""

LEAST_FREE_BYTES = 1 << 30
LEAST_FREE_SHARE = 0.05
FULL_BYTES = 1 << 20
"""With less free than this nothing more can be relied on to be written."""

SILENT_S = 90.0
"""A daemon that proves three times a minute that it can write, and has not for so long, cannot."""

GAP_SHARE = 0.3
"""Share of unanswered turns that says that the FAQs lack something."""

GAP_LEAST_TURNS = 10
"""With fewer turns a share says nothing."""

BACKUP_LATE_S = 36 * 3600.0
"""A newest backup older than this: two nights went by without one."""

FAULTS_LEAST = 3
"""With fewer failed calls of the model it may have been a bad moment."""

_PARKED = "released inbox list --state parked"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that needs somebody; `next` is the command to run."""

    level: Literal["warning", "error"]
    client_id: int | None
    text: str
    next: str


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk under the database, in bytes, with what the database takes of it."""

    used_by_us: int
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a client's sends are stopped; `mend` says what ends it once the reason is gone."""

    reason: str
    mend: Literal["new_token", "restart", "resume"]


@dataclass(frozen=True, slots=True)
class Backups:
    """Where backups are to be; `newest_at` is the moment of the newest, None without any."""

    folder: str
    newest_at: float | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to judge. `stops` and `unread_hours` go by client id.

    `expiring` holds name and seconds left of admin tokens. `backups` is None where none are to be
    made, or where nobody can look; `lacks_backups` where some should be. `credentials` are alerts
    of Meta's tokens and numbers. `causes` says of the newest turns, newest first, why each failed,
    None where it did not. `written_at` is when the daemon last proved that it can write, None where
    it never has. `orders` are how the daemon is run here.
    """

    clients: Sequence[Figures]
    stops: Mapping[int, Stop]
    unread_hours: Mapping[int, str]
    expiring: Sequence[tuple[str, float]]
    disk: Disk | None
    folder: str
    daemon_runs: bool
    has_shared_token: bool
    now: float
    daemon_since: float | None = None
    backups: Backups | None = None
    lacks_backups: bool = False
    credentials: Sequence[Alert] = ()
    causes: Sequence[str | None] = ()
    written_at: float | None = None
    orders: Orders = BY_SYSTEMD


def find_alerts(facts: Facts) -> list[Alert]:
    """List what needs somebody, errors first."""
    found = [
        *_of_writing(facts),
        *_of_disk(facts),
        *_of_backups(facts),
        *_of_waiting(facts),
        *_of_stops(facts),
        *_of_tokens(facts),
        *_of_model(facts),
        *facts.credentials,
        *_of_parked(facts),
        *_of_paused(facts),
        *_of_set_up(facts),
        *_of_gaps(facts),
    ]
    return sorted(found, key=lambda alert: alert.level != "error")


def _of_writing(facts: Facts) -> Iterator[Alert]:
    is_full = facts.disk is not None and facts.disk.free < FULL_BYTES
    if not facts.daemon_runs or not (is_full or _has_gone_silent(facts)):
        return
    text = "The database cannot be written: messages are refused, and Meta sends them again for"
    if is_full:
        yield Alert(
            "error", None, f"{text} 7 days. Make room on its disk.", f"df -h {facts.folder}"
        )
    else:
        yield Alert("error", None, f"{text} 7 days.", "released doctor")


def _has_gone_silent(facts: Facts) -> bool:
    """Tell whether the daemon that runs has long not proved that it can write."""
    if facts.written_at is None or facts.daemon_since is None:
        return False
    return facts.now - max(facts.written_at, facts.daemon_since) > SILENT_S


def _of_disk(facts: Facts) -> Iterator[Alert]:
    disk = facts.disk
    if disk is None:
        return
    is_low = disk.free < LEAST_FREE_BYTES
    if is_low or disk.free < LEAST_FREE_SHARE * disk.total:
        text = (
            f"The disk of the database has {tell_size(disk.free)} left. When it is full, messages"
        )
        text = f"{text} are refused, and no backup is made."
        yield Alert("error" if is_low else "warning", None, text, f"df -h {facts.folder}")


def _of_backups(facts: Facts) -> Iterator[Alert]:
    backups = facts.backups
    if facts.lacks_backups:
        text = "No backups are made: set BACKUP_DIR, and restart released-daemon."
        yield Alert("warning", None, text, "released doctor")
    if backups is None:
        return
    # Without any, the daemon has had since its start to make the first.
    since = facts.daemon_since if backups.newest_at is None else backups.newest_at
    if since is None or facts.now - since <= BACKUP_LATE_S:
        return
    text = f"There is no backup in {backups.folder}."
    if backups.newest_at is not None:
        age = say_duration(facts.now - backups.newest_at)
        text = f"The newest backup in {backups.folder} is {age} old."
    yield Alert("warning", None, text, "released db backup")


def _of_waiting(facts: Facts) -> Iterator[Alert]:
    # A stopped client's messages wait for the operator, and its own alert says so.
    waiting = [one for one in facts.clients if one.pending and not one.is_stopped]
    if not waiting:
        return
    count = sum(one.pending for one in waiting)
    if not facts.daemon_runs:
        text = f"The daemon is down, and {several(count, 'message waits', 'messages wait')}."
        yield Alert("error", None, text, facts.orders.start)
        return
    slowest = min(waiting, key=_waiting_since)
    waited_s = facts.now - _waiting_since(slowest)
    if waited_s > SLOW_S:
        text = f"A message of {slowest.name} has waited for {say_duration(waited_s)}."
        yield Alert("warning", slowest.client_id, text, "released doctor")


def _of_stops(facts: Facts) -> Iterator[Alert]:
    by_stop: dict[tuple[Stop, int | None], list[Figures]] = defaultdict(list)
    for one in facts.clients:
        stop = facts.stops.get(one.client_id)
        if stop is not None and one.active:
            # One restart mends them all; anything else is each client's own.
            by_stop[stop, None if stop.mend == "restart" else one.client_id].append(one)
    for (stop, _), stopped in by_stop.items():
        first = stopped[0].client_id
        ways = {
            "new_token": _new_token(first),
            "restart": facts.orders.restart,
            "resume": f"released client resume {first}",
        }
        verb = "is" if len(stopped) == 1 else "are"
        text = f"{_name(stopped)} {verb} stopped: {stop.reason.rstrip('.')}."
        yield Alert("error", _only(stopped), text, ways[stop.mend])


def _of_tokens(facts: Facts) -> Iterator[Alert]:
    lacking = [one for one in facts.clients if one.active and not one.is_stopped]
    lacking = [one for one in lacking if not (one.has_own_token or facts.has_shared_token)]
    if lacking:
        only = _only(lacking)
        verb = "have" if only is None else "has"
        text = f"{_name(lacking)} {verb} no access token to send with."
        yield Alert("error", only, text, "released doctor" if only is None else _new_token(only))
    for name, left_s in facts.expiring:
        text = f"The admin token {name} works for {say_duration(left_s)} more."
        yield Alert("warning", None, text, f"released token rotate {shlex.quote(name)}")


def _of_model(facts: Facts) -> Iterator[Alert]:
    faults = [cause for cause in facts.causes if cause in MODEL_FAULTS]
    # When the newest one went well, the trouble is over.
    if len(faults) < FAULTS_LEAST or facts.causes[0] not in MODEL_FAULTS:
        return
    text = f"{len(faults)} of the last {len(facts.causes)} questions got no answer from the model:"
    yield Alert("error", None, f"{text} {MODEL_FAULTS[faults[0]]}.", "released doctor")


def _of_parked(facts: Facts) -> Iterator[Alert]:
    concerned = [one for one in facts.clients if one.parked]
    if concerned:
        count = sum(one.parked for one in concerned)
        text = f"{several(count, 'message', 'messages')} of {_name(concerned)}"
        text = f"{text} {'is' if count == 1 else 'are'} parked."
        yield Alert("warning", _only(concerned), text, _PARKED)


def _of_paused(facts: Facts) -> Iterator[Alert]:
    concerned = [one for one in facts.clients if one.paused]
    if concerned:
        count = sum(one.paused for one in concerned)
        text = f"{several(count, 'conversation', 'conversations')} of {_name(concerned)}"
        text = f"{text} {'is' if count == 1 else 'are'} paused: two bots seemed to talk."
        yield Alert("warning", _only(concerned), text, _PARKED)


def _of_set_up(facts: Facts) -> Iterator[Alert]:
    by_number: dict[str, list[Figures]] = defaultdict(list)
    for one in facts.clients:
        if one.active:
            by_number[one.phone_number].append(one)
    for number, sharing in by_number.items():
        if len(sharing) > 1:
            text = f"{_name(sharing)} share the phone number {number}."
            next_ = f"released client show {sharing[-1].client_id}"
            yield Alert("warning", None, text, next_)
    for one in facts.clients:
        unread = facts.unread_hours.get(one.client_id)
        if unread is not None and one.active:
            text = f"The business hours of {one.name} cannot be read: {unread.rstrip('.')}."
            next_ = f"released client update {one.client_id} --business-hours HOURS"
            yield Alert("warning", one.client_id, text, next_)


def _of_gaps(facts: Facts) -> Iterator[Alert]:
    for one in facts.clients:
        if not one.active or one.recent < GAP_LEAST_TURNS:
            continue
        if one.recent_unanswered > GAP_SHARE * one.recent:
            seen = f"{one.recent_unanswered} of the last {one.recent} turns"
            text = f"{seen} of {one.name} went unanswered: its FAQs lack something."
            yield Alert("warning", one.client_id, text, f"released log {one.client_id}")


def _new_token(client_id: int) -> str:
    return f"released client update {client_id} --access-token-file PATH"


def _waiting_since(one: Figures) -> float:
    return float("inf") if one.oldest_at is None else one.oldest_at


def _only(concerned: Sequence[Figures]) -> int | None:
    return concerned[0].client_id if len(concerned) == 1 else None


def _name(concerned: Sequence[Figures]) -> str:
    return name_some([(one.client_id, one.name) for one in concerned])
