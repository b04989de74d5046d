"""What may be told of a client."""

from typing import Any

import pytest

from daemon.core.errors import Invalid
from daemon.core.seeds import (
    TEXT_LIMIT,
    ClientChanges,
    ClientSeed,
    normalize_phone_number,
    validate,
)

PLAIN = {"name": "La Plaza", "phone_number": "+34666777888", "phone_number_id": "631261586727899"}


def seed(**fields: Any) -> ClientSeed:
    return validate(ClientSeed, PLAIN | fields)


def fields_refused(data: dict[str, Any]) -> list[str]:
    with pytest.raises(Invalid) as refused:
        validate(ClientSeed, data)
    return [problem.field for problem in refused.value.problems]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("+34666777888", "+34666777888"),
        ("+1234567890", "+1234567890"),
        (" +34 666.777-888 ", "+34666777888"),
        ("+1 (234) 567 [89]/0", "+1234567890"),
        ("+34\u2011666\u2013777888", "+34666777888"),
        ("+1234567", "+1234567"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_separators_are_dropped_from_a_phone_number(given: str, stored: str) -> None:
    """A number is taken as people write it, and kept as E.164."""
    assert stored == normalize_phone_number(given)


@pytest.mark.parametrize(
    "given", ["666777888", "+123456", "+1234567890123456", "+34x66777888", "", "+", "+٣٤٦٦٦٧٧٧٨٨"]
)
def test_another_shape_is_no_phone_number(given: str) -> None:
    """E.164: a plus and 7 to 15 ASCII digits."""
    with pytest.raises(ValueError, match="7 to 15 digits"):
        normalize_phone_number(given)


def test_a_seed_needs_three_fields_only() -> None:
    """The rest has its default: Spain."""
    made, abroad = seed(), seed(timezone="America/Lima", locale="es_PE")
    assert ("Europe/Madrid", "es") == (made.timezone, made.locale)
    assert ("America/Lima", "es_PE") == (abroad.timezone, abroad.locale)
    assert [None] * 4 == [
        made.welcome_message,
        made.fallback_message,
        made.business_hours,
        made.access_token,
    ]


@pytest.mark.parametrize(
    "field", ["welcome_message", "fallback_message", "business_hours", "access_token"]
)
def test_null_is_the_same_as_absent_where_a_field_may_be_empty(field: str) -> None:
    """The seed document's `null` is taken by HTTP and by PATCH."""
    assert getattr(seed(**{field: None}), field) is None
    assert getattr(validate(ClientChanges, {field: None}), field) is None


@pytest.mark.parametrize("field", ["welcome_message", "fallback_message", "business_hours"])
def test_blank_text_is_no_text(field: str) -> None:
    """White space is stripped; nothing but white space is nothing."""
    assert getattr(seed(**{field: " \n "}), field) is None
    assert getattr(seed(**{field: " a\nb "}), field) == "a\nb"


def test_a_text_as_long_as_a_message_fits_and_one_more_does_not() -> None:
    """WhatsApp's limit, counted after the strip."""
    assert seed(welcome_message="x" * TEXT_LIMIT + "\n").welcome_message == "x" * TEXT_LIMIT
    assert ["welcome_message"] == fields_refused(
        PLAIN | {"welcome_message": "x" * (TEXT_LIMIT + 1)}
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "  "),
        ("name", "a\nb"),
        ("name", "a\rb"),
        ("name", "a\0b"),
        ("name", "x" * 201),
        ("name", None),
        ("name", 5),
        ("phone_number", "666777888"),
        ("phone_number", "+" + "1" * 70),
        ("phone_number_id", ""),
        ("phone_number_id", "12a"),
        ("phone_number_id", "12\n"),
        ("phone_number_id", 12),
        ("welcome_message", "a\0"),
        ("welcome_message", "\ud800"),
        ("business_hours", "x" * 1001),
        ("timezone", "Mars/Olympus"),
        ("timezone", ""),
        ("locale", "ES"),
        ("locale", "es_"),
        ("access_token", ""),
        ("access_token", "two words"),
        ("access_token", "ñ"),
        ("unheard_of", 1),
    ],
)
def test_a_bad_value_is_refused_by_its_field(field: str, value: object) -> None:
    """422 names the field; nothing is guessed."""
    assert [field] == fields_refused(PLAIN | {field: value})


def test_all_problems_are_told_at_once_and_no_value_is_quoted() -> None:
    """One round trip mends a seed, and a pasted token is not printed back."""
    with pytest.raises(Invalid) as refused:
        validate(ClientSeed, {"name": "", "access_token": "my secret token"})
    assert ["name", "phone_number", "phone_number_id", "access_token"] == [
        problem.field for problem in refused.value.problems
    ]
    assert "secret" not in str(refused.value)
    assert "name: must be one line" in str(refused.value)


def test_a_token_is_stripped_and_does_not_print() -> None:
    """A token file ends in a newline; a log line never holds a token."""
    token = seed(access_token=" EAAB \n").access_token
    assert token is not None
    assert token.get_secret_value() == "EAAB"
    assert "EAAB" not in repr(token)


def test_changes_know_what_was_given() -> None:
    """What is not given stays as it is."""
    changes = validate(ClientChanges, {"name": "Nueva", "welcome_message": None})
    assert {"name", "welcome_message"} == changes.model_fields_set


@pytest.mark.parametrize("field", ["name", "phone_number", "timezone", "locale", "active"])
def test_a_field_that_must_have_a_value_cannot_be_cleared(field: str) -> None:
    """Null is refused, not stored."""
    with pytest.raises(Invalid):
        validate(ClientChanges, {field: None})
