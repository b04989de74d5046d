"""Files that HTTPS cannot be served with are refused in one line, before anything is served."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PosixPath

import pytest

from daemon.core.errors import Misconfigured
from daemon.core.tls_files import TlsFiles
from daemon.tls import ServerCertificate
from tests.doubles.certificates import DAY, NOW, Authority, Pair, put
from tests.doubles.inhouse import make_settings

AUTHORITY = Authority()


def make_folder(files: TlsFiles, _pair: Pair) -> None:
    files.certificate.unlink()
    files.certificate.mkdir()


BROKEN_KEY = b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"

SPOILING: Mapping[str, Callable[[TlsFiles, Pair], object]] = {
    "no certificate file": lambda files, _: files.certificate.unlink(),
    "no key file": lambda files, _: files.key.unlink(),
    "a folder": make_folder,
    "a key in its place": lambda files, pair: files.certificate.write_bytes(pair.key_pem()),
    "broken": lambda files, pair: files.certificate.write_bytes(pair.pem.replace(b"MII", b"MI")),
    "no key": lambda files, pair: files.key.write_bytes(pair.pem),
    "a broken key": lambda files, _: files.key.write_bytes(BROKEN_KEY),
    "another's key": lambda files, _: files.key.write_bytes(AUTHORITY.make("other").key_pem()),
    "a password": lambda files, pair: files.key.write_bytes(pair.key_pem(b"secret")),
    "expired": lambda files, _: put(
        files, AUTHORITY.make("old", begins=NOW - 9 * DAY, ends=NOW - DAY)
    ),
    "early": lambda files, _: put(
        files, AUTHORITY.make("new", begins=NOW + DAY, ends=NOW + 9 * DAY)
    ),
}
"""How a good pair of files comes into a bad state."""


@pytest.mark.parametrize(
    ("how", "setting", "reason"),
    [
        ("no certificate file", "TLS_CERT_FILE", "there is no such file"),
        ("no key file", "TLS_KEY_FILE", "there is no such file"),
        ("a folder", "TLS_CERT_FILE", "cannot be read: Is a directory"),
        ("a key in its place", "TLS_CERT_FILE", "holds no certificate in PEM form"),
        ("broken", "TLS_CERT_FILE", "holds no certificate in PEM form"),
        ("no key", "TLS_KEY_FILE", "holds no private key in PEM form"),
        ("a broken key", "TLS_KEY_FILE", "cannot be used"),
        ("another's key", "TLS_KEY_FILE", "is not the key of the first certificate"),
        ("a password", "TLS_KEY_FILE", "asks for a password"),
        ("expired", "TLS_CERT_FILE", f"expired on {NOW - DAY:%Y-%m-%d}. Renew it"),
        ("early", "TLS_CERT_FILE", f"is not valid before {NOW + DAY:%Y-%m-%d}"),
    ],
)
def test_files_that_cannot_be_served_with_are_refused(
    tmp_path: Path, how: str, setting: str, reason: str
) -> None:
    """In one line that names the setting, the file and the reason, and nothing of the key."""
    files = AUTHORITY.write(tmp_path)
    pair = AUTHORITY.make("spoiled")
    put(files, pair)
    SPOILING[how](files, pair)
    settings = make_settings(tmp_path, tls_cert_file=files.certificate, tls_key_file=files.key)
    with pytest.raises(Misconfigured) as refused:
        ServerCertificate.from_settings(settings)
    line = str(refused.value)
    assert 1 == len(line.splitlines())
    assert line.startswith(f"{setting}={tmp_path}")
    assert reason in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_key_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    """The line tells who must be able to."""
    files = AUTHORITY.write(tmp_path)
    files.key.chmod(0)
    with pytest.raises(Misconfigured, match="The user that runs the daemon"):
        ServerCertificate(files)


def test_a_key_that_others_may_read_is_refused_in_prod(tmp_path: Path) -> None:
    """At the start as at every change, with the command that mends it; in dev nobody minds."""
    files = AUTHORITY.write(tmp_path)
    files.key.chmod(0o644)
    named = {"tls_cert_file": files.certificate, "tls_key_file": files.key}
    with pytest.raises(Misconfigured, match=f"chmod .* {files.key}"):
        ServerCertificate.from_settings(make_settings(tmp_path, app_env="prod", **named))
    assert ServerCertificate.from_settings(make_settings(tmp_path, **named)) is not None
    files.key.chmod(0o600)
    strict = make_settings(tmp_path, app_env="prod", **named)
    assert ServerCertificate.from_settings(strict) is not None


class Fleeting(PosixPath):
    """A file that is gone once it has been read: whoever renews it is at work."""

    def read_bytes(self) -> bytes:
        content = super().read_bytes()
        self.unlink()
        return content


def test_files_that_go_while_they_are_read_are_refused(tmp_path: Path) -> None:
    """As those that are not there: the watch over them must not end the daemon for it."""
    files = AUTHORITY.write(tmp_path)
    authority = AUTHORITY.write_own(tmp_path)
    for fleeting, setting in (
        (TlsFiles(files.certificate, files.key, Fleeting(authority)), "META_CLIENT_CA_FILE"),
        (TlsFiles(files.certificate, Fleeting(files.key)), "TLS_KEY_FILE"),
    ):
        with pytest.raises(Misconfigured, match=f"{setting}=.*No such file"):
            ServerCertificate(fleeting)


def test_an_authority_that_is_none_is_refused(tmp_path: Path) -> None:
    """The line tells which file of Meta's is meant."""
    files = AUTHORITY.write(tmp_path)
    for content, reason in ((None, "no such file"), (b"x", "meta-outbound-api-ca-2025-12.pem")):
        file = tmp_path / "ca.pem"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(Misconfigured, match=f"META_CLIENT_CA_FILE={file}.*{reason}"):
            ServerCertificate(TlsFiles(files.certificate, files.key, file))


def test_without_files_there_is_no_tls(tmp_path: Path) -> None:
    """A proxy serves it, or nobody does."""
    assert ServerCertificate.from_settings(make_settings(tmp_path)) is None
