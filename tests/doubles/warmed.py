"""What the process that programs are forked from has done before the first fork.

Owns no program, and is imported in that process alone: to import it is to do it. A forked program
finds its imports done, the API described and the command line built, and looks for garbage among
its own objects only. All of this rests on the code alone, and no test sees a difference.
"""

import gc
import importlib
import importlib.metadata

import typer.main

from daemon.api import describing
from daemon.api.routes import ROUTES
from released_cli.app import app
from tests.doubles import command_tree, described

IMPORTED = (
    "alembic.command",
    "alembic.ddl.sqlite",
    "anyio.streams.tls",
    "daemon.core.assistants.choosing",
    "daemon.core.assistants.responses",
    "daemon.core.sealing.resealing",
    "daemon.core.sealing.starting",
    "daemon.core.store.scrubbing",
    "daemon.main",
    "daemon.sandbox",
    "encodings.idna",
    "getpass",
    "httpcore2",
    "multiprocessing.spawn",
    "released_cli.local",
    "rich.filesize",
    "rich.table",
    "tests.doubles.forking",
    "truststore",
    "typer._adapters",
    "typer._click.decorators",
)
"""What programs import only when they need it."""


def _warm() -> None:
    for name in IMPORTED:
        importlib.import_module(name)
    describing.build_description = described.remember()
    describing.build_description(ROUTES, version=importlib.metadata.version("released"))
    typer.main.get_command = command_tree.get_commands
    list(command_tree.get_commands(app).commands.values())  # each is made when it is looked up
    gc.collect()
    gc.freeze()


_warm()
