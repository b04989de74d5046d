"""When a failed send is tried again, for every attempt, base and draw of the dice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.meta.codes import DAY_S, retry_delay

BASES = st.floats(min_value=1.0, max_value=60.0)
ATTEMPTS = st.integers(min_value=1, max_value=100)
JITTERS = st.floats(min_value=0.5, max_value=1.5)


@given(ATTEMPTS, BASES, JITTERS)
def test_no_wait_is_negative_or_longer_than_a_day(
    attempt: int, base_s: float, jitter: float
) -> None:
    """Whatever the settings allow, a message comes round again while it may still be sent."""
    assert 0.0 < retry_delay(attempt, base_s=base_s, jitter=jitter) <= DAY_S


@given(ATTEMPTS, BASES, JITTERS)
def test_waits_never_shrink(attempt: int, base_s: float, jitter: float) -> None:
    """Each failure makes it more patient, until the day is reached."""
    wait = retry_delay(attempt, base_s=base_s, jitter=jitter)
    following = retry_delay(attempt + 1, base_s=base_s, jitter=jitter)
    assert wait <= following


@given(ATTEMPTS, BASES, JITTERS)
def test_the_dice_move_it_by_half_at_most(attempt: int, base_s: float, jitter: float) -> None:
    """Between half and one and a half of Meta's advice, base to the power of the attempt."""
    middle = retry_delay(attempt, base_s=base_s, jitter=1.0)
    wait = retry_delay(attempt, base_s=base_s, jitter=jitter)
    assert min(DAY_S, 0.5 * middle) <= wait * 1.000001
    assert wait <= min(DAY_S, 1.5 * middle) * 1.000001


@given(ATTEMPTS, st.floats(min_value=1e-3, max_value=1e9), JITTERS)
def test_no_setting_breaks_the_arithmetic(attempt: int, base_s: float, jitter: float) -> None:
    """A huge base overflows a float long before the last attempt; the day still holds."""
    assert 0.0 <= retry_delay(attempt, base_s=base_s, jitter=jitter) <= DAY_S


@pytest.mark.parametrize(
    ("attempt", "expected"), [(1, 4.0), (2, 16.0), (3, 64.0), (4, 256.0), (5, 1024.0)]
)
def test_the_default_is_meta_s_advice(attempt: int, expected: float) -> None:
    """4, 16, 64, 256, 1024 seconds: five pauses between six attempts, twenty-three minutes."""
    assert expected == retry_delay(attempt, base_s=4, jitter=1.0)
