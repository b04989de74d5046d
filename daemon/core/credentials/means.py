"""What checks and exchanges work with; the daemon has these things at hand, the CLI makes them."""

from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from daemon.core.meta.exchanging import GraphExchanger
from daemon.core.meta.inspecting import GraphInspector
from daemon.core.settings import Settings
from daemon.core.store.group_commit import GroupCommit


@dataclass(frozen=True, slots=True)
class Means:
    """Everything a check or an exchange may use. `clock` is seconds since the epoch."""

    settings: Settings
    store: GroupCommit
    inspector: GraphInspector
    exchanger: GraphExchanger
    clock: Callable[[], float]


def make_means(
    http: aiohttp.ClientSession,
    *,
    settings: Settings,
    store: GroupCommit,
    clock: Callable[[], float],
) -> Means:
    """Put them together over a session that the caller closes."""
    base_url, version = settings.meta_graph_url, settings.meta_graph_version
    return Means(
        settings=settings,
        store=store,
        inspector=GraphInspector(http, base_url=base_url, version=version),
        exchanger=GraphExchanger(http, base_url=base_url, version=version),
        clock=clock,
    )
