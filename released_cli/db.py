"""`released db`: the database itself."""

import typer

from released_cli.output import say
from released_cli.session import load, refuse_elsewhere

app = typer.Typer(no_args_is_help=True)


@app.command("upgrade")
def upgrade(ctx: typer.Context) -> None:
    """Bring the schema up to date; on SQLite every program does this by itself."""
    from daemon.core.store.engine import Database, sqlite_path
    from daemon.core.store.upgrade import HEAD, prepare

    refuse_elsewhere(ctx, "db upgrade")
    database = Database(sqlite_path(load(ctx).database_url))
    try:
        upgraded = prepare(database)
    finally:
        database.close()
    state = "upgraded to" if upgraded else "up to date at"
    say(f"{database.path} is {state} schema {HEAD}.")
