"""The daemon's application, with the API's description built once for all of a process.

The description depends on the routes alone, and is most of what making an application costs.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
from aiohttp import web

from daemon.api import describing
from daemon.api.route import Route
from daemon.app import build_app
from daemon.core.runtime import Runtime


def build_described_app(runtime: Runtime, *, on_death: Callable[[], None]) -> web.Application:
    """Do what `build_app` does, for a tenth of the cost from the second time on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(describing, "build_description", remember())
        return build_app(runtime, on_death=on_death)


@cache
def remember() -> Callable[..., dict[str, Any]]:
    """Give a stand-in for `build_description`, which builds that of the same routes once."""
    build = describing.build_description
    built: dict[tuple[int, str], dict[str, Any]] = {}

    def build_once(routes: Sequence[Route], *, version: str) -> dict[str, Any]:
        key = (id(routes), version)
        if key not in built:
            built[key] = build(routes, version=version)
        return built[key]

    return build_once
