"""What somebody may tell us of a client: the one source of validation for the CLI and HTTP."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StringConstraints,
    ValidationError,
)

from daemon.core.errors import FieldProblem, Invalid
from daemon.core.meta.outbound import TEXT_LIMIT
from daemon.core.reasons import explain
from daemon.core.schedule import check_timezone

_SEPARATORS = re.compile(r"[\s.\-()\[\]/\u2010-\u2015]")
_E164 = re.compile(r"\+[0-9]{7,15}")
_NUMBER_ID = re.compile(r"[0-9]{1,64}")
_LOCALE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def normalize_phone_number(text: str) -> str:
    """Bring a phone number to E.164 shape: a plus and 7 to 15 digits.

    Raises:
        ValueError: when it has another shape.

    """
    number = _SEPARATORS.sub("", text)
    if not _E164.fullmatch(number):
        raise ValueError("must be + and 7 to 15 digits, for example +34666777888")
    return number


def _number_id(text: str) -> str:
    if not _NUMBER_ID.fullmatch(text):
        raise ValueError("must be digits only, as Meta shows it (WhatsApp > API Setup)")
    return text


def _language(text: str) -> str:
    if not _LOCALE.fullmatch(text):
        raise ValueError("must be a language such as es, or one with its country such as es_MX")
    return text


def _storable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("holds characters that no message can carry")
    return text


def _one_line(text: str) -> str:
    stripped = _storable(text).strip()
    if len(stripped.splitlines()) != 1:
        raise ValueError("must be one line, not empty")
    return stripped


def _text_or_none(text: str | None) -> str | None:
    return (_storable(text).strip() or None) if text is not None else None


def _known_timezone(name: str) -> str:
    try:
        check_timezone(name)
    except Invalid as unknown:
        raise ValueError(str(unknown)) from None
    return name


def _token(secret: SecretStr | None) -> SecretStr | None:
    if secret is None:
        return None
    value = secret.get_secret_value().strip()
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("is no access token: one word of printable ASCII is expected")
    return SecretStr(value)


Name = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_one_line)
]
PhoneNumber = Annotated[
    str, Field(max_length=64, examples=["+34666777888"]), AfterValidator(normalize_phone_number)
]
PhoneNumberId = Annotated[
    str, AfterValidator(_number_id), Field(json_schema_extra={"pattern": f"^{_NUMBER_ID.pattern}$"})
]
Text = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=TEXT_LIMIT)] | None,
    AfterValidator(_text_or_none),
]
HoursText = Annotated[
    Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] | None,
    AfterValidator(_text_or_none),
]
Timezone = Annotated[str, AfterValidator(_known_timezone), Field(examples=["Europe/Madrid"])]
Locale = Annotated[
    str, AfterValidator(_language), Field(json_schema_extra={"pattern": f"^{_LOCALE.pattern}$"})
]
AccessToken = Annotated[SecretStr | None, AfterValidator(_token)]


class ClientSeed(BaseModel):
    """A new client, without its FAQs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    phone_number: PhoneNumber
    phone_number_id: PhoneNumberId
    welcome_message: Text = None
    fallback_message: Text = None
    business_hours: HoursText = None
    timezone: Timezone = "Europe/Madrid"
    locale: Locale = "es"
    access_token: AccessToken = None


class ClientChanges(BaseModel):
    """Fields to set on a client; what is not given stays, and null clears what may be empty."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name = ""
    phone_number: PhoneNumber = ""
    phone_number_id: PhoneNumberId = ""
    welcome_message: Text = None
    fallback_message: Text = None
    business_hours: HoursText = None
    timezone: Timezone = ""
    locale: Locale = ""
    access_token: AccessToken = None
    active: StrictBool = True


Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], data: Mapping[str, Any]) -> Model:
    """Make a seed of what somebody gave.

    Raises:
        Invalid: one line for all problems, and each of them by field. It quotes no value.

    """
    try:
        return model.model_validate(data)
    except ValidationError as invalid:
        problems = tuple(
            FieldProblem(
                field=".".join(str(part) for part in error["loc"]) or "body",
                reason=explain(error),
            )
            for error in invalid.errors(include_input=False, include_url=False)
        )
    listing = "; ".join(f"{problem.field}: {problem.reason}" for problem in problems)
    raise Invalid(listing, problems=problems)
