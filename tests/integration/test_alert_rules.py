"""Every alert we ship fires when it should, is silent before, and tells what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from released_cli.app import app
from tests.doubles.alarm_house import ACTS, play
from tests.doubles.alarm_scenes import SCENES, Scene, make_no_backup
from tests.doubles.alarms import ROOT, Rule, Story, ask_promtool, find_promtool, read_rules

RUNBOOK = ROOT / "docs/runbook.md"

COMMAND = re.compile(r"(?<![-\w/])released ((?:[a-z]+ ?)+)")
"""A command in the text of an alert, with the plain words after it."""

RULES = {rule.key: rule for rule in read_rules()}


def check(rule: Rule, story: Story, folder: Path) -> None:
    assert set() == rule.firing(story, story.calm_at)
    assert rule.firing(story, story.ends_at)
    promtool = find_promtool()
    if promtool is not None:
        ask_promtool(promtool, rule, story, folder)


def test_every_alert_is_tried() -> None:
    """None is left out, and none that is gone is kept."""
    assert RULES.keys() == SCENES.keys() | ACTS.keys()


@pytest.mark.parametrize(("key", "scene"), SCENES.items(), ids=SCENES.keys())
def test_an_alert_fires_when_the_meters_say_so(key: str, scene: Scene, tmp_path: Path) -> None:
    """Calm before, firing after; promtool finds the same where there is one."""
    check(RULES[key], scene(tmp_path), tmp_path)


@pytest.mark.parametrize("key", ACTS)
async def test_an_alert_fires_when_a_daemon_is_in_trouble(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon's own /metrics make it fire, and did not before."""
    act, minutes = ACTS[key]
    check(RULES[key], await play(act, tmp_path, monkeypatch, minutes=minutes), tmp_path)


def test_a_backup_that_was_never_made_is_missed(tmp_path: Path) -> None:
    """As late as one that is old: the daemon has had since its start."""
    check(RULES["ReleasedBackupOld-warning"], make_no_backup(tmp_path), tmp_path)


def test_every_alert_says_what_to_do_and_where_more_is_written() -> None:
    """A summary, the next command, and the runbook's paragraph of its name."""
    for rule in RULES.values():
        assert {"summary", "description", "runbook_url"} == rule.annotations.keys()
        assert "Run: " in rule.annotations["description"], rule.key
        assert f"docs/runbook.md#{rule.name.lower()}" == rule.annotations["runbook_url"]
        assert rule.severity in {"critical", "warning"}


def test_every_command_that_an_alert_names_is_one() -> None:
    """Nobody should find out at night that it was renamed."""
    unknown = {
        command
        for rule in RULES.values()
        for command in COMMAND.findall(rule.annotations["description"])
        if not is_command(command)
    }
    assert set() == unknown


def is_command(words: str) -> bool:
    """Tell whether `released` has such a command; what follows it may be its arguments."""
    found: Any = typer.main.get_command(app)
    for word in words.split():
        if not hasattr(found, "commands"):
            return True
        if word not in found.commands:
            return False
        found = found.commands[word]
    return not hasattr(found, "commands")


def test_the_runbook_has_a_paragraph_for_every_alert() -> None:
    """The link leads somewhere."""
    if not RUNBOOK.exists():
        pytest.skip("docs/runbook.md is not there")
    headings = {
        line.strip("# ").lower() for line in RUNBOOK.read_text().splitlines() if "#" in line
    }
    assert set() == {rule.name.lower() for rule in RULES.values()} - headings
