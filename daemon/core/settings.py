"""Settings: the process environment and a `.env` file become one frozen `Settings`.

Weaker than both are files named like the settings in $CREDENTIALS_DIRECTORY, where systemd's
LoadCredential puts secrets. The only reader of the environment. What is missing or unsafe is said
once, here, with where to get it; the rest of the code takes a `Settings` and asks no questions.
"""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import SettingsConfigDict, SettingsError

from daemon.core.env_files import find_misspelt, refuse_half_written, refuse_open_settings
from daemon.core.errors import Misconfigured
from daemon.core.https_settings import HttpsSettings
from daemon.core.reasons import explain
from daemon.core.sealing.settings import SealingSettings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from daemon.core.sealing.own_token import OwnToken

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

WHERE_TO_GET = {
    "META_ACCESS_TOKEN": "Meta Business settings > System users > Generate token",
    "META_APP_SECRET": "Meta App Dashboard > App settings > Basic > App secret",
    "META_VERIFY_TOKEN": "choose any long word, and give Meta the same one with the webhook URL",
    "OPENAI_API_KEY": "the OpenAI platform's page API keys",
    "PUBLIC_URL": "the https address that Meta calls, for example https://bot.example.com",
}

_GRAPH_VERSION = re.compile(r"v[0-9]+\.[0-9]+")


def _graph_version(text: str) -> str:
    if not _GRAPH_VERSION.fullmatch(text):
        raise ValueError("must be a version such as v26.0")
    return text


_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:]+\])(:[0-9]+)?")
"""As a browser writes one: in lower case, and nothing behind the host and a port of its own."""


def _origins(text: str) -> str:
    named = [part.strip() for part in text.split(",")]
    if any(part and not _ORIGIN.fullmatch(part) for part in named):
        raise ValueError("must be origins such as https://panel.example.com, without a path")
    return text


# Ten years: what is added to now must still be a date, or nobody can read the row again.
Seconds = Annotated[float, Field(ge=0, le=315_360_000, allow_inf_nan=False)]


class Settings(HttpsSettings, SealingSettings):
    """All settings, by the names of the README's table in lower case. Durations are seconds."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, env_file_encoding="utf-8"
    )

    app_env: Literal["dev", "prod"] = "dev"
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = None
    allowed_origins: Annotated[str, AfterValidator(_origins)] = ""
    metrics_open: bool = False
    database_url: str = "sqlite+aiosqlite:///released.db"

    meta_access_token: SecretStr | None = None
    meta_app_secret: SecretStr | None = None
    meta_verify_token: SecretStr | None = None
    phone_number_id: str | None = None
    meta_graph_url: str = "https://graph.facebook.com"
    meta_graph_version: Annotated[str, AfterValidator(_graph_version)] = "v26.0"
    meta_token_auto_rotate: bool = True

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_model: str = "gpt-6-luna"
    answer_engine: Literal["auto", "responses", "chat", "local"] = "auto"
    openai_rps_per_client: float = Field(default=1, ge=0, allow_inf_nan=False)
    answer_deadline_seconds: Seconds = Field(default=20, gt=0)

    coalesce_seconds: Seconds = 2
    workers: int = Field(default=64, ge=1, le=10_000)
    retry_base_seconds: Seconds = 4
    retry_limit: int = Field(default=6, ge=1, le=100)
    in_doubt_seconds: Seconds = 60
    person_seconds: Seconds = 14_400
    retention_days: float = Field(default=14, gt=0, le=36_500, allow_inf_nan=False)
    backup_dir: Path | None = None
    backup_keep: int = Field(default=14, ge=1, le=10_000)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "text"] | None = None
    log_file: Path | None = None

    _slips: tuple[str, ...] = PrivateAttr(default=())

    @property
    def slips(self) -> tuple[str, ...]:
        """Lines that tell of names in the `.env` file which are nearly a setting's."""
        return self._slips

    @property
    def engine_name(self) -> Literal["responses", "chat", "local"]:
        """The engine that `auto` stands for, or the one that was asked for."""
        if self.answer_engine != "auto":
            return self.answer_engine
        return "responses" if self.openai_api_key else "local"

    @property
    def origins(self) -> frozenset[str]:
        """The web origins whose pages may call the admin API."""
        return frozenset(filter(None, (part.strip() for part in self.allowed_origins.split(","))))

    @property
    def hash_key(self) -> bytes:
        """The key under which customers are named to vendors; ours alone, and stable."""
        secret = self.meta_app_secret
        return b"" if secret is None else secret.get_secret_value().encode()

    def token_for(self, own_token: "OwnToken | None") -> str | None:
        """Choose the access token of a client: its own, opened, else the one that all share.

        None where there is none, or where the key is not here that the own one is sealed with.
        """
        if own_token is not None:
            return own_token.reveal()
        shared = self.meta_access_token
        return None if shared is None else shared.get_secret_value()

    @field_validator(
        "meta_access_token", "meta_app_secret", "meta_verify_token", "openai_api_key", mode="before"
    )
    @classmethod
    def _empty_is_none(cls, secret: Any) -> Any:
        """Take an empty file of a secret for none, as an empty variable is."""
        return None if secret == "" else secret

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_any_case(cls, level: Any) -> Any:
        """Take info for INFO."""
        return level.upper() if isinstance(level, str) else level

    @field_validator("host")
    @classmethod
    def _is_written_bare(cls, host: str) -> str:
        """Take [::1], as a URL has it, for ::1."""
        return host.removeprefix("[").removesuffix("]")

    @field_validator("meta_graph_url", "openai_base_url", "public_url")
    @classmethod
    def _is_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an address such as https://bot.example.com")
        return url

    @model_validator(mode="after")
    def _an_engine_has_its_key(self) -> Self:
        needs_key = self.answer_engine == "responses" or (
            self.answer_engine == "chat" and self.openai_base_url is None
        )
        if needs_key and self.openai_api_key is None:
            needed = f"OPENAI_API_KEY ({WHERE_TO_GET['OPENAI_API_KEY']})"
            if self.answer_engine == "chat":
                needed = f"OPENAI_BASE_URL (your own server's, with /v1) or {needed}"
            raise ValueError(f"ANSWER_ENGINE={self.answer_engine} needs {needed}")
        return self

    def require_for_daemon(self) -> None:
        """Refuse to serve with what is missing or, in prod, unsafe.

        Raises:
            Misconfigured: naming the setting and where to get it.

        """
        for name in ("META_APP_SECRET", "META_VERIFY_TOKEN"):
            if getattr(self, name.lower()) is None:
                raise Misconfigured(f"{name} is not set. Where to get it: {WHERE_TO_GET[name]}.")
        if self.app_env == "prod":
            self._refuse_unsafe()

    def _refuse_unsafe(self) -> None:
        graph = urlsplit(self.meta_graph_url)
        if graph.scheme != "https" or graph.hostname in LOOPBACK:
            raise Misconfigured(
                "META_GRAPH_URL points at a sandbox, and APP_ENV is prod."
                " Remove it to use Meta's own, or set APP_ENV=dev."
            )
        if self.public_url is None or urlsplit(self.public_url).scheme != "https":
            raise Misconfigured(
                f"PUBLIC_URL must be an https address in prod: {WHERE_TO_GET['PUBLIC_URL']}."
            )


def load_settings(env_file: Path | None = None) -> Settings:
    """Read the environment over `env_file` (default: `.env` here), and both over credentials.

    Raises:
        Misconfigured: one line that names every setting that cannot be read, and why.

    """
    secrets = _find_secrets()
    chosen = env_file or Path(".env")
    try:
        if env_file is not None and not env_file.is_file():
            what = "it is a folder, and no file" if env_file.is_dir() else "there is no such file"
            raise Misconfigured(f"--env-file {env_file}: {what}.")
        refuse_half_written(chosen)
        settings = Settings(_env_file=chosen, _secrets_dir=secrets)
        settings._slips = find_misspelt(chosen, names=Settings.model_fields)  # noqa: SLF001 - no setting
    except ValidationError as invalid:
        reasons = "; ".join(_reason(error) for error in invalid.errors())
        raise Misconfigured(f"Settings cannot be used: {reasons}.") from None
    except UnicodeDecodeError:
        # Its cause would quote the file, and the file is a secret.
        raise Misconfigured(
            f"{chosen} cannot be read: it is no text in UTF-8. Write it anew, a line NAME=value for"
            " each setting."
        ) from None
    except OSError as refused:
        raise Misconfigured(f"{chosen} cannot be read: {refused.strerror}.") from refused
    except SettingsError as unreadable:
        # Its cause may hold a part of the file, and the file is a secret.
        raise Misconfigured(
            f"A file in {secrets} cannot be read: it must be UTF-8, and readable by this user."
        ) from unreadable
    if settings.app_env == "prod":
        refuse_open_settings(chosen, secrets, names=Settings.model_fields)
    return settings


def _find_secrets() -> Path | None:
    """Find the directory whose files are named like settings; systemd makes it and names it."""
    named = os.environ.get("CREDENTIALS_DIRECTORY")
    if not named:
        return None
    if not Path(named).is_dir():
        raise Misconfigured(
            f"CREDENTIALS_DIRECTORY={named}: there is no such directory. Make it, or unset it."
        )
    return Path(named)


def _reason(error: "ErrorDetails") -> str:
    name = "".join(str(part) for part in error["loc"]).upper()
    return f"{name} {explain(error)}" if name else explain(error)
