"""The options that commands which watch share: whose, and how many."""

from typing import Annotated

import typer

from released_cli.completion import complete_ref

MOST = 1000
"""Entries that one look can give."""

Whose = Annotated[
    str | None,
    typer.Argument(
        metavar="REF",
        help="Only this client: its id, phone_number_id, phone number or exact name.",
        autocompletion=complete_ref,
    ),
]
OnlyClient = Annotated[
    str | None,
    typer.Option(metavar="REF", help="Only this client's.", autocompletion=complete_ref),
]
Newest = Annotated[
    int,
    typer.Option("-n", "--limit", metavar="N", min=1, max=MOST, help="Only the newest so many."),
]
