"""A folder that looks like one of scripts/provision_client.sh's, on whatever machine."""

import shlex
from pathlib import Path

from daemon.core.orders import OF_INSTANCE


def make_instance(database: Path) -> str:
    """Make the folder of a database an instance's; give the command that stops its daemon."""
    (database.parent / ".env").write_text(f"{OF_INSTANCE}'1'\n")
    return f"scripts/provision_client.sh --stop {shlex.quote(database.parent.name)}"
