"""Admin tokens, over a real database."""

from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import tokens
from daemon.core.errors import Conflict, Invalid, NotFound
from daemon.core.store import tokens as store
from daemon.core.store.engine import Connection, Database
from daemon.core.store.schema import audit, metadata
from daemon.core.store.tokens import Token
from daemon.core.tokens import DAY_S, NewToken
from tests.doubles.store_kit import NOW


def create(database: Database, name: str = "ci", days: float = 60) -> NewToken:
    return database.write(
        lambda conn: tokens.create_token(conn, name, lifetime_days=days, now=NOW, actor="cli")
    )


def check(database: Database, token: str, *, now: float = NOW) -> Token | None:
    return database.read(lambda conn: tokens.check_token(conn, token, now=now))


def revoke(database: Database, name: str = "ci") -> None:
    database.write(lambda conn: tokens.revoke_token(conn, name, now=NOW + 1, actor="cli"))


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
    """Twice is once too often."""
    create(database)
    revoke(database)
    for name in ("ci", "nobody"):
        with pytest.raises(NotFound, match="token list"):
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
        "state": "expired",
        "created_at": "2026-05-28T20:26:40Z",
        "expires_at": "2026-05-28T20:26:40Z",
        "last_used_at": None,
    } == documents[1]


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


def test_the_trail_tells_who_made_and_revoked(database: Database) -> None:
    """By name."""
    create(database)
    revoke(database)
    rows = database.read(
        lambda conn: list(conn.execute(sa.select(audit.c.action, audit.c.before, audit.c.after)))
    )
    assert [
        ("token.create", None, {"name": "ci"}),
        ("token.revoke", {"name": "ci"}, None),
    ] == [tuple(row) for row in rows]
