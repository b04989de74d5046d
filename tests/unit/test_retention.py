"""How long what is kept."""

import pytest

from daemon.core.contacts import read_phone
from daemon.core.retention import DAY_S, decide_limits

NOW = 100 * DAY_S


@pytest.mark.parametrize(
    ("retention_days", "texts", "rows"),
    [(14, 86, 86), (8, 92, 92), (7, 93, 92), (1, 99, 92), (0.5, 99.5, 92), (365, -265, -265)],
)
def test_rows_go_with_their_text_and_not_while_meta_may_repeat_them(
    retention_days: float, texts: float, rows: float
) -> None:
    """A wamid is known for a day longer than the 7 days in which Meta sends a message again."""
    limits = decide_limits(now=NOW, retention_days=retention_days)
    assert (texts, rows, 99) == (
        limits.texts / DAY_S,
        limits.rows / DAY_S,
        limits.answers / DAY_S,
    )


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
