"""The audit trail of a client: who changed what, from what to what, and never a secret."""

import json
from typing import Any

from daemon.core.clients import stop_client
from daemon.core.documents import client_document
from daemon.core.sealing.sealed import digest_token
from daemon.core.store.clients import Client
from daemon.core.store.engine import Database
from tests.doubles.client_kit import LATER, OTHER_FAQS, change, trail
from tests.doubles.store_kit import NOW, onboard


def test_no_secret_is_shown_or_put_in_the_trail(database: Database) -> None:
    """Neither by the documents nor by the audit rows, nor is a phone's owner's text lost."""
    client = database.write(lambda conn: onboard(conn, access_token="EAAB-first"))
    changed = change(database, client, access_token="EAAB-second", name="New").client
    stop: dict[str, Any] = {"code": 190, "access_token": "EAAB-second", "now": NOW}
    database.write(lambda conn: stop_client(conn, client.id, **stop))
    change(database, client, access_token=None)
    everything = json.dumps([trail(database), client_document(changed)], ensure_ascii=False)
    assert changed.access_token is not None
    assert "EAAB-second" == changed.access_token.reveal()
    assert "EAAB" not in everything + repr(changed)
    assert digest_token("EAAB-second") not in everything
    assert "(secret)" in everything


def test_the_trail_tells_who_changed_what(database: Database, client_a: Client) -> None:
    """The changed fields before and after, and nothing else."""
    change(database, client_a, name="New", faqs=OTHER_FAQS)
    added, updated = trail(database)
    assert ("client.add", "test", None, "A") == (
        added["action"],
        added["actor"],
        added["before"],
        added["after"]["name"],
    )
    assert ("client.update", "cli", 1, LATER) == (
        updated["action"],
        updated["actor"],
        updated["client_id"],
        updated["at"],
    )
    assert {"name": "A", "assistant_version": 1} == updated["before"]
    assert {"name": "New", "assistant_version": 2} == updated["after"]
