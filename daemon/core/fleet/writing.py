"""Writes a fleet as TOML: what is, in a form that read back gives the same.

Owns the form. Leaves out what no document holds (access tokens), saying so, and what the reader
puts in by itself. Opens no file.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import tomli_w

from daemon.core.wording import default_fallback

Document = Mapping[str, Any]

HEADER = """\
# The clients as `released export` found them. `released plan FILE` compares them with what is,
# `released apply FILE` makes them so.
# Access tokens of a client's own are secret and not in here; without `access_token_file` a client
# keeps the one it has.
"""

NOT_EXPORTED = '# Its own access token is not exported; access_token_file = "PATH" sets one.\n'

NONE = "clients = []\n"

FIELDS = (
    "name",
    "phone_number",
    "phone_number_id",
    "active",
    "welcome_message",
    "fallback_message",
    "business_hours",
    "timezone",
    "locale",
)
"""What is written of a client document, in this order."""


def write_fleet(clients: Sequence[tuple[Document, Sequence[Document] | str]]) -> str:
    """Write client documents, each with its FAQ entries or the path of the file that has them."""
    tables = [_write_client(document, faqs) for document, faqs in clients]
    return "\n".join([HEADER, *tables]) if tables else f"{HEADER}\n{NONE}"


def write_faqs(faqs: Sequence[Document]) -> str:
    """Write a FAQ file in JSON, for people to edit."""
    return json.dumps(list(faqs), ensure_ascii=False, indent=2) + "\n"


def _write_client(document: Document, faqs: Sequence[Document] | str) -> str:
    table = {name: document[name] for name in FIELDS if _is_written(name, document)}
    table["faqs"] = faqs
    # Over several lines a text loses its carriage returns; escaped on one line it keeps them.
    lines = r"\r\n" not in json.dumps(table)
    text = tomli_w.dumps({"clients": [table]}, multiline_strings=lines)
    return f"{NOT_EXPORTED if document['access_token_digest'] else ''}{text}"


def _is_written(name: str, document: Document) -> bool:
    value = document[name]
    if name == "fallback_message":
        return bool(value != default_fallback(document["locale"]))
    return value is not None and (name != "active" or not value)
