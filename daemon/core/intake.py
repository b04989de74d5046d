"""Takes webhook deliveries in: all that arrive together share one commit.

A delivery is kept when `accept` returns. Messages for no active client of ours are counted and
dropped before they cost anything. What a delivery becomes in the store is `deliveries`' business.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from daemon.core.customers import CustomerIndex
from daemon.core.deliveries import Delivered, Owned, Ring, keep_all
from daemon.core.directory import Directory
from daemon.core.meta.wire import CustomerRekey, Delivery, DeliveryStatus, Echo, InboundMessage
from daemon.core.store.faults import StoreUnavailable
from daemon.core.store.group_commit import GroupCommit
from daemon.core.store.inbox import ConversationGone

Item = TypeVar("Item", InboundMessage, DeliveryStatus, Echo)

ACK_BUDGET_S = 5.0
"""Seconds a delivery may wait for the disk; Meta sends again whatever we could not keep."""

PART_LIMIT = 16
"""Items of a delivery that are written in one go.

Meta may send a thousand together; written at once they would keep the loop from everybody else for
a second, as each may open a conversation.
"""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of one delivery: how many messages and statuses were ours, how many not."""

    rings: tuple[Ring, ...] = ()
    messages: int = 0
    statuses: int = 0
    unknown_number: int = 0
    echoes: int = 0


class Intake:
    """The daemon's front door to the store; belongs to one event loop."""

    def __init__(
        self,
        store: GroupCommit,
        directory: Directory,
        *,
        clock: Callable[[], float],
        person_s: float = 0.0,
    ) -> None:
        """Share the daemon's writer and its picture of the clients.

        `person_s`: for how long an owner who writes in the app has a conversation; 0: never.
        """
        self._store = store
        self._directory = directory
        self._clock = clock
        self._index = CustomerIndex()
        self._keeping = 0
        self._person_s = person_s
        store.on_undo(self._index.forget)

    async def accept(self, delivery: Delivery) -> Accepted:
        """Keep a delivery; when this returns it is on disk.

        Raises:
            StoreUnavailable: when it could not be kept; Meta must send it again.

        """
        owned, unknown_number = self._own(delivery)
        rings: tuple[Ring, ...] = ()
        if owned.size:
            rings = await self._keep(owned)
        return Accepted(
            rings,
            messages=len(owned.messages),
            statuses=len(owned.statuses),
            unknown_number=unknown_number,
            echoes=len(owned.echoes),
        )

    @property
    def is_keeping(self) -> bool:
        """Tell whether a delivery waits to be on disk."""
        return self._keeping > 0

    def _own(self, delivery: Delivery) -> tuple[Owned, int]:
        active, owner = self._directory.active_owner, self._directory.owner
        wanted = delivery.echoes if self._person_s else ()
        owned = Owned(
            messages=_pick_owned(active, delivery.messages),
            # Of an inactive client's messages too: one in doubt would else go out again one day.
            statuses=_pick_owned(owner, delivery.statuses),
            rekeys=tuple(
                (self._told_to(item), item) for item in delivery.rekeys if self._concerns(item)
            ),
            echoes=_pick_owned(active, wanted),
        )
        named = len(delivery.messages) + len(delivery.statuses) + len(wanted)
        return owned, named - len(owned.messages) - len(owned.statuses) - len(owned.echoes)

    def _told_to(self, rekey: CustomerRekey) -> int | None:
        if rekey.phone_number_id is None:
            return None
        return self._directory.active_owner(rekey.phone_number_id)

    def _concerns(self, rekey: CustomerRekey) -> bool:
        if rekey.phone_number_id is None:
            return rekey.old.user_id is not None
        return self._told_to(rekey) is not None

    async def _keep(self, owned: Owned) -> tuple[Ring, ...]:
        now = self._clock()
        self._keeping += 1
        try:
            if owned.size <= PART_LIMIT:
                return await self._write(self._deliver(owned, now), owned.size)
            return await self._keep_in_parts(owned, now)
        finally:
            self._keeping -= 1

    async def _keep_in_parts(self, owned: Owned, now: float) -> tuple[Ring, ...]:
        """Keep a large delivery in several commits; what comes again of a half of it is known."""
        rings: list[Ring] = []
        try:
            async with asyncio.timeout(ACK_BUDGET_S):
                for part in owned.split(PART_LIMIT):
                    rings += await self._write(self._deliver(part, now), part.size)
        except TimeoutError as late:
            raise StoreUnavailable("The database did not keep all of it in time.") from late
        return tuple(rings)

    def _deliver(self, owned: Owned, now: float) -> Delivered:
        return Delivered(owned, self._index, now, person_s=self._person_s)

    async def _write(self, delivered: Delivered, size: int) -> tuple[Ring, ...]:
        write = partial(
            self._store.write_first, keep_all, delivered, size=size, within_s=ACK_BUDGET_S
        )
        rings: tuple[Ring, ...]
        try:
            rings = await write()
        except ConversationGone:
            # Erased a moment ago; what was remembered of it went with the failed transaction.
            rings = await write()
        return rings


def _pick_owned(
    owner: Callable[[str], int | None], items: Sequence[Item]
) -> tuple[tuple[int, Item], ...]:
    """Put its client's id to each item; leave out what is for no client of ours."""
    if not items:
        return ()
    found = ((owner(item.phone_number_id), item) for item in items)
    return tuple((client_id, item) for client_id, item in found if client_id)
