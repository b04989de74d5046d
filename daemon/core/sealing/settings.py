"""The settings of the keys: SECRETS_KEY, or a file of them beside the database or elsewhere."""

from pathlib import Path
from typing import Any

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings

from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.keys import parse_keys


class SealingSettings(BaseSettings):
    """A part of `Settings`."""

    secrets_key: SecretStr | None = None
    secrets_key_file: Path | None = None

    def build_keyring(self, database: Path) -> Keyring:
        """Give the keyring that seals the tokens in a database; reads no file yet."""
        given = self.secrets_key
        keys = () if given is None else parse_keys(given.get_secret_value()).keys
        return Keyring(database, file=self.secrets_key_file, given=keys)

    @field_validator("secrets_key", mode="before")
    @classmethod
    def _holds_keys(cls, secret: Any) -> Any:
        """Refuse what is no list of keys, and take an empty file for none."""
        if not isinstance(secret, str):
            return secret
        listing = parse_keys(secret)
        if listing.unread:
            raise ValueError(
                "must be one key or several, separated by commas or lines, each 32 bytes in base64;"
                " `released secrets rotate --key-file PATH` makes a file with one"
            )
        return secret if listing.keys else None
