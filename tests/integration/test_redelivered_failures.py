"""Failures that Meta reports again for days: an operator who has mended the cause is not undone."""

from dataclasses import replace

import pytest

from daemon.core import sending
from daemon.core.clients import resume_client
from daemon.core.meta.wire import DeliveryStatus
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client, find_client
from daemon.core.store.engine import Connection
from daemon.core.store.outbox import Outgoing
from tests.doubles.bookkeeping import keep, send, settle
from tests.doubles.store_kit import NOW, told

CODE = 131042
HOURS_S = 3600.0


def send_one(conn: Connection, client: Client, wamid: str) -> Outgoing:
    (row,) = settle(conn, client, keep(conn, client, wamid))
    send(conn, row)
    return row


def fail(row: Outgoing, *, at: float) -> DeliveryStatus:
    return told("failed", callback_id=row.id, error_codes=(CODE,), at=at)


def stopped_code(conn: Connection, client: Client) -> int | None:
    found = find_client(conn, client.id)
    assert found is not None
    return found.stopped_code


def resume(conn: Connection, client: Client, *, now: float) -> None:
    resume_client(conn, client.id, now=now, actor=Actor("test"))


def test_the_same_failure_again_does_not_stop_a_resumed_client(conn: Connection, a: Client) -> None:
    """Not even when the operator was so quick that Meta's clock calls the failure the later one."""
    failed = fail(send_one(conn, a, "w1"), at=NOW + 1)
    sending.record_status(conn, a.id, failed)
    assert CODE == stopped_code(conn, a)
    resume(conn, a, now=NOW + 0.5)
    for later_s in (0.0, 2 * HOURS_S):
        sending.record_status(conn, a.id, replace(failed, at=failed.at + later_s))
    assert None is stopped_code(conn, a)


@pytest.mark.parametrize(("failed_at", "expected"), [(NOW + 5, None), (NOW + 70, CODE)])
def test_only_a_failure_after_the_resume_stops_again(
    conn: Connection, a: Client, failed_at: float, expected: int | None
) -> None:
    """A late word of what failed before is old news; what fails now says it is not mended."""
    first, second = (send_one(conn, a, wamid) for wamid in ("w1", "w2"))
    sending.record_status(conn, a.id, fail(first, at=NOW + 4))
    resume(conn, a, now=NOW + 60)
    sending.record_status(conn, a.id, fail(second, at=failed_at))
    assert expected == stopped_code(conn, a)


def test_another_clients_resume_excuses_nobody(conn: Connection, a: Client, b: Client) -> None:
    """Each client's own trail is asked."""
    sending.record_status(conn, b.id, fail(send_one(conn, b, "w0"), at=NOW + 1))
    resume(conn, b, now=NOW + 60)
    sending.record_status(conn, a.id, fail(send_one(conn, a, "w1"), at=NOW + 5))
    assert [CODE, None] == [stopped_code(conn, client) for client in (a, b)]
