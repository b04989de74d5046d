"""What is wrong with a value is said in words for whoever gave it."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from daemon.core.errors import Invalid, Misconfigured
from daemon.core.reasons import explain
from daemon.core.seeds import ClientSeed, validate
from daemon.core.settings import Settings, load_settings


class Sample(BaseModel, extra="forbid"):
    text: str = Field(default="x", min_length=1, max_length=5)
    truth: bool = False
    whole: int = Field(default=1, ge=1, le=2**63 - 1)
    part: float = Field(default=0.5, gt=0, le=10, allow_inf_nan=False)
    chosen: Literal["a", "b"] = "a"
    listed: list[str] = []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"other": 1}, "is not known here"),
        ({"text": 1}, "must be text"),
        ({"text": "\ud800"}, "holds half a character (a lone surrogate), which cannot be stored"),
        ({"text": ""}, "is empty"),
        ({"text": "xxxxxx"}, "has more than 5 characters"),
        ({"truth": "maybe"}, "must be true or false"),
        ({"whole": "x"}, "must be a whole number"),
        ({"whole": 1.5}, "must be a whole number"),
        ({"whole": 0}, "must be 1 or more"),
        ({"whole": 2**63}, "must be 9223372036854775807 or less"),
        ({"part": "x"}, "must be a number"),
        ({"part": 0}, "must be more than 0"),
        ({"part": 10.5}, "must be 10 or less"),
        ({"part": float("nan")}, "must be a finite number"),
        ({"chosen": "c"}, "must be 'a' or 'b'"),
        ({"listed": 1}, "Input should be a valid list"),
    ],
)
def test_each_kind_of_error_has_its_words(given: dict[str, Any], reason: str) -> None:
    """What pydantic calls inputs and patterns; the rest speaks as it does."""
    with pytest.raises(ValidationError) as refused:
        Sample(**given)
    assert [reason] == [explain(error) for error in refused.value.errors()]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("phone_number_id", "12 34", "digits only, as Meta shows it (WhatsApp > API Setup)"),
        ("locale", "Spanish", "a language such as es"),
        ("timezone", "Nowhere", "an example is Europe/Madrid"),
        ("phone_number", "666", "for example +34666777888"),
    ],
)
def test_a_seed_says_what_is_expected(field: str, value: str, words: str) -> None:
    """Where to look it up, or an example; no pattern."""
    plain = {"name": "x", "phone_number": "+34666777888", "phone_number_id": "1"}
    with pytest.raises(Invalid) as refused:
        validate(ClientSeed, plain | {field: value})
    assert words in str(refused.value)
    assert "^" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PORT", "http", "PORT must be a whole number"),
        ("PORT", "70000", "PORT must be 65535 or less"),
        ("APP_ENV", "live", "APP_ENV must be 'dev' or 'prod'"),
        ("META_GRAPH_VERSION", "26", "META_GRAPH_VERSION must be a version such as v26.0"),
        ("ALLOWED_ORIGINS", "foo", "ALLOWED_ORIGINS must be origins such as https://panel.example"),
        ("ALLOWED_ORIGINS", "https://a.example, *", "ALLOWED_ORIGINS must be origins"),
        ("ALLOWED_ORIGINS", "https://a.example/", "without a path"),
        ("METRICS_OPEN", "maybe", "METRICS_OPEN must be true or false"),
        ("COALESCE_SECONDS", "soon", "COALESCE_SECONDS must be a number"),
        ("PERSON_SECONDS", "1e20", "PERSON_SECONDS must be 315360000 or less"),
    ],
)
def test_a_setting_says_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, words: str
) -> None:
    """By the name it is set with."""
    for known in Settings.model_fields:
        monkeypatch.delenv(known.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured) as refused:
        load_settings()
    assert words in str(refused.value)
