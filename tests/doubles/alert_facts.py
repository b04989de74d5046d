"""Facts about a service that is well, for tests to spoil one of them."""

from dataclasses import replace
from typing import Any

from daemon.core.alerts import Alert, Facts, find_alerts
from daemon.core.store.counts import Figures

NOW = 1_780_000_000.0
WELL = Figures(
    client_id=1,
    name="La Plaza",
    active=True,
    is_stopped=False,
    has_own_token=False,
    phone_number="+34666777888",
    business_hours=None,
    parked=0,
    in_doubt=0,
    paused=0,
    with_person=0,
    asked_to_stop=0,
    last_message_at=None,
    last_answer_at=None,
    pending=0,
    oldest_at=None,
    answers=0,
    unanswered=0,
    recent=0,
    recent_unanswered=0,
)
SOL = replace(WELL, client_id=2, name="Sol", phone_number="+34666777889")
NORTE = replace(WELL, client_id=3, name="Norte", phone_number="+34666777890")


def find(*clients: Figures, **facts: Any) -> list[Alert]:
    plain: dict[str, Any] = {
        "clients": clients,
        "stops": {},
        "unread_hours": {},
        "expiring": (),
        "disk": None,
        "folder": "/var/lib/released",
        "daemon_runs": True,
        "has_shared_token": True,
        "now": NOW,
    }
    return find_alerts(Facts(**(plain | facts)))
