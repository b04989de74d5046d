"""The options of `client add` and `client update`: what they are called, and how they are read."""

from typing import TYPE_CHECKING, Annotated

import typer

from released_cli.session import Question, UsageError, read_input

if TYPE_CHECKING:
    from daemon.core.faqs import Faq

TOKEN_LIMIT = 10_000
"""Bytes of an access token file; a token has a few hundred."""

Ref = Annotated[
    str, typer.Argument(metavar="REF", help="Its id, phone_number_id, phone number or exact name.")
]
Name = Annotated[str | None, typer.Option(help="The business's name.")]
PhoneNumber = Annotated[str | None, typer.Option(help="Its WhatsApp number, as +34666777888.")]
PhoneNumberId = Annotated[
    str | None, typer.Option(help="Meta's id of that number (WhatsApp > API Setup).")
]
Faqs = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|-", help='A JSON list of {"q", "a"} or a CSV with header q,a; - is stdin.'
    ),
]
Welcome = Annotated[str | None, typer.Option(help="Said once, before the first answer.")]
Fallback = Annotated[str | None, typer.Option(help="Said when the FAQs hold no answer.")]
Hours = Annotated[str | None, typer.Option(help='For example "L-V: 9:00-22:00, S: 10:00-23:00".')]
Timezone = Annotated[
    str | None, typer.Option(help="For example Atlantic/Canary; Europe/Madrid unless given.")
]
Locale = Annotated[str | None, typer.Option(help="Its language, for example ca; es unless given.")]
TokenFile = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|-", help="File with its own Meta access token, if not META_ACCESS_TOKEN."
    ),
]


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

    source = "stdin" if path == "-" else path
    return parse_faqs(read_input(path, limit_bytes=MAX_FAQ_BYTES, what="FAQs"), source=source)


def read_token(path: str | None) -> str | None:
    """Read an access token from a file, or stdin for `-`; raises `Invalid`, quoting nothing."""
    from daemon.core.errors import Invalid

    if path is None:
        return None
    data = read_input(path, limit_bytes=TOKEN_LIMIT, what="Access token")
    try:
        return data.decode("ascii").strip()
    except UnicodeDecodeError:
        source = "stdin" if path == "-" else path
        raise Invalid(f"Access token: {source} holds no token, which is plain ASCII.") from None


def refuse_two_stdin(*paths: str | None) -> None:
    """Refuse a command line on which two options want stdin."""
    if paths.count("-") > 1:
        raise UsageError("Only one option can read stdin ('-').")
