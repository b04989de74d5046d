"""The dashboard shows what there is, and everything that there is can be seen."""

import itertools
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from daemon.metrics import Metrics
from tests.doubles.alarms import ROOT, find_names, read_rules
from tests.doubles.dashboards import (
    Query,
    find_strangers,
    list_panels,
    list_queries,
    list_series,
    read_dashboard,
)

NOT_SHOWN = {"released_turn_seconds"}
"""Told by stage instead; the name is older than the stages."""


@pytest.fixture
def dashboard() -> dict[str, Any]:
    return read_dashboard()


def test_every_query_reads_what_the_daemon_shows(dashboard: dict[str, Any]) -> None:
    """A name or a label that nothing has would be an empty panel that nobody notices."""
    series = list_series(Metrics())
    strangers = {
        (query.panel, stranger)
        for query in list_queries(dashboard)
        for stranger in find_strangers(query.expr, series, legend=query.legend)
    }
    assert set() == strangers


def test_every_alert_reads_what_the_daemon_shows() -> None:
    """An alert on what nothing has would never fire; what its texts quote must be there too."""
    series = list_series(Metrics())
    for rule in read_rules():
        quoted = " ".join(rule.annotations.values()).replace("$labels.", "")
        assert [] == find_strangers(rule.expr, series, legend=quoted), rule.name


def test_the_check_itself_finds_what_is_not_there() -> None:
    """A renamed meter, a label it has lost, and one that only a legend names."""
    series = list_series(Metrics())
    expr = 'sum by (colour) (rate(released_sends_total{code="1"}[5m])) + released_gone'
    found = find_strangers(expr, series, legend="{{shape}}")
    assert ["released_gone", "released_sends_total{code}", "colour", "shape"] == found


def test_every_meter_is_shown_somewhere(dashboard: dict[str, Any]) -> None:
    """What is counted and never looked at is not worth counting."""
    read = set().union(*(find_names(query.parsed) for query in list_queries(dashboard)))
    read |= {name for rule in read_rules() for name in find_names(_parsed(rule.expr))}
    shown = {name.removesuffix("_bucket").removesuffix("_count") for name in read}
    all_ours = {name for name in list_series(Metrics()) if name.startswith("released_")}
    names = {name for name in all_ours if not name.endswith(("_sum", "_bucket", "_count"))}
    names |= {name.removesuffix("_bucket") for name in all_ours if name.endswith("_bucket")}
    assert set() == names - shown - NOT_SHOWN


def test_panels_have_their_own_place_and_say_what_they_show(dashboard: dict[str, Any]) -> None:
    """No two lie over each other or share an id, and each explains itself."""
    panels = list_panels(dashboard)
    assert len(panels) == len({panel["id"] for panel in panels})
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert not any(_overlap(one, two) for one, two in itertools.combinations(places, 2))
    for panel in panels:
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"].endswith(".")


def test_every_query_asks_the_chosen_source(dashboard: dict[str, Any]) -> None:
    """It can be imported into any Grafana: no panel insists on the source of ours."""
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    for panel in list_panels(dashboard):
        assert all(chosen == target["datasource"] for target in panel.get("targets", ()))
    variables = {one["name"]: one for one in dashboard["templating"]["list"]}
    assert ["datasource", "instance", "client"] == list(variables)
    assert chosen == variables["client"]["datasource"]


def test_grafana_finds_source_and_dashboard() -> None:
    """The provisioning files name the folder and the address that docker-compose.yml gives."""
    folder = ROOT / "deploy/grafana/provisioning"
    sources = yaml.safe_load((folder / "datasources/released.yml").read_text())["datasources"]
    providers = yaml.safe_load((folder / "dashboards/released.yml").read_text())["providers"]
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert ["http://prometheus:9090"] == [source["url"] for source in sources]
    assert "127.0.0.1:9090:9090" in services["prometheus"]["ports"]
    mounted = {volume.split(":")[1] for volume in services["grafana"]["volumes"]}
    assert {provider["options"]["path"] for provider in providers} <= mounted
    assert "/etc/grafana/provisioning" in mounted


def _parsed(expr: str) -> Any:
    return Query("", expr, "").parsed


def _overlap(one: dict[str, int], two: dict[str, int]) -> bool:
    return (
        one["x"] < two["x"] + two["w"]
        and two["x"] < one["x"] + one["w"]
        and one["y"] < two["y"] + two["h"]
        and two["y"] < one["y"] + one["h"]
    )
