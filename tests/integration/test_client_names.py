"""REF: the names that a client goes by, which of them wins, and what fits nobody or two."""

import pytest

from daemon.core.clients import get_client
from daemon.core.errors import Conflict, NotFound
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from tests.doubles.store_kit import NUMBER_A, onboard


def named(database: Database, ref: str) -> int:
    return database.read(lambda conn: get_client(conn, ref)).id


@pytest.mark.parametrize(
    "ref", ["1", NUMBER_A, "+34666777888", "34666777888", " +34 666 777 888", "Casa A"]
)
def test_a_client_goes_by_any_of_its_names(database: Database, ref: str) -> None:
    """REF: id, phone_number_id, phone with or without plus, exact name."""
    database.write(lambda conn: onboard(conn, name="Casa A"))
    database.write(
        lambda conn: onboard(conn, name="B", phone_number_id="2", phone_number="+15550001111")
    )
    assert named(database, ref) == 1


def test_an_id_wins_over_a_number_id_and_that_over_a_phone(database: Database) -> None:
    """The order of the contract."""
    for fields in (
        {"name": "first", "phone_number_id": "9"},
        {"name": "second", "phone_number_id": "1", "phone_number": "+15550001111"},
        {"name": "third", "phone_number_id": "15550001111", "phone_number": "+15550002222"},
        {"name": "15550002222", "phone_number_id": "8", "phone_number": "+15550003333"},
    ):
        database.write(lambda conn, fields=fields: onboard(conn, **fields))  # type: ignore[misc]
    assert [1, 3, 3, 1] == [
        named(database, ref) for ref in ("1", "15550001111", "15550002222", "9")
    ]


@pytest.mark.parametrize("ref", ["7", "01", "9" * 30, "0", "casa a", "Casa", "", "+1", "²"])
def test_what_fits_nobody_is_said(database: Database, ref: str) -> None:
    """Also numbers that no database could hold, and what only looks like an id."""
    database.write(lambda conn: onboard(conn, name="Casa A"))
    with pytest.raises(NotFound, match="client list"):
        named(database, ref)


@pytest.mark.parametrize("ref", ["A", "+34666777888"])
def test_what_fits_two_is_refused_with_their_ids(
    database: Database, client_a: Client, ref: str
) -> None:
    """Nobody changes the wrong client."""
    database.write(lambda conn: onboard(conn, name=client_a.name, phone_number_id="2"))
    with pytest.raises(Conflict, match=r"\(1, 2\)"):
        named(database, ref)
