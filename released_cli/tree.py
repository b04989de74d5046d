"""The tree of commands: in which module each stands, and when that is imported.

A module is imported, and what typer makes of its signatures built, once a command line names one
of its commands: all of them together cost each start 50 ms, and most command lines name one.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from released_cli.helping import HelpfulGroup

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Clients": {"client": "client", "plan": "fleet", "apply": "fleet", "export": "fleet"},
    "What happens": {
        "status": "status",
        "top": "top",
        "log": "log",
        "listen": "listen",
        "inbox": "inbox",
        "contact": "contact",
    },
    "Running it": {
        "doctor": "doctor",
        "audit": "audit",
        "meta": "meta",
        "token": "token",
        "secrets": "secrets",
        "db": "db",
        "service": "service",
    },
    "Where to work": {"login": "login", "logout": "login", "completion": "completion"},
    "Trying it out": {"demo": "demo", "sandbox": "sandbox"},
}
"""The commands as `--help` lists them, each with the module whose `app` holds it."""


class Commands(Mapping[str, Any]):
    """The commands by their names, each made when it is first looked up."""

    def __init__(self, modules: Mapping[str, str]) -> None:
        """Import nothing yet."""
        self._modules = modules
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Import the command's module, and give what typer makes of it."""
        if name not in self._made:
            self._made[name] = _make(name, self._modules[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Give the names, in the order of the sections."""
        return iter(self._modules)

    def __len__(self) -> int:
        """Count the commands and groups."""
        return len(self._modules)


class Root(HelpfulGroup):
    """`released` itself: lists the commands by what they are for."""

    sections = SECTIONS

    def __init__(self, *args: Any, **options: Any) -> None:
        """Build as Typer does, with commands that are made later."""
        super().__init__(*args, **options)
        modules = {name: module for found in SECTIONS.values() for name, module in found.items()}
        self.commands: Any = Commands(modules)


def _make(name: str, module: str) -> Any:
    """Give a module's group where that has the name, else the command of the name in it."""
    from typer.main import get_group

    group = get_group(import_module(f"released_cli.{module}").app)
    return group if group.name == name else group.commands[name]
