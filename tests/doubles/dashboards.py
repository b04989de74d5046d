"""The dashboard we ship, taken apart: its panels, its queries, and the series that there are."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as promql
from prometheus_client.metrics import MetricWrapperBase

from daemon.metrics import Metrics
from tests.doubles.alarms import find_selectors

DASHBOARD = Path(__file__).parents[2] / "deploy/grafana/dashboards/released.json"

OF_TARGET = frozenset({"job", "instance"})
"""Labels that Prometheus adds to whatever it scrapes."""

OF_PROMETHEUS = {
    "up": OF_TARGET,
    "ALERTS": OF_TARGET | {"alertname", "alertstate", "severity", "client"},
}
"""Series that Prometheus itself makes, with their labels."""

FILLED_IN = {
    "$__rate_interval": "5m",
    "$__range": "6h",
    "$instance": ".*",
    "$client": ".*",
}
"""What Grafana puts in a query's place of each variable."""

BY = re.compile(r"\b(?:by|on|group_left|ignoring|without)\s*\(([^)]*)\)")
LEGEND = re.compile(r"{{\s*(\w+)\s*}}")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of one panel."""

    panel: str
    expr: str
    legend: str

    @property
    def parsed(self) -> Any:
        return promql.parse(fill_in(self.expr))


def read_dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def list_panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """List all panels, those in folded rows too."""
    return [one for panel in dashboard["panels"] for one in (panel, *panel.get("panels", ()))]


def list_queries(dashboard: dict[str, Any]) -> Iterator[Query]:
    for panel in list_panels(dashboard):
        for target in panel.get("targets", ()):
            yield Query(panel["title"], target["expr"], target["legendFormat"])
    for note in dashboard["annotations"]["list"]:
        if "expr" in note:
            yield Query(note["name"], note["expr"], "")


def fill_in(text: str) -> str:
    for name, value in FILLED_IN.items():
        text = text.replace(name, value)
    return text


def list_series(metrics: Metrics) -> dict[str, frozenset[str]]:
    """List every series that the daemon can show, with its labels; Prometheus's own ones too."""
    found = dict(OF_PROMETHEUS)
    for family in metrics._registry.collect():
        if family.name.startswith("process_"):
            found |= {sample.name: OF_TARGET for sample in family.samples}
    for meter in metrics._registry._collector_to_names:
        if isinstance(meter, MetricWrapperBase):
            found |= _series_of(meter)
    return found


def _series_of(meter: MetricWrapperBase) -> dict[str, frozenset[str]]:
    labels = OF_TARGET | set(meter._labelnames)
    if meter._type == "counter":
        return {f"{meter._name}_total": labels}
    if meter._type == "histogram":
        name = meter._name
        return {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
    return {meter._name: labels}


def find_strangers(expr: str, series: dict[str, frozenset[str]], *, legend: str = "") -> list[str]:
    """Find the names and labels of a query that nothing has."""
    selectors = find_selectors(promql.parse(fill_in(expr)))
    strangers = [one.name for one in selectors if one.name not in series]
    known: set[str] = set()
    for selector in selectors:
        labels = series.get(selector.name, frozenset())
        known |= labels
        asked = {matcher.name for matcher in selector.matchers.matchers}
        strangers += [f"{selector.name}{{{name}}}" for name in sorted(asked - labels)]
    grouped = {name.strip() for names in BY.findall(expr) for name in names.split(",")} - {""}
    shown = set(LEGEND.findall(legend))
    return strangers + sorted((grouped | shown) - known)
