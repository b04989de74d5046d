"""How long what is kept."""

import pytest

from daemon.core.contacts import read_phone
from daemon.core.retention import DAY_S, decide_limits

NOW = 1000 * DAY_S


@pytest.mark.parametrize(
    ("retention_days", "texts", "rows"),
    [
        (14, 986, 986),
        (8, 992, 992),
        (7, 993, 992),
        (1, 999, 992),
        (0.5, 999.5, 992),
        (365, 635, 635),
    ],
)
def test_rows_go_with_their_text_and_not_while_meta_may_repeat_them(
    retention_days: float, texts: float, rows: float
) -> None:
    """A wamid is known for a day longer than the 7 days in which Meta sends a message again."""
    limits = decide_limits(now=NOW, retention_days=retention_days)
    assert (texts, rows, 999) == (
        limits.texts / DAY_S,
        limits.rows / DAY_S,
        limits.answers / DAY_S,
    )


@pytest.mark.parametrize(("retention_days", "waiting"), [(14, 986), (1, 999), (0.5, 999)])
def test_what_waits_is_let_go_with_its_text_and_not_while_it_may_be_sent(
    retention_days: float, waiting: float
) -> None:
    """A day is how long Meta takes an answer."""
    limits = decide_limits(now=NOW, retention_days=retention_days)
    assert waiting == limits.waiting / DAY_S


@pytest.mark.parametrize("retention_days", [0.5, 14, 500])
def test_turns_are_kept_for_a_year_and_a_month(retention_days: float) -> None:
    """Whatever becomes of the messages they answered."""
    assert 600 == decide_limits(now=NOW, retention_days=retention_days).turns / DAY_S


@pytest.mark.parametrize(
    ("customer", "digits"),
    [
        ("+34600111222", "34600111222"),
        ("34600111222", "34600111222"),
        (" +34 (600) 111-222 ", "34600111222"),
        ("ES.13491208655302741918", None),
        ("1234", None),
        ("", None),
        ("٣٤٦٠٠١١١٢٢٢", None),
    ],
)
def test_a_phone_is_read_as_it_is_typed(customer: str, digits: str | None) -> None:
    """A plus, spaces, dots, dashes and brackets make no difference; a user id is no number."""
    assert digits == read_phone(customer)
