"""The clients of the stage, onboarded in a database as an operator would. Knows no process."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from daemon.core.clients import add_client
from daemon.core.faqs import Faq, parse_faqs
from daemon.core.seeds import ClientSeed, validate
from daemon.core.store.audit import Actor
from daemon.core.store.engine import Database
from tests.doubles.new_database import copy_database, copy_new_database

PLAZA = "631261586727899"
SOL = "111222333"
CLOSED = "444555666"
UNKNOWN = "999999999"
WELCOME = "¡Bienvenido a La Plaza!"
FALLBACK = "Te contestará una persona."

ROOT = Path(__file__).parents[2]

SEEDS: tuple[dict[str, Any], ...] = (
    {
        "name": "Restaurante La Plaza",
        "phone_number": "+34666777888",
        "phone_number_id": PLAZA,
        "welcome_message": WELCOME,
        "fallback_message": FALLBACK,
        "business_hours": "L-V: 9:00-22:00, S: 10:00-23:00",
    },
    {"name": "Bar Sol", "phone_number": "+34666777999", "phone_number_id": SOL},
    {
        "name": "Siempre Cerrado",
        "phone_number": "+34666777000",
        "phone_number_id": CLOSED,
        "business_hours": "D: 03:00-03:01",
    },
)
"""Clients 1, 2 and 3: with all there is, with the least, and one open for a minute a week."""


def read_demo_faqs() -> tuple[Faq, ...]:
    """Read the restaurant's three FAQs."""
    return parse_faqs((ROOT / "faqs.example.json").read_bytes(), source="faqs.example.json")


def onboard(database: Path, seeds: Sequence[Mapping[str, Any]] = SEEDS) -> None:
    """Make the database and its clients, through the core's own use case."""
    if seeds is SEEDS:
        copy_database(database, _onboard_usual)
    else:
        _onboard(database, seeds)


def _onboard_usual(database: Path) -> None:
    _onboard(database, SEEDS)


def _onboard(database: Path, seeds: Sequence[Mapping[str, Any]]) -> None:
    copy_new_database(database)
    opened = Database(database)
    faqs = read_demo_faqs()
    for values in seeds:
        seed = validate(ClientSeed, values)
        opened.write(
            partial(add_client, seed=seed, faqs=faqs, now=time.time(), actor=Actor("test"))
        )
    opened.close()
