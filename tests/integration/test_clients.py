"""Onboarding, changing and listing clients, over a real database."""

from typing import Any

import pytest
import sqlalchemy as sa

from daemon.core import clients
from daemon.core.clients import Change, get_client, set_active
from daemon.core.documents import client_document, fallback_of, timestamp, unread_hours
from daemon.core.errors import Conflict, Invalid, NotFound
from daemon.core.faqs import Faq, digest_faqs
from daemon.core.store import assistants
from daemon.core.store.audit import Actor
from daemon.core.store.clients import Client, list_clients
from daemon.core.store.engine import Database
from daemon.core.store.schema import assistant_versions
from tests.doubles.client_kit import LATER, OTHER_FAQS, change, trail
from tests.doubles.store_kit import FAQS, NOW, NUMBER_A, NUMBER_B, onboard, seed


def test_a_new_client_is_active_with_version_one(client_a: Client) -> None:
    """All that `client show` prints, as the contract has it."""
    document = client_document(client_a)
    assert document.pop("assistant_id").startswith("asst_")
    assert document.pop("fallback_message").startswith("Lo siento")
    assert {
        "id": 1,
        "name": "A",
        "phone_number": "+34666777888",
        "phone_number_id": NUMBER_A,
        "active": True,
        "created_at": "2026-05-28T20:26:40Z",
        "updated_at": "2026-05-28T20:26:40Z",
        "welcome_message": None,
        "business_hours": None,
        "timezone": "Europe/Madrid",
        "locale": "es",
        "faq_count": 2,
        "assistant_version": 1,
        "stopped": None,
        "warnings": [],
        "faqs_digest": digest_faqs(FAQS),
        "access_token_digest": None,
    } == document


def test_times_end_in_z() -> None:
    """RFC 3339 in UTC, whole seconds."""
    assert timestamp(1_716_847_200.9) == "2024-05-27T22:00:00Z"


def test_faqs_keep_their_order(database: Database, client_a: Client) -> None:
    """F1 is the first of the file."""
    version = database.read(lambda conn: assistants.get_current_version(conn, client_a.id))
    assert (1, FAQS) == (version.version, version.faqs)
    assert "A" in version.instructions
    assert "¿Horario?" in version.instructions


def test_a_number_belongs_to_one_client(database: Database, client_a: Client) -> None:
    """409 names the owner; nothing is added."""
    with pytest.raises(Conflict, match=r"belongs to client 1 \(A\) already") as refused:
        database.write(lambda conn: onboard(conn, name="C"))
    assert ["phone_number_id"] == [problem.field for problem in refused.value.problems]
    assert (client_a,) == database.read(list_clients)


def test_a_number_cannot_be_taken_over_by_an_update(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """Not even with other changes beside it: all or nothing."""
    with pytest.raises(Conflict):
        change(database, client_b, phone_number_id=NUMBER_A, name="thief")
    assert (client_a, client_b) == database.read(list_clients)


def test_two_clients_may_share_a_phone_number_and_a_name(
    database: Database, client_a: Client
) -> None:
    """Only the phone_number_id is Meta's key."""
    twin = database.write(lambda conn: onboard(conn, name="A", phone_number_id=NUMBER_B))
    assert (client_a.name, client_a.phone_number) == (twin.name, twin.phone_number)
    assert client_a.assistant_id != twin.assistant_id


@pytest.mark.parametrize("faqs", [()])
def test_a_client_without_faqs_is_refused(
    database: Database, client_a: Client, faqs: tuple[Faq, ...]
) -> None:
    """At the start and later: a bot that knows nothing answers nothing."""
    with pytest.raises(Invalid, match="at least one"):
        database.write(
            lambda conn: clients.add_client(
                conn, seed(phone_number_id=NUMBER_B), faqs, now=NOW, actor=Actor("cli")
            )
        )
    with pytest.raises(Invalid, match="at least one"):
        change(database, client_a, faqs=faqs)
    assert (client_a,) == database.read(list_clients)


def test_an_update_sets_what_is_given_and_no_more(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """The other fields stay, and so does the other client."""
    done = change(database, client_a, welcome_message="¡Hola!", locale="en")
    assert ("locale", "welcome_message") == done.changed
    assert ("¡Hola!", "en", "A", 1, LATER) == (
        done.client.welcome_message,
        done.client.locale,
        done.client.name,
        done.client.assistant_version,
        done.client.updated_at,
    )
    assert change(database, client_a, welcome_message=None).client.welcome_message is None
    assert client_b == database.read(lambda conn: get_client(conn, "2"))


def test_an_update_without_changes_changes_nothing(database: Database, client_a: Client) -> None:
    """No version, no time, no trail: a running daemon has nothing to reload."""
    before = trail(database)
    assert Change(client_a, ()) == change(database, client_a)
    assert Change(client_a, ()) == change(database, client_a, name="A", locale="es", faqs=FAQS)
    assert before == trail(database)


def test_new_faqs_are_a_new_version_of_the_same_assistant(
    database: Database, client_a: Client, client_b: Client
) -> None:
    """The id stays, the number grows, and the other client keeps its own."""
    done = change(database, client_a, faqs=OTHER_FAQS)
    assert (("faqs",), client_a.assistant_id, 2, 1) == (
        done.changed,
        done.client.assistant_id,
        done.client.assistant_version,
        done.client.faq_count,
    )
    current = database.read(lambda conn: assistants.get_current_version(conn, client_a.id))
    others = database.read(lambda conn: assistants.get_current_version(conn, client_b.id))
    assert (OTHER_FAQS, FAQS) == (current.faqs, others.faqs)


def test_old_faqs_again_are_a_new_version(database: Database, client_a: Client) -> None:
    """Versions are a history, never reused."""
    change(database, client_a, faqs=OTHER_FAQS)
    assert change(database, client_a, faqs=FAQS).client.assistant_version == 3


def test_a_version_without_a_digest_is_made_anew(database: Database, client_a: Client) -> None:
    """An older program leaves one where it goes on after an upgrade; `plan` must find an end."""
    unnamed = sa.update(assistant_versions).values(faqs_digest="")
    database.write(lambda conn: conn.execute(unnamed))
    done = change(database, client_a, faqs=FAQS)
    assert (("faqs",), digest_faqs(FAQS)) == (done.changed, done.client.faqs_digest)
    assert () == change(database, client_a, faqs=FAQS).changed


def test_a_new_name_is_a_new_version_too(database: Database, client_a: Client) -> None:
    """The instructions carry the name, and a version is immutable."""
    done = change(database, client_a, name="B")
    assert (("name",), 2, 2) == (
        done.changed,
        done.client.assistant_version,
        done.client.faq_count,
    )


def test_deactivating_again_and_again_is_the_same(database: Database, client_a: Client) -> None:
    """DELETE is idempotent, and activate undoes it."""

    def switch(*, active: bool) -> Change:
        return database.write(
            lambda conn: set_active(conn, client_a.id, active=active, now=LATER, actor=Actor("cli"))
        )

    assert [("active",), (), ("active",)] == [
        switch(active=active).changed for active in (False, False, True)
    ]


def test_lists_are_by_id_and_page(database: Database, client_a: Client, client_b: Client) -> None:
    """`active_only`, `after` and `limit`."""

    def ids(**options: Any) -> list[int]:
        return [client.id for client in database.read(lambda conn: list_clients(conn, **options))]

    change(database, client_a, active=False)
    assert [[1, 2], [2], [2], [1], []] == [
        ids(),
        ids(active_only=True),
        ids(after=1),
        ids(limit=1),
        ids(after=client_b.id),
    ]


def test_hours_that_cannot_be_read_stay_text(database: Database) -> None:
    """The answer says so, and readable ones say nothing."""
    odd = database.write(lambda conn: onboard(conn, business_hours="cuando se pueda"))
    assert odd.business_hours == "cuando se pueda"
    assert unread_hours(odd)
    assert unread_hours(change(database, odd, business_hours="L-V: 9:00-22:00").client) is None
    assert unread_hours(change(database, odd, business_hours=None).client) is None


def test_the_clients_own_fallback_wins(database: Database, client_a: Client) -> None:
    """Else the one of its language."""
    assert fallback_of(client_a).startswith("Lo siento")
    assert fallback_of(change(database, client_a, fallback_message="Uy").client) == "Uy"


def test_nobody_is_not_changed(database: Database) -> None:
    """404, not a row made from nothing."""
    with pytest.raises(NotFound, match="no client 7"):
        database.write(lambda conn: set_active(conn, 7, active=False, now=NOW, actor=Actor("cli")))
