"""`released token`: who may use the admin API."""

from typing import Annotated

import typer

from released_cli.output import print_json, print_table, print_text, say
from released_cli.session import AsJson, actor, database, now

app = typer.Typer(no_args_is_help=True)

TokenName = Annotated[str, typer.Argument(metavar="NAME", help="Whom or what it is for.")]


@app.command("create", epilog="Example: released token create backoffice --expires-days 365")
def create(
    ctx: typer.Context,
    name: TokenName,
    *,
    expires_days: Annotated[float, typer.Option(help="Days it works; 0 has expired at once.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Make a token and show it, this once."""
    from dataclasses import asdict

    from daemon.core.documents import timestamp
    from daemon.core.tokens import create_token

    with database(ctx) as opened:
        made = opened.write(
            lambda conn: create_token(
                conn, name, lifetime_days=expires_days, now=now(), actor=actor()
            )
        )
    expires_at = timestamp(made.expires_at)
    if as_json:
        print_json(asdict(made) | {"expires_at": expires_at})
        return
    print_text(made.token)
    until = f"valid until {expires_at}" if made.expires_at > now() else "expired already"
    say(f"Token {made.name}, {until}. Keep it: it is not shown again.")


@app.command("list")
def show_all(ctx: typer.Context, *, as_json: AsJson = False) -> None:
    """List tokens, without the tokens themselves."""
    from daemon.core.store.tokens import list_tokens
    from daemon.core.tokens import token_document

    with database(ctx) as opened:
        found = opened.read(list_tokens)
    documents = [token_document(token, now=now()) for token in found]
    if as_json:
        print_json(documents)
    elif documents:
        print_table(list(documents[0]), [list(document.values()) for document in documents])
    else:
        say("No tokens yet. Make one: released token create NAME")


@app.command("revoke")
def revoke(ctx: typer.Context, name: TokenName) -> None:
    """Make a token useless at once."""
    from daemon.core.tokens import revoke_token

    with database(ctx) as opened:
        opened.write(lambda conn: revoke_token(conn, name, now=now(), actor=actor()))
    say(f"Token {name} is revoked.")
