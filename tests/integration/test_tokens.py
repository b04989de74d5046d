"""Admin tokens, over a real database."""

from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import tokens
from daemon.core.errors import Conflict, Invalid, NotFound
from daemon.core.store import tokens as store
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import audit, metadata
from daemon.core.store.tokens import Token
from daemon.core.tokens import DAY_S, NewToken
from tests.doubles.store_kit import NOW

GONE = {"ci": "Token 'ci' is revoked already", "nobody": "There is no token 'nobody'"}
"""Names that no token has any more, or ever had, and what is said of them."""


def create(database: Database, name: str = "ci", days: float = 60, **limits: Any) -> NewToken:
    return database.write(
        lambda conn: tokens.create_token(
            conn, name, lifetime_days=days, now=NOW, actor=Actor("cli"), **limits
        )
    )


def rotate(database: Database, name: str = "ci", days: float = 60) -> NewToken:
    return database.write(
        lambda conn: tokens.rotate_token(
            conn, name, lifetime_days=days, now=NOW + 1, actor=Actor("cli")
        )
    )


def check(database: Database, token: str, *, now: float = NOW) -> Token | None:
    return database.read(lambda conn: tokens.check_token(conn, token, now=now))


def revoke(database: Database, name: str = "ci") -> None:
    database.write(lambda conn: tokens.revoke_token(conn, name, now=NOW + 1, actor=Actor("cli")))


def test_a_token_works_until_it_expires(database: Database) -> None:
    """To the second."""
    made = create(database)
    assert NOW + 60 * DAY_S == made.expires_at
    valid = check(database, made.token, now=made.expires_at - 1)
    assert valid is not None
    assert valid.name == "ci"
    assert check(database, made.token, now=made.expires_at) is None


def test_zero_days_have_expired_at_once(database: Database) -> None:
    """As the contract says."""
    assert check(database, create(database, days=0).token) is None


@pytest.mark.parametrize("token", ["", "rel_", "ci", "\ud800", "x" * 10_000])
def test_what_is_no_token_opens_nothing(database: Database, token: str) -> None:
    """Whatever stands in the header."""
    create(database)
    assert check(database, token) is None


def test_a_token_is_kept_as_a_digest_only(database: Database) -> None:
    """A stolen database opens nothing; the trail has the name alone."""
    made = create(database)

    def dump(conn: Connection) -> str:
        return str([list(conn.execute(sa.select(table))) for table in metadata.sorted_tables])

    assert "ci" in database.read(dump)
    assert made.token not in database.read(dump)
    assert made.token.removeprefix("rel_") not in database.read(dump)


def test_a_revoked_token_opens_nothing_and_frees_its_name(database: Database) -> None:
    """At once."""
    first = create(database)
    revoke(database)
    assert check(database, first.token, now=NOW + 1) is None
    second = create(database)
    assert check(database, second.token) is not None
    assert check(database, first.token) is None


def test_a_name_is_taken_until_it_is_revoked(database: Database) -> None:
    """Also by one that has expired."""
    create(database, days=0)
    with pytest.raises(Conflict, match="released token revoke ci") as refused:
        create(database, " ci ")
    assert ["name"] == [problem.field for problem in refused.value.problems]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00"])
def test_a_name_is_one_line(database: Database, name: str) -> None:
    """It is printed in tables."""
    with pytest.raises(Invalid, match="name"):
        create(database, name)


@pytest.mark.parametrize("days", [-1, 3651, float("nan"), float("inf")])
def test_an_impossible_lifetime_is_refused(database: Database, days: float) -> None:
    """Nothing is made."""
    with pytest.raises(Invalid, match="expires_days"):
        create(database, days=days)
    assert () == database.read(store.list_tokens)


def test_only_a_token_that_is_there_is_revoked(database: Database) -> None:
    """Twice is once too often, and is told from a name that no token ever had."""
    create(database)
    revoke(database)
    for name, why in GONE.items():
        with pytest.raises(NotFound, match=f"^{why}.*token list"):
            revoke(database, name)


def test_the_list_shows_the_state_of_each(database: Database) -> None:
    """Valid, expired, revoked; never the token."""
    create(database, "valid")
    create(database, "expired", days=0)
    create(database, "revoked")
    revoke(database, "revoked")
    documents = [
        tokens.token_document(token, now=NOW) for token in database.read(store.list_tokens)
    ]
    assert ["valid", "expired", "revoked"] == [document["state"] for document in documents]
    assert {
        "name": "expired",
        "scope": "write",
        "client_id": None,
        "state": "expired",
        "created_at": "2026-05-28T20:26:40Z",
        "expires_at": "2026-05-28T20:26:40Z",
        "last_used_at": None,
    } == documents[1]


def test_a_token_may_be_for_reading_and_for_one_client(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """By any REF of the client; without limits it writes and sees all."""
    assert (1, 2) == (client_a.id, client_b.id)
    made = [
        create(database, "all"),
        create(database, "eyes", scope="read"),
        create(database, "one", client=client_b.phone_number_id),
    ]
    found = [check(database, token.token) for token in made]
    assert [("write", None), ("read", None), ("write", 2)] == [
        (token.scope, token.client_id) for token in found if token is not None
    ]
    shown = database.read(lambda conn: tokens.list_documents(conn, now=NOW))
    assert [("write", None), ("read", None), ("write", 2)] == [
        (token["scope"], token["client_id"]) for token in shown
    ]


def test_a_token_for_nobody_is_refused(database: Database) -> None:
    """And not made."""
    with pytest.raises(NotFound, match="client list"):
        create(database, client="nadie")
    assert () == database.read(store.list_tokens)


def test_a_rotated_token_is_another_with_the_same_rights(
    database: Database, client_a: Client
) -> None:
    """The old one opens nothing from then on; name, scope and client stay."""
    old = create(database, days=0, scope="read", client=client_a.name)
    new = rotate(database, days=7)
    assert ("ci", NOW + 1 + 7 * DAY_S) == (new.name, new.expires_at)
    assert check(database, old.token, now=NOW - 1) is None
    found = check(database, new.token)
    assert found is not None
    assert ("ci", "read", client_a.id) == (found.name, found.scope, found.client_id)
    shown = database.read(lambda conn: tokens.list_documents(conn, now=NOW + 1))
    assert ["revoked", "valid"] == [token["state"] for token in shown]


def test_what_cannot_be_rotated_stays_as_it_is(database: Database) -> None:
    """No such token, a revoked one, or no such lifetime: nothing is revoked or made."""
    made = create(database)
    with pytest.raises(Invalid, match="expires_days"):
        rotate(database, days=-1)
    assert check(database, made.token) is not None
    revoke(database)
    for name, why in GONE.items():
        with pytest.raises(NotFound, match=f"^{why}.*token list"):
            rotate(database, name)
    assert 1 == len(database.read(store.list_tokens))


def test_a_token_is_shown_in_three_keys(database: Database) -> None:
    """The contract's, in its order."""
    made = create(database)
    shown = tokens.made_document(made)
    assert ["name", "token", "expires_at"] == list(shown)
    assert ("ci", made.token, "2026-07-27T20:26:40Z") == tuple(shown.values())


def test_use_is_noted_once_a_minute(database: Database) -> None:
    """A token in steady use does not cost a write a call."""
    made = create(database)

    def due(now: float) -> bool:
        found = check(database, made.token, now=now)
        assert found is not None
        return tokens.is_use_due(found, now=now)

    assert due(NOW)
    database.write(lambda conn: tokens.note_use(conn, made.token, now=NOW))
    assert [False, True] == [due(NOW + 59), due(NOW + 60)]
    shown: dict[str, Any] = tokens.token_document(database.read(store.list_tokens)[0], now=NOW)
    assert shown["last_used_at"] == "2026-05-28T20:26:40Z"


def test_the_trail_tells_who_made_rotated_and_revoked(database: Database) -> None:
    """By name."""
    create(database)
    rotate(database, days=1)
    revoke(database)
    rows = database.read(
        lambda conn: list(conn.execute(sa.select(audit.c.action, audit.c.before, audit.c.after)))
    )
    assert [
        ("token.create", None, {"name": "ci", "scope": "write", "client_id": None}),
        (
            "token.rotate",
            {"name": "ci", "expires_at": "2026-07-27T20:26:40Z"},
            {"name": "ci", "expires_at": "2026-05-29T20:26:41Z"},
        ),
        ("token.revoke", {"name": "ci"}, None),
    ] == [tuple(row) for row in rows]
