"""How long a trial may last: decided by the age of the file that says so."""

import pytest

from daemon.core.trial import TRIAL_S, decide_left


@pytest.mark.parametrize(
    ("age_s", "left_s"),
    [
        (0.0, TRIAL_S),
        (TRIAL_S - 1, 1.0),
        (TRIAL_S, 0.0),
        (TRIAL_S + 60, -60.0),
        (-3600.0, TRIAL_S),
    ],
)
def test_a_trial_ends_so_long_after_the_file_was_left(age_s: float, left_s: float) -> None:
    """Starts in between do not lengthen it, and neither does a clock that was set back."""
    assert left_s == decide_left(age_s)
