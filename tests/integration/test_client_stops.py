"""Clients that Meta's errors stop: what is told of it, what resumes them and what does not."""

from typing import Any

import pytest

from daemon.core.clients import (
    Change,
    get_client,
    is_credential_stop,
    list_stopped,
    resume_client,
    stop_client,
)
from daemon.core.documents import client_document
from daemon.core.sealing.sealed import digest_token
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from tests.doubles.client_kit import LATER, change, trail
from tests.doubles.store_kit import NOW


def stop(database: Database, client: Client, code: int) -> Client:
    database.write(
        lambda conn: stop_client(conn, client.id, code=code, access_token="old", now=NOW)
    )
    return database.read(lambda conn: get_client(conn, str(client.id)))


def test_a_stopped_client_says_why(database: Database, client_a: Client, client_b: Client) -> None:
    """`client show` has the code, since when and what to do; the other client is not stopped."""
    stopped = stop(database, client_a, 190)
    shown = client_document(stopped)["stopped"]
    assert (190, "2026-05-28T20:26:40Z") == (shown["code"], shown["since"])
    assert "access token" in shown["reason"]
    assert (stopped,) == database.read(list_stopped)
    assert client_b.stopped_code is None
    assert stopped.stopped_token_digest == digest_token("old")


def test_a_new_token_resumes_who_waited_for_one(database: Database, client_a: Client) -> None:
    """By itself, without `resume`."""
    assert is_credential_stop(stop(database, client_a, 190))
    resumed = change(database, client_a, access_token="new").client
    assert (None, None, None) == (
        resumed.stopped_code,
        resumed.stopped_at,
        resumed.stopped_token_digest,
    )


@pytest.mark.parametrize(("code", "field"), [(368, "access_token"), (190, "name")])
def test_what_does_not_cure_the_cause_does_not_resume(
    database: Database, client_a: Client, code: int, field: str
) -> None:
    """A new token does not lift Meta's ban, nor a new name replace a token."""
    stop(database, client_a, code)
    cure: dict[str, Any] = {field: "new"}
    assert change(database, client_a, **cure).client.stopped_code == code


def test_resume_lets_a_client_go_on(database: Database, client_a: Client) -> None:
    """Once; for one that is not stopped there is nothing to do."""
    stop(database, client_a, 368)

    def resume() -> Change:
        return database.write(
            lambda conn: resume_client(conn, client_a.id, now=LATER, actor=Actor("cli"))
        )

    first, second = resume(), resume()
    assert (("stopped_code",), None, ()) == (
        first.changed,
        first.client.stopped_code,
        second.changed,
    )
    assert [{"stopped_code": 368}] == [
        row["before"] for row in trail(database) if row["action"] == "client.resume"
    ]
