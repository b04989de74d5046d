"""Deleting while the daemon works: a person on request, and by themselves what is too old."""

import asyncio
import time
from pathlib import Path

from tests.doubles.crashing_daemon import QuickDaemon
from tests.doubles.daemon_process import wait_until
from tests.doubles.model_server import Behaviour
from tests.doubles.stage import Stage, open_stage
from tests.doubles.stage_clients import PLAZA, SOL

OLD_S = 20 * 24 * 3600
"""Older than the retention."""

AT_ONCE = {
    "daemon.work.purger.FIRST_S": 0.0,
    "daemon.work.purger.EVERY_S": 0.05,
    "daemon.work.purger.PAUSE_S": 0.02,
    "daemon.work.purger.SHARE": 0.0,
}
ROWS = 3_000


async def test_a_person_is_erased_from_a_working_daemon(tmp_path: Path) -> None:
    """By the CLI beside it, in mid-turn; others are answered, and so are they anew."""
    async with open_stage(tmp_path) as stage:
        ana, bea = stage.make_customer(), stage.make_customer()
        await stage.write("¿Cuál es el horario?", customer=ana)
        before = await stage.read_answers(ana)
        stage.model.always = Behaviour("hang")
        asked = len(stage.model.requests)
        await stage.write("¿Y los domingos?", customer=ana)

        async def is_asked() -> bool:
            return len(stage.model.requests) > asked

        await wait_until(is_asked)
        exported = (await stage.run_cli("contact", "export", PLAZA, f"+{ana}")).read_json()
        assert 2 == len(exported["messages"])
        done = await stage.run_cli("contact", "erase", "--all-clients", ana, "--yes", "--json")
        assert 0 == done.code, done.err
        (receipt,) = done.read_json()
        assert 2 == receipt["erased"]["inbox"]
        await stage.reset()
        await stage.write("¿Cuál es el horario?", customer=bea, number=SOL)
        assert await stage.read_answers(bea)
        await stage.settle()
        assert before == await stage.read_answers(ana)
        assert [] == stage.query("SELECT id FROM conversations WHERE wa_id = ?", ana)
        await stage.write("¿Cuál es el horario?", customer=ana)
        assert 2 == len(await stage.read_answers(ana, count=2))
        assert ana not in stage.daemon.read_log()
        levels = {line["level"] for line in stage.daemon.read_log_lines()}
        assert "CRITICAL" not in levels
        assert "ERROR" not in levels


async def test_a_purge_that_is_killed_loses_nothing_that_should_stay(tmp_path: Path) -> None:
    """SIGKILL again and again: what is old goes in the end, what is not stays to the letter."""
    async with open_stage(tmp_path) as stage:
        await stage.daemon.kill()
        fill(stage)
        kept = stage.query(
            "SELECT * FROM inbox WHERE received_at > ? ORDER BY id", time.time() - OLD_S / 2
        )
        assert ROWS / 10 + 1 == len(kept)
        port = int(stage.daemon.settings["PORT"])
        stage.daemon = QuickDaemon(tmp_path, stage.daemon.settings, port=port, budgets=AT_ONCE)
        left = ROWS
        for _ in range(3):
            await stage.daemon.start()

            async def has_begun(left: int = left) -> bool:
                return count_old(stage) < left

            await wait_until(has_begun, within_s=30)
            await stage.daemon.kill()
            left = count_old(stage)
            assert left > 0
        await stage.daemon.start()

        async def is_done() -> bool:
            return stage.query("SELECT count(*) FROM inbox") == [(len(kept),)]

        await wait_until(is_done, within_s=60)
        assert kept == stage.query("SELECT * FROM inbox ORDER BY id")
        assert [] == stage.query("PRAGMA foreign_key_check")
        assert [("ok",)] == stage.query("PRAGMA integrity_check")
        await wait_until(lambda: asyncio.sleep(0, "purged" in stage.daemon.read_log()))
        await stage.daemon.close()


def count_old(stage: Stage) -> int:
    return int(stage.query("SELECT count(*) FROM inbox WHERE text = 'old'")[0][0])


def fill(stage: Stage) -> None:
    """Put old messages, one young one in ten, and an old and a young one of a stopped client."""
    now = time.time()
    stage.query("UPDATE clients SET stopped_code = 131031 WHERE phone_number_id = ?", SOL)
    ((sol,),) = stage.query("SELECT id FROM clients WHERE phone_number_id = ?", SOL)
    stage.query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)"
        " INSERT INTO conversations (id, client_id, wa_id, fence, created_at)"
        " SELECT i, 1 + i % 2 * ?, '34' || (600000000 + i), 0, ? FROM n",
        sol - 1,
        now - OLD_S,
    )
    insert = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) INSERT INTO"
        " inbox (wamid, client_id, conversation_id, type, text, sent_at, received_at, state,"
        " attempts) SELECT ? || i, 1 + i % 2 * ?, 1 + (i + 299) % 300, 'text', ?, ?, ?, ?, 0 FROM n"
    )
    for count, text, age_s, state in (
        (ROWS, "old", OLD_S, "done"),
        (1, "waiting", OLD_S, "pending"),
        (ROWS // 10, "young", 3600, "done"),
        (1, "waiting", 3600, "pending"),
    ):
        stage.query(insert, count, f"{text}{age_s}", sol - 1, text, now - age_s, now - age_s, state)
