"""What becomes of an accepted send: sent, delivered, read, each told by its own webhook.

Owns the order and the pace of statuses; the chat keeps them, `posting.py` posts them.
"""

import asyncio
from dataclasses import dataclass

from daemon.sandbox.chats import Status
from daemon.sandbox.people import Customer
from daemon.sandbox.stage import Stage
from daemon.sandbox.webhooks import build_status_webhook

DELIVERED_WELL: tuple[Status, ...] = ("sent", "delivered", "read")


@dataclass(frozen=True, slots=True)
class AcceptedSend:
    """A send on its way to a customer."""

    phone_number_id: str
    customer: Customer
    wamid: str
    callback_data: str | None


async def run_statuses(stage: Stage, send: AcceptedSend, *, failed: bool) -> None:
    """Let the statuses happen one after the other, and post each unless they are muted.

    Each is posted once the one before was answered; one that is repeated may come later still.
    """
    order: tuple[Status, ...] = ("failed",) if failed else DELIVERED_WELL
    if stage.faults.current.reorder_statuses:
        order = order[::-1]
    for status, delay_s in zip(order, stage.config.pace.status_delays_s, strict=False):
        await asyncio.sleep(delay_s)
        stage.chats.advance(send.wamid, status)
        if not stage.faults.current.mute_statuses:
            await _post(stage, send, status)


async def _post(stage: Stage, send: AcceptedSend, status: Status) -> None:
    await stage.poster.deliver(
        build_status_webhook(
            send.phone_number_id,
            send.customer,
            wamid=send.wamid,
            at=stage.config.clock(),
            status=status,
            callback_data=send.callback_data,
        )
    )
