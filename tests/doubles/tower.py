"""A watcher over a Meta whose tokens end, as tests of the watch look at it.

async with open_mint(tmp_path) as mint:
tower = build_tower(mint)
await tower.look()
"""

from dataclasses import dataclass
from typing import Any

from daemon.metrics import Metrics
from daemon.work.watching import Watcher
from tests.doubles.mint import Mint


@dataclass(slots=True)
class Tower:
    """A watcher over the mint's daemon; its clock stands still unless a test moves it."""

    mint: Mint
    metrics: Metrics
    watcher: Watcher
    now: float = 0.0

    async def look(self) -> int:
        return await self.watcher.look(self.mint.means)

    def read(self, name: str, **labels: str) -> float | None:
        told = ",".join(f'{key}="{value}"' for key, value in labels.items())
        for line in self.metrics.render().decode().splitlines():
            if line.startswith(f"released_{name}{{{told}}} "):
                return float(line.rpartition(" ")[2])
        return None

    async def read_alerts(self, *, token: str | None = None) -> list[tuple[Any, str, str]]:
        answer = await self.mint.admin.call("GET", "/status", token=token)
        return [
            (alert["client_id"], alert["level"], alert["text"])
            for alert in answer.read_json()["alerts"]
        ]


def build_tower(mint: Mint) -> Tower:
    metrics = Metrics()
    runtime = mint.admin.house.runtime
    tower = Tower(mint, metrics, watcher=None)  # type: ignore[arg-type]
    tower.watcher = Watcher(
        runtime, metrics, jitter=lambda: 1.0, pause_s=0, monotonic=lambda: tower.now
    )
    return tower


def days_of(tower: Tower, client: int) -> float | None:
    return tower.read("access_token_days_left", client=str(client))
