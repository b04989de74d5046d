"""The environment that settings are read from: none of this machine's, then what a test gives."""

from pathlib import Path

import pytest

from daemon.core.settings import Settings, load_settings


def leave_machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Work in a folder, with no setting of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(folder)


def with_env(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    """Read the settings with these variables set."""
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()
