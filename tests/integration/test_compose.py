"""docker-compose.yml and the instance's: what they run is closed, whole, and fits the daemon."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml  # type: ignore[import-untyped]
from pydantic import SecretStr

from daemon.core.networks import parse_networks
from daemon.core.settings import Settings, load_settings
from tests.doubles.daemon_process import build_environment
from tests.doubles.fake_docker import read_compose

ROOT = Path(__file__).resolve().parents[2]
SERVER, INSTANCE = ROOT / "docker-compose.yml", ROOT / "deploy/instance/docker-compose.yml"
GIVEN = {
    SERVER: {"PUBLIC_HOST": "bot.example.com"},
    INSTANCE: {"INSTANCE_USER": "10001:10001", "INSTANCE_HOME": "/tmp/demo"},
}
OF_THE_ENGINE = {"CREDENTIALS_DIRECTORY", "TZ"}
OF_THE_OPERATOR = {"./deploy/prometheus/alertmanager.yml"}

Service = dict[str, Any]


def read(file: Path) -> dict[str, Any]:
    return read_compose(file, GIVEN[file])


def services_of(file: Path) -> list[tuple[str, Service]]:
    return list(read(file)["services"].items())


ALL = [
    pytest.param(service, id=f"{file.parent.name}-{name}")
    for file in (SERVER, INSTANCE)
    for name, service in services_of(file)
]
SERVERS = [pytest.param(name, service, id=name) for name, service in services_of(SERVER)]


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Read what the daemon reads in its container, its secrets being files."""
    environment = read(SERVER)["services"]["daemon"]["environment"]
    for name in set(os.environ) - set(build_environment({})):
        monkeypatch.delenv(name)
    for name in ("META_APP_SECRET", "META_VERIFY_TOKEN"):
        (tmp_path / name).write_text("a word")
        (tmp_path / name).chmod(0o400)
    (tmp_path / "OPENAI_API_KEY").write_text("")
    (tmp_path / "OPENAI_API_KEY").chmod(0o400)
    for name, value in (environment | {"CREDENTIALS_DIRECTORY": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return load_settings()


def find_compose() -> list[str] | None:
    if shutil.which("docker"):
        asked = subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False, timeout=20
        )
        if asked.returncode == 0:
            return ["docker", "compose"]
    return None


@pytest.mark.parametrize("file", [SERVER, INSTANCE], ids=["server", "instance"])
def test_compose_itself_takes_the_file(file: Path) -> None:
    """Its own reader knows every word in it; where it is not installed the other tests stand."""
    compose = find_compose()
    if compose is None:
        pytest.skip("docker compose is not installed")
    profiles = ["observe", "alerts", "sandbox"]
    asked = subprocess.run(
        [*compose, "--file", str(file), "config", "--quiet"],
        env=build_environment(GIVEN[file]) | {"COMPOSE_PROFILES": ",".join(profiles)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (0, "", "") == (asked.returncode, asked.stdout, asked.stderr)


@pytest.mark.parametrize("service", ALL)
def test_every_container_is_closed(service: Service) -> None:
    """Whoever gets into one finds nothing to write to, and no way to become more than it is."""
    assert service["read_only"] is True
    assert ["ALL"] == service["cap_drop"]
    assert ["no-new-privileges:true"] == service["security_opt"]
    assert "privileged" not in service
    assert not any("docker.sock" in str(mount) for mount in service["volumes"])
    assert [True] == [mount.startswith("/tmp:size=") for mount in service["tmpfs"]]
    assert service["pids_limit"]


@pytest.mark.parametrize("service", ALL)
def test_every_container_comes_back_and_fills_no_disk(service: Service) -> None:
    """After a reboot all is as before, and a log has an end."""
    assert "unless-stopped" == service["restart"]
    assert {"max-size", "max-file"} == set(service["logging"]["options"])


@pytest.mark.parametrize("service", ALL)
def test_every_image_has_a_version(service: Service) -> None:
    """What runs tomorrow is what was tried; ours is the one that was built or named."""
    image = service["image"]
    assert image == "released:local" or re.search(r":v?\d+\.\d+\.\d+(-[a-z]+)?$", image)


@pytest.mark.parametrize(("name", "service"), SERVERS)
def test_only_caddy_is_on_the_internet(name: str, service: Service) -> None:
    """The rest is reached through it, or from this server alone."""
    ports = service.get("ports", [])
    if name == "caddy":
        assert ["80:80", "443:443", "443:443/udp"] == ports
        assert ["NET_BIND_SERVICE"] == service["cap_add"]
        return
    assert [] == [port for port in ports if not port.startswith("127.0.0.1:")]
    assert "cap_add" not in service


@pytest.mark.parametrize(("name", "service"), SERVERS)
def test_what_is_mounted_is_there(name: str, service: Service) -> None:
    """Docker makes an empty folder of what is missing, and the service starts without its file."""
    named = read(SERVER)["volumes"]
    for mount in service["volumes"]:
        source, _, rest = mount.partition(":")
        if source.startswith("./"):
            assert rest.endswith(":ro"), name
            assert source in OF_THE_OPERATOR or (ROOT / source).exists(), source
        else:
            assert source in named


@pytest.mark.parametrize(("name", "service"), SERVERS)
def test_every_service_says_how_it_is(name: str, service: Service) -> None:
    """Without a shell's word: a command is a list."""
    test = service["healthcheck"]["test"]
    assert "CMD" == test[0]
    assert (name == "daemon") == (test[1:] == ["python", "-m", "daemon.probing"])


def test_the_daemon_can_start_with_these_settings(settings: Settings) -> None:
    """In prod, with every name known to it, and its files in the volume."""
    settings.require_for_daemon()
    daemon = read(SERVER)["services"]["daemon"]
    known = {name.upper() for name in Settings.model_fields} | OF_THE_ENGINE
    assert set() == set(daemon["environment"]) - known
    assert ("prod", "https://bot.example.com") == (settings.app_env, settings.public_url)
    assert "data:/var/lib/released" in daemon["volumes"]
    assert settings.database_url.startswith("sqlite+aiosqlite:////var/lib/released/")
    assert str(settings.backup_dir).startswith("/var/lib/released/")


def test_every_secret_is_a_file() -> None:
    """None stands in the environment, where `docker inspect` shows it."""
    read_file = read(SERVER)
    daemon = read_file["services"]["daemon"]
    secret = {
        name.upper()
        for name, field in Settings.model_fields.items()
        if SecretStr in (field.annotation, *get_args(field.annotation))
    }
    assert secret == set(daemon["secrets"])
    assert set() == secret & set(daemon["environment"])
    for name in secret:
        assert f"/etc/released/credentials/{name}" == read_file["secrets"][name]["file"]


def test_only_caddy_is_believed_who_calls(settings: Settings) -> None:
    """The network whose word the daemon takes has nobody in it but Caddy and itself."""
    read_file = read(SERVER)
    subnet = read_file["networks"]["edge"]["ipam"]["config"][0]["subnet"]
    assert parse_networks(subnet) == settings.proxies
    neighbours = {name for name, service in services_of(SERVER) if "edge" in service["networks"]}
    assert {"caddy", "daemon"} == neighbours


def test_watching_is_asked_for() -> None:
    """A small server runs two containers; profiles bring the rest, each wired to the other."""
    by_profile: dict[str, set[str]] = {}
    for name, service in services_of(SERVER):
        by_profile.setdefault(",".join(service.get("profiles", [])), set()).add(name)
    expected = {"": {"daemon", "caddy"}, "observe": {"prometheus", "grafana"}}
    assert expected | {"alerts": {"alertmanager"}} == by_profile
    scraping = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    assert ["daemon:8080"] == scraping["scrape_configs"][0]["static_configs"][0]["targets"]
    provisioning = ROOT / "deploy/grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/released.yml").read_text())[
        "datasources"
    ]
    assert "http://prometheus:9090" == source["url"]
    (folder,) = yaml.safe_load((provisioning / "dashboards/released.yml").read_text())["providers"]
    mounts = read(SERVER)["services"]["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{folder['options']['path']}:ro" in mounts


def test_grafana_has_no_password_to_guess() -> None:
    """Nobody can log in, so nobody can change anything; to look one must be on the server."""
    settings = read(SERVER)["services"]["grafana"]["environment"]
    assert "Viewer" == settings["GF_AUTH_ANONYMOUS_ORG_ROLE"]
    assert "true" == settings["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"]
    assert "true" == settings["GF_AUTH_DISABLE_LOGIN_FORM"]


@pytest.mark.parametrize(("name", "service"), services_of(INSTANCE))
def test_an_instance_sees_its_own_folder_only(name: str, service: Service) -> None:
    """Its containers are no root's, and what they may write is that folder."""
    assert "10001:10001" == service["user"]
    (mount,) = service["volumes"]
    assert ("/tmp/demo", "/var/lib/released") == (mount["source"], mount["target"])
    assert "host" == service["network_mode"], name


def test_what_must_be_said_is_asked_for() -> None:
    """A forgotten name stops the start; it does not become an empty one."""
    with pytest.raises(KeyError, match="PUBLIC_HOST"):
        read_compose(SERVER, {})
    with pytest.raises(KeyError, match="INSTANCE_USER"):
        read_compose(INSTANCE, {})
