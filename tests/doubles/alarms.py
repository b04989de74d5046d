"""Our alert rules, and whether one fires over a story of scrapes; promtool can be asked as well.

A story is what a Prometheus would have scraped: texts that the real `Metrics` wrote, minute after
minute from moment 0 on.
"""

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml  # type: ignore[import-untyped]

from tests.doubles.promql import History, Labels, Scrape, evaluate

ROOT = Path(__file__).parents[2]
RULES_FILE = ROOT / "deploy/prometheus/alerts.yml"
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert of the file."""

    name: str
    expr: str
    for_s: float
    severity: str
    entry: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.name}-{self.severity}"

    @property
    def annotations(self) -> dict[str, str]:
        found: dict[str, str] = self.entry["annotations"]
        return found

    def firing(self, story: "Story", at: float) -> set[Labels]:
        """Find for which labels it fires at a moment, evaluated after each scrape."""
        steps = math.ceil(self.for_s / story.step_s)
        held = [self._holds(story.history, at - step * story.step_s) for step in range(steps + 1)]
        return set.intersection(*held)

    def _holds(self, history: History, at: float) -> set[Labels]:
        found = evaluate(self.expr, history, at)
        assert isinstance(found, dict)
        return set(found)


@dataclass(slots=True)
class Story:
    """Scrapes at an even pace. Nothing may fire at `calm_at`; at `ends_at` the alert must."""

    step_s: float = MINUTE_S
    history: History = field(default_factory=History)
    calm_at: float = 0.0

    @property
    def ends_at(self) -> float:
        return self.history.times[-1]

    def tell(self, text: str | bytes, *, minutes: float) -> None:
        """Scrape the same text for so long."""
        for at in self._moments(minutes):
            self.history.take(at, text if isinstance(text, str) else text.decode())

    def fail(self, *, minutes: float) -> None:
        """Get no answer for so long."""
        for at in self._moments(minutes):
            self.history.fail(at)

    def stay_calm(self) -> None:
        """Mark the last moment at which all was well."""
        self.calm_at = self.ends_at

    def _moments(self, minutes: float) -> Iterator[float]:
        for _ in range(max(1, round(minutes * MINUTE_S / self.step_s))):
            yield len(self.history.times) * self.step_s


def read_rules() -> list[Rule]:
    """Read the alerts of the file we ship."""
    groups = yaml.safe_load(RULES_FILE.read_text())["groups"]
    return [_read_rule(entry) for group in groups for entry in group["rules"]]


def _read_rule(entry: dict[str, Any]) -> Rule:
    span = promql.parse_duration(entry.get("for", "0s")).total_seconds() if "for" in entry else 0.0
    return Rule(entry["alert"], entry["expr"], span, entry["labels"]["severity"], entry)


def find_promtool() -> str | None:
    return shutil.which("promtool")


def ask_promtool(promtool: str, rule: Rule, story: Story, folder: Path) -> None:
    """Let Prometheus's own evaluation say the same: calm first, then firing as often.

    Of the file only this rule, for a week of all of them takes it a minute.
    """
    fires = rule.firing(story, story.ends_at)
    alerts = f'ALERTS{{alertname="{rule.name}",severity="{rule.severity}",alertstate="firing"}}'
    checks = [
        {"expr": alerts, "eval_time": f"{story.calm_at:.0f}s", "exp_samples": []},
        {
            "expr": f"count({alerts})",
            "eval_time": f"{story.ends_at:.0f}s",
            "exp_samples": [{"labels": "{}", "value": len(fires)}],
        },
    ]
    rules = folder / "rule.yml"
    rules.write_text(json.dumps({"groups": [{"name": "asked", "rules": [rule.entry]}]}))
    asked = {
        "rule_files": [str(rules)],
        "evaluation_interval": f"{story.step_s:.0f}s",
        "tests": [
            {
                "interval": f"{story.step_s:.0f}s",
                "input_series": list(_write_series(rule, story.history.scrapes)),
                "promql_expr_test": checks,
            }
        ],
    }
    file = folder / "asked.yml"
    file.write_text(json.dumps(asked))
    done = subprocess.run(
        [promtool, "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def _write_series(rule: Rule, scrapes: list[Scrape]) -> Iterator[dict[str, str]]:
    names = find_names(promql.parse(rule.expr))
    keys = {key for scrape in {id(one): one for one in scrapes}.values() for key in scrape}
    for name, labels in sorted((key for key in keys if key[0] in names), key=str):
        values = [scrape.get((name, labels)) for scrape in scrapes]
        told = ",".join(f"{label}={json.dumps(value)}" for label, value in sorted(labels))
        yield {"series": f"{name}{{{told}}}", "values": " ".join(_shorten(values))}


def _shorten(values: list[float | None]) -> Iterator[str]:
    """Write promtool's short form: `5x3` is 5 and three times 5 again."""
    for value, run in groupby(values, key=lambda value: "_" if value is None else repr(value)):
        more = len(list(run)) - 1
        if value == "_":
            yield f"_x{more + 1}"
        else:
            yield f"{value}x{more}" if value != "nan" else " ".join(["NaN"] * (more + 1))


def find_names(expr: Any) -> set[str]:
    """Find the series that an expression reads."""
    return {selector.name for selector in find_selectors(expr)}


def find_selectors(expr: Any) -> list[Any]:
    """Find every selector of an expression."""
    found: list[Any] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        return True

    promql.walk(expr, pre_visit=visit)
    return found
