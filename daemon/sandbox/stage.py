"""Everything one sandbox is made of, built once and handed to the endpoints.

Owns the wiring and the end; each part owns itself.
"""

from dataclasses import dataclass

from aiohttp import web

from daemon.sandbox.bells import Bells
from daemon.sandbox.chats import Chats
from daemon.sandbox.config import SandboxConfig
from daemon.sandbox.directory import Directory
from daemon.sandbox.events import Events
from daemon.sandbox.faults import FaultBox
from daemon.sandbox.ledger import Ledger
from daemon.sandbox.people import Customers
from daemon.sandbox.posting import Poster
from daemon.sandbox.tasks import Tasks
from daemon.sandbox.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Stage:
    """The parts of one sandbox."""

    config: SandboxConfig
    bells: Bells
    events: Events
    faults: FaultBox
    ledger: Ledger
    customers: Customers
    chats: Chats
    directory: Directory
    poster: Poster
    tasks: Tasks
    wallet: Wallet

    def send_home(self) -> None:
        """End every wait and every stream, so that the server can close at once."""
        self.bells.close()
        self.events.close()

    async def close(self) -> None:
        """End background work and give back connections."""
        await self.tasks.close()
        await self.poster.close()


STAGE = web.AppKey("stage", Stage)


def build_stage(config: SandboxConfig) -> Stage:
    """Wire the parts; opens nothing."""
    bells, events, faults = Bells(), Events(), FaultBox()
    ledger = Ledger(bells)
    return Stage(
        config=config,
        bells=bells,
        events=events,
        faults=faults,
        ledger=ledger,
        customers=Customers(),
        chats=Chats(clock=config.clock, bells=bells, publish=events.publish),
        directory=Directory(config.list_clients),
        poster=Poster(config, faults=faults, ledger=ledger, publish=events.publish),
        tasks=Tasks(),
        wallet=Wallet(config, faults),
    )
