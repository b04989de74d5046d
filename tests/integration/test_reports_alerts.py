"""What needs somebody, found in a real database, two clients deep."""

from pathlib import Path

import pytest

from daemon.core import clients, tokens, turns
from daemon.core.clients import stop_client
from daemon.core.meta.wire import Customer
from daemon.core.seeds import ClientChanges
from daemon.core.status import DaemonState
from daemon.core.store import pausing
from daemon.core.store.clients import Client
from daemon.core.store.conversations import ensure_conversation, find
from daemon.core.store.engine import Connection, Database
from tests.doubles.bookkeeping import keep
from tests.doubles.reports import TEST, alerts, onboard_other, read
from tests.doubles.store_kit import NOW, take


@pytest.fixture
def client_b(database: Database, client_a: Client) -> Client:
    """Add another client, of whom the first must see nothing."""
    added = onboard_other(database)
    assert client_a.id < added.id
    return added


def test_who_serves_without_backups_is_told(database: Database, client_a: Client) -> None:
    """Where they are needed and no folder is set; who may see one client only is not."""
    said = "No backups are made: set BACKUP_DIR, and restart released-daemon."
    assert said in alerts(database, needs_backups=True)
    assert said not in alerts(database)
    assert said not in alerts(database, needs_backups=True, backup_dir=Path("/nonexistent"))
    assert said not in alerts(database, needs_backups=True, client_id=client_a.id)


class TestStops:
    def test_the_reason_is_the_client_documents(
        self, database: Database, client_a: Client, client_b: Client
    ) -> None:
        """And the command is the one that ends it."""
        database.write(
            lambda conn: stop_client(conn, client_b.id, code=131031, access_token=None, now=NOW)
        )
        (alert,) = read(database)["alerts"]
        assert ("error", client_b.id, f"released client resume {client_b.id}") == (
            alert["level"],
            alert["client_id"],
            alert["next"],
        )
        assert "B is stopped: Meta error 131031: the account is locked" in alert["text"]
        assert [] == read(database, client_id=client_a.id)["alerts"]

    @pytest.mark.parametrize(
        ("own", "refused", "command"),
        [
            (None, "shared", "systemctl restart released"),
            (None, "", "released client update 1 --access-token-file PATH"),
            ("own", "own", "released client update 1 --access-token-file PATH"),
        ],
    )
    def test_a_refused_credential(
        self, database: Database, client_a: Client, own: str | None, refused: str, command: str
    ) -> None:
        """Whose it is says who replaces it, and where."""

        def refuse(conn: Connection) -> None:
            changes = ClientChanges.model_validate({"access_token": own})
            clients.update_client(conn, client_a.id, changes, now=NOW, actor=TEST)
            stop_client(conn, client_a.id, code=190, access_token=refused, now=NOW)

        database.write(refuse)
        assert [command] == [alert["next"] for alert in read(database)["alerts"]]
        limited = read(database, client_id=client_a.id)["alerts"]
        assert [command] == [alert["next"] for alert in limited]

    def test_a_token_that_all_share(
        self, database: Database, client_a: Client, client_b: Client
    ) -> None:
        """One alert for all whom one restart helps."""

        def refuse(conn: Connection) -> None:
            for client in (client_a, client_b):
                stop_client(conn, client.id, code=190, access_token="shared", now=NOW)

        database.write(refuse)
        (text,) = alerts(database)
        assert text.startswith("A and B are stopped: Meta refuses the shared access token")


class TestAlerts:
    def test_the_daemon_is_down(self, database: Database, client_a: Client) -> None:
        """With a message waiting it is an error."""
        database.write(lambda conn: keep(conn, client_a, "w"))
        found = read(database, daemon=DaemonState(is_running=False, since=None))
        assert {"state": "down", "since": None} == found["daemon"]
        assert ["systemctl start released"] == [alert["next"] for alert in found["alerts"]]

    def test_tokens_that_end_within_a_week(self, database: Database, client_a: Client) -> None:
        """Neither a revoked one, nor one that has ended; and none for who sees one client."""

        def make(conn: Connection) -> None:
            for name, days in (("soon", 7), ("later", 8), ("ended", 0), ("revoked", 1)):
                tokens.create_token(conn, name, lifetime_days=days, now=NOW, actor=TEST)
            tokens.revoke_token(conn, "revoked", now=NOW, actor=TEST)

        database.write(make)
        assert ["The admin token soon works for 7 days more."] == alerts(database)
        assert [] == alerts(database, client_id=client_a.id)

    def test_a_paused_conversation(
        self, database: Database, client_a: Client, client_b: Client
    ) -> None:
        """Until the pause is over; one that a person has in charge needs nobody else."""

        def stop_talking(conn: Connection) -> None:
            kept = keep(conn, client_b, "w")
            hand = take(conn, client_b.id, kept.conversation_id)
            assert hand is not None
            pausing.pause(conn, hand.conversation, by="loop", until=NOW + 60, now=NOW)
            other = ensure_conversation(
                conn, client_id=client_b.id, customer=Customer("ES.1", None), now=NOW
            )
            known = find(conn, client_id=client_b.id, conversation_id=other.id)
            assert known is not None
            pausing.pause(conn, known, by="person", until=NOW + 60, now=NOW)
            turns.park(conn, hand, "loop", now=NOW)

        database.write(stop_talking)
        paused = "1 conversation of B is paused: two bots seemed to talk."
        assert ["1 message of B is parked.", paused] == alerts(database)
        assert ["1 message of B is parked."] == alerts(database, now=NOW + 60)
        assert [] == alerts(database, client_id=client_a.id)

    def test_hours_that_cannot_be_read(self, database: Database, client_a: Client) -> None:
        """Read again only when they change."""

        def write_hours(hours: str) -> None:
            changes = ClientChanges(business_hours=hours)
            database.write(
                lambda conn: clients.update_client(conn, client_a.id, changes, now=NOW, actor=TEST)
            )

        write_hours("when I feel like it")
        (text,) = alerts(database)
        assert text.startswith("The business hours of A cannot be read: ")
        write_hours("Lunes a viernes 9-14")
        assert [] == alerts(database)

    def test_two_clients_on_one_phone_number(
        self, database: Database, client_a: Client, client_b: Client
    ) -> None:
        """Seen by who sees both; to who sees one the other does not exist."""
        shared = ClientChanges(phone_number=client_a.phone_number)
        database.write(
            lambda conn: clients.update_client(conn, client_b.id, shared, now=NOW, actor=TEST)
        )
        assert ["A and B share the phone number +34666777888."] == alerts(database)
        assert [] == alerts(database, client_id=client_b.id)

    def test_nothing_to_send_with(self, database: Database, client_a: Client) -> None:
        """Known where the shared token is: from the settings of whoever asks."""
        assert ["A has no access token to send with."] == alerts(database, has_shared_token=False)
        assert [] == alerts(database, has_shared_token=True)
        assert client_a.access_token is None
