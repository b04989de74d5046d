"""The options of `client add` and `client update`: what they are called, and how they are read."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from released_cli.asking import Question
from released_cli.completion import complete_ref
from released_cli.sources import STDIN, name_source, read_input, read_secret
from released_cli.usage import UsageError

if TYPE_CHECKING:
    from daemon.core.faqs import Faq

Ref = Annotated[
    str,
    typer.Argument(
        metavar="REF",
        help="Its id, phone_number_id, phone number or exact name.",
        autocompletion=complete_ref,
    ),
]
Name = Annotated[str | None, typer.Option(metavar="TEXT", help="The business's name.")]
PhoneNumber = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Its WhatsApp number, as +34666777888.")
]
PhoneNumberId = Annotated[
    str | None, typer.Option(metavar="ID", help="Meta's id of that number (WhatsApp > API Setup).")
]
Faqs = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|-", help='A JSON list of {"q", "a"} or a CSV with header q,a; - is stdin.'
    ),
]
Welcome = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Said once, before the first answer.")
]
Fallback = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Said when the FAQs hold no answer.")
]
Hours = Annotated[
    str | None, typer.Option(metavar="TEXT", help='For example "L-V: 9:00-22:00, S: 10:00-23:00".')
]
Timezone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="For example Atlantic/Canary; Europe/Madrid unless given."),
]
Locale = Annotated[
    str | None,
    typer.Option(metavar="LANGUAGE", help="Its language, for example ca; es unless given."),
]
TokenFile = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|-", help="File with its own Meta access token, if not META_ACCESS_TOKEN."
    ),
]


def gather(options: Mapping[str, Any]) -> dict[str, Any]:
    """Take the fields of a client that were given, its access token read from where it is."""
    paths = [options["faqs"], options["access_token_file"]]
    if paths.count(STDIN) > 1:
        raise UsageError("Only one option can read stdin ('-').")
    values = {name: options[name] for name in FIELDS} | {
        "access_token": read_token(options["access_token_file"])
    }
    return {field: value for field, value in values.items() if value is not None}


FIELDS = (
    "name",
    "phone_number",
    "phone_number_id",
    "welcome_message",
    "fallback_message",
    "business_hours",
    "timezone",
    "locale",
)
"""The options that are fields of a client as they stand."""


def questions() -> dict[str, Question]:
    """List what `client add` asks a person for, by option, each answer checked as it is given."""
    from daemon.core.seeds import ClientChanges, validate

    def checked(field: str, text: str) -> Question:
        return Question(text, lambda answer: validate(ClientChanges, {field: answer}))

    return {
        "--name": checked("name", "Name of the business"),
        "--phone-number": checked("phone_number", "Its WhatsApp number, as +34666777888"),
        "--phone-number-id": checked(
            "phone_number_id", "Meta's phone_number_id of that number (WhatsApp > API Setup)"
        ),
        "--faqs": Question("File with its FAQs (JSON or CSV)", read_faqs),
    }


def read_faqs(path: str) -> "tuple[Faq, ...]":
    """Read a FAQ file, or stdin for `-`; raises `Invalid` with the entry and why."""
    from daemon.core.faqs import MAX_FAQ_BYTES, parse_faqs

    data = read_input(path, limit_bytes=MAX_FAQ_BYTES, what="FAQs")
    return parse_faqs(data, source=name_source(path))


def read_token(path: str | None) -> str | None:
    """Read a client's access token from a file, or stdin for `-`; None without a path."""
    return None if path is None else read_secret(path, what="Access token")
