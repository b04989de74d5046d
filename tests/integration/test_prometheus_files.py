"""The Prometheus files we ship are valid, and fit the daemon, each other and docker-compose.yml."""

import shutil
import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.doubles.alarms import ROOT, RULES_FILE, find_selectors, read_rules
from tests.doubles.dashboards import Query

FOLDER = ROOT / "deploy/prometheus"
CONFIGS = ("prometheus.yml", "prometheus.host.yml")


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text())


def run(*command: object) -> None:
    tool = shutil.which(str(command[0]))
    if tool is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [tool, *map(str, command[1:])], capture_output=True, text=True, timeout=60, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", CONFIGS)
def test_prometheus_takes_its_configuration(name: str) -> None:
    """By its own checker, where there is one."""
    run("promtool", "check", "config", "--syntax-only", FOLDER / name)


def test_prometheus_takes_the_rules() -> None:
    """The checker of the oldest version that anybody runs (Debian 12's is 2.42)."""
    run("promtool", "check", "rules", RULES_FILE)


def test_alertmanager_takes_the_example() -> None:
    """What is copied must work as it stands, but for the addresses in it."""
    run("amtool", "check-config", FOLDER / "alertmanager.example.yml")


@pytest.mark.parametrize("name", CONFIGS)
def test_the_job_is_the_one_that_alerts_and_dashboard_ask_for(name: str) -> None:
    """A renamed job would be silence everywhere."""
    config = read(name)
    assert ["released"] == [job["job_name"] for job in config["scrape_configs"]]
    assert [RULES_FILE.name] == config["rule_files"]
    asked = {
        matcher.value
        for rule in read_rules()
        for selector in find_selectors(Query("", rule.expr, "").parsed)
        for matcher in selector.matchers.matchers
        if matcher.name == "job"
    }
    assert {"released"} == asked


def test_compose_has_the_daemon_that_is_scraped() -> None:
    """By its service's name and port, on a network of both; /metrics is open inside."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    ((target,),) = [
        job["static_configs"][0]["targets"] for job in read(CONFIGS[0])["scrape_configs"]
    ]
    name, _, port = target.partition(":")
    assert port == services[name]["environment"]["PORT"]
    assert "1" == services[name]["environment"]["METRICS_OPEN"]
    assert set(services[name]["networks"]) & set(services["prometheus"]["networks"])
    assert "./deploy/prometheus:/etc/prometheus:ro" in services["prometheus"]["volumes"]


def test_the_host_s_prometheus_brings_a_token() -> None:
    """There /metrics is not open."""
    (job,) = read("prometheus.host.yml")["scrape_configs"]
    assert job["authorization"]["credentials_file"].startswith("/etc/prometheus/")
