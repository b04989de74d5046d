"""Each of Meta's codes is met with the right remedy, and said so that an operator can act."""

import pytest

from daemon.core.meta.codes import DAY_S, Remedy, classify, describe, retry_delay

TABLE = {
    Remedy.RETRY: [1, 2, 131000, 131016, 131056, 133004],
    Remedy.THROTTLED: [4, 80007, 130429, 131057],
    Remedy.CREDENTIAL: [0, 190, 3, 10, 200, 201, 250, 299, 131005],
    Remedy.POLICY: [368, 131031, 130497, 131048, 131042, 131064],
    Remedy.NEVER: [
        *(131026, 131047, 131051, 131050, 131021, 131008, 131009, 100, 33),
        *(130403, 130472, 131062, 131049),
    ],
    Remedy.REGISTER: [133010, 131045, 133016],
}
ROWS = [(code, remedy) for remedy, codes in TABLE.items() for code in codes]


@pytest.mark.parametrize(("code", "remedy"), ROWS)
def test_every_row_of_the_table(code: int, remedy: Remedy) -> None:
    """The table of codes holds row by row."""
    assert remedy == classify(code)


@pytest.mark.parametrize("code", [-1, 5, 199, 300, 131099, 999_999])
def test_an_unknown_code_is_retried(code: int) -> None:
    """A code that Meta invents tomorrow parks the message after the limit, and drops none."""
    assert classify(code) == Remedy.RETRY


@pytest.mark.parametrize("code", [code for code, _ in ROWS] + [131099])
def test_a_description_is_one_line_that_names_the_code(code: int) -> None:
    """Whatever happens, the operator reads the code and one sentence."""
    said = describe(code)
    assert str(code) in said
    assert "\n" not in said
    assert len(said) < 200


def test_a_dead_token_says_how_to_replace_it() -> None:
    """The line about the token holds the command that mends it."""
    assert "released client update REF --access-token-file" in describe(190)


@pytest.mark.parametrize(
    ("attempt", "base_s", "jitter", "expected"),
    [
        (1, 4, 1.0, 4.0),
        (3, 4, 1.0, 64.0),
        (2, 4, 0.5, 8.0),
        (2, 0.1, 1.5, 0.015),
        (5, 0, 1.5, 0.0),
        (30, 4, 1.0, DAY_S),
        (1_000_000, 4, 1.5, DAY_S),
    ],
)
def test_the_wait_grows_by_metas_advice(
    attempt: int, base_s: float, jitter: float, expected: float
) -> None:
    """Base to the power of n, jittered, and never past a day."""
    assert expected == pytest.approx(retry_delay(attempt, base_s=base_s, jitter=jitter))
