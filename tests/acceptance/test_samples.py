"""Every body Meta is known to post is answered 200, quickly, without a traceback."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.doubles.stage import Stage, open_stage
from tests.doubles.stage_clients import ROOT

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAMPLES = ROOT.parent / "shared" / "samples" / "webhooks"
OWN = ROOT / "tests" / "data" / "webhooks"


def list_bodies(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.json"))


def find_numbers(paths: Sequence[Path]) -> list[str]:
    """Find every phone_number_id in the bodies, so that none of them is a stranger's."""
    found: set[str] = set()

    def look(value: Any) -> None:
        if isinstance(value, dict):
            metadata = value.get("metadata")
            number = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
            if isinstance(number, str) and number.isascii() and number.isdigit():
                found.add(number)
            for inner in value.values():
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    for path in paths:
        look(json.loads(path.read_bytes()))
    return sorted(found)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner_of_all(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Serve with a client for every number that the bodies name."""
    numbers = find_numbers([*list_bodies(SAMPLES), *list_bodies(OWN)])
    seeds = [
        {"name": f"Client {number}", "phone_number": "+34666777888", "phone_number_id": number}
        for number in numbers
    ]
    folder = tmp_path_factory.mktemp("samples")
    async with open_stage(folder, seeds=seeds, ANSWER_ENGINE="local") as opened:
        yield opened


async def post_all(stage: Stage, paths: Sequence[Path]) -> None:
    for path in paths:
        answer = await stage.post(path.read_bytes())
        assert (200, path) == (answer.status, path)
    await stage.settle()
    # What is posted again is known: Meta repeats whatever it likes.
    kept = stage.query("SELECT count(*) FROM inbox")
    for path in paths:
        assert 200 == (await stage.post(path.read_bytes())).status
    await stage.settle()
    assert kept == stage.query("SELECT count(*) FROM inbox")
    log = stage.daemon.read_log()
    assert "Traceback" not in log
    assert [] == [line for line in stage.daemon.read_log_lines() if line["level"] == "ERROR"]
    assert "ok" == (await stage.read_health())["status"]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="Meta's samples do not lie beside the checkout")
async def test_every_sample_of_meta_s_is_taken(owner_of_all: Stage) -> None:
    """All 136 bodies: 200, none slower than two seconds, nothing odd in the log."""
    paths = list_bodies(SAMPLES)
    assert 136 == len(paths)
    await post_all(owner_of_all, paths)
    assert [(0,)] != owner_of_all.query("SELECT count(*) FROM inbox")


async def test_every_body_of_ours_is_taken(owner_of_all: Stage) -> None:
    """The bodies in the repository, the odd ones too: the same promises, anywhere."""
    paths = list_bodies(OWN)
    assert [] != paths
    await post_all(owner_of_all, paths)
