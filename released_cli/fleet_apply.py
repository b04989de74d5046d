"""Makes a fleet so, client by client, and keeps what became of each.

Each client is a transaction of its own: one that is refused hinders no other, and what is done
stays when the rest is cut off.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from daemon.core.errors import Rejected, ReleasedError, Retryable
from released_cli.admin import Admin, Document

if TYPE_CHECKING:
    from daemon.core.fleet.comparing import Difference
    from daemon.core.fleet.wanted import Wanted

GIVE_UP_AFTER = 3
"""Failures one after the other that are nobody's client's fault: the other side is gone."""

TRIES = 5
"""How often one call is made in all when the other side says when to come again."""

LONGEST_WAIT_S = 90.0
"""The longest such wait that is kept, in seconds; the API counts calls by the minute."""

PAST = {
    "create": "created",
    "change": "changed",
    "activate": "activated",
    "deactivate": "deactivated",
}
"""What was done, by action; also the keys of the sums, in their order."""

Answer = TypeVar("Answer")
Sleep = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one client; `reason` says why it failed, None when it did not."""

    difference: "Difference"
    client_id: int | None
    reason: str | None


@dataclass(slots=True)
class Outcome:
    """What became of all of them so far; `warnings` are about clients that were made so."""

    unchanged: int
    steps: list[Step] = field(default_factory=list)
    untried: int = 0
    warnings: list[str] = field(default_factory=list)

    @property
    def failures(self) -> list[Step]:
        """The clients that could not be made so."""
        return [step for step in self.steps if step.reason is not None]

    def count(self) -> dict[str, int]:
        """Sum up, by what was done."""
        done = [PAST[step.difference.action] for step in self.steps if step.reason is None]
        sums = {name: done.count(name) for name in PAST.values()}
        return sums | {
            "unchanged": self.unchanged,
            "failed": len(self.failures),
            "not_tried": self.untried,
        }

    def describe(self) -> dict[str, Any]:
        """Describe it for programs."""
        clients = [
            {
                "action": step.difference.action,
                "id": step.client_id,
                "name": step.difference.name,
                "phone_number_id": step.difference.phone_number_id,
                "result": "done" if step.reason is None else "failed",
                "reason": step.reason,
            }
            for step in self.steps
        ]
        return {**self.count(), "clients": clients}


def carry_out(
    office: Admin,
    differences: "Sequence[Difference]",
    outcome: Outcome,
    *,
    advance: Callable[[], None],
    sleep: Sleep = time.sleep,
) -> None:
    """Make differences so, in order; what became of each goes into `outcome` as it happens.

    `advance` is called after each. Ends early when the other side is gone.
    """
    gone = 0
    for place, difference in enumerate(differences, start=1):
        client_id, reason = difference.client_id, None
        try:
            document = _make_so(office, difference, sleep)
        except ReleasedError as failed:
            reason = str(failed)
            gone = 0 if isinstance(failed, Rejected) else gone + 1
        else:
            client_id, gone = document["id"], 0
            outcome.warnings.extend(f"{document['name']}: {w}" for w in document["warnings"])
        outcome.steps.append(Step(difference, client_id, reason))
        advance()
        if gone == GIVE_UP_AFTER:
            outcome.untried = len(differences) - place
            return


def patiently(call: Callable[[], Answer], *, sleep: Sleep = time.sleep) -> Answer:
    """Make a call, and again when the other side refuses it for now and says until when."""
    for _ in range(TRIES - 1):
        try:
            return call()
        except Retryable as later:
            if later.retry_after_s is None or later.retry_after_s > LONGEST_WAIT_S:
                raise
            sleep(later.retry_after_s)
    return call()


def _make_so(office: Admin, difference: "Difference", sleep: Sleep) -> Document:
    wanted, client_id = difference.wanted, difference.client_id
    if client_id is None:
        return _create(office, _need(wanted), sleep)
    known = client_id
    faqs = _need(wanted).faqs if difference.faqs is not None else None
    changes = difference.build_changes()
    return patiently(lambda: office.update_client(known, changes, faqs), sleep=sleep)


def _create(office: Admin, wanted: "Wanted", sleep: Sleep) -> Document:
    seed = wanted.fill_seed()
    document = patiently(lambda: office.add_client(seed, wanted.faqs), sleep=sleep)
    if wanted.active:
        return document
    return patiently(lambda: office.update_client(document["id"], {"active": False}), sleep=sleep)


def _need(wanted: "Wanted | None") -> "Wanted":
    assert wanted is not None  # noqa: S101 - only a pruned client has none, and it exists
    return wanted
