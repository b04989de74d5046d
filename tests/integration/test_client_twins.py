"""Clients that share a name or a phone number: taken, told of, and never to who sees only one."""

import sqlalchemy as sa

from daemon.core.documents import show_clients
from daemon.core.store.clients import Client, list_clients
from daemon.core.store.engine import Connection
from daemon.core.store.twins import find_twins
from tests.doubles.command_line import Shell
from tests.doubles.store_kit import onboard


def warnings(conn: Connection, *, only: int | None = None) -> list[list[str]]:
    return [document["warnings"] for document in show_clients(conn, list_clients(conn), only=only)]


def test_each_is_told_of_the_other(conn: Connection) -> None:
    """A REF that fits both is refused, so both say by which id they are named."""
    onboard(conn, name="Luna", phone_number="+34600000001", phone_number_id="1")
    onboard(conn, name="Luna", phone_number="+34600000002", phone_number_id="2")
    onboard(conn, name="Sol", phone_number="+34600000002", phone_number_id="3")
    onboard(conn, name="Mar", phone_number="+34600000003", phone_number_id="4")
    assert [
        ["Client 2 has the same name: name this one by its id, 1."],
        [
            "Client 1 has the same name: name this one by its id, 2.",
            "Client 3 has the same phone number: name this one by its id, 2.",
        ],
        ["Client 2 has the same phone number: name this one by its id, 3."],
        [],
    ] == warnings(conn)


def test_all_others_are_named(conn: Connection) -> None:
    """Of three with one name each is told of two."""
    for number in "123":
        onboard(conn, name="Luna", phone_number=f"+3460000000{number}", phone_number_id=number)
    assert ["Clients 1, 3 have the same name: name this one by its id, 2."] == warnings(conn)[1]


def test_who_may_see_one_client_learns_of_no_other(conn: Connection) -> None:
    """A token of one client is told nothing of another's name, number or id."""
    onboard(conn, name="Luna", phone_number="+34600000001", phone_number_id="1")
    onboard(conn, name="Luna", phone_number="+34600000001", phone_number_id="2")
    assert [[], []] == warnings(conn, only=1)


def test_it_takes_one_query_however_many(conn: Connection, a: Client) -> None:
    """A list of a thousand clients costs no more statements than one client."""
    seen: list[str] = []
    sa.event.listen(conn, "before_cursor_execute", lambda *told: seen.append(told[2]))
    shared = {"name": a.name, "phone_number": "+34600000099"}
    for number in "23":
        onboard(conn, **shared, phone_number_id=number)
    seen.clear()
    assert {1: ((2, 3), ()), 2: ((1, 3), (3,)), 3: ((1, 2), (2,))} == {
        client_id: (twins.by_name, twins.by_phone) for client_id, twins in find_twins(conn).items()
    }
    assert 1 == len(seen)


def test_add_update_and_show_say_so(shell: Shell) -> None:
    """The operator who made the second one hears of the first at once, and the one who looks."""
    shell.add(name="Luna", number_id="1")
    phone = ("--phone-number", "+34600000009")
    assert ["Client 1 has the same name: name this one by its id, 2."] == shell.add(
        *phone, name="Luna", number_id="2"
    )["warnings"]
    told = "Client 1 has the same phone number: name this one by its id, 2.\n"
    changed = shell.must("client", "update", "2", "--phone-number", "+34666777888")
    assert told in changed.err
    assert told in shell.must("client", "show", "2").err


def test_an_unknown_language_is_told_by_the_commands(shell: Shell) -> None:
    """`--locale xx-yy` is taken, and the line names the languages that there are."""
    shell.add(name="Luna")
    assert "" == shell.must("client", "show", "1").err
    changed = shell.must("client", "update", "1", "--locale", "xx-yy")
    assert "no words of its own in xx-yy" in changed.err
    assert "ca, de, en, es, fr, it, pt" in changed.err
    refused = shell.run("client", "update", "1", "--locale", "Spanish, please")
    assert (1, True) == (refused.code, "must be a language such as es" in refused.err)
