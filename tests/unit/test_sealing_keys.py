"""Keys and sealed tokens as text: what is taken for a key, and what opens for whom."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.database_files import key_of
from daemon.core.sealing.fernets import Lock
from daemon.core.sealing.keyring import Keyring
from daemon.core.sealing.keys import KEY_BYTES, Listing, make_key, parse_keys, write_keys
from daemon.core.sealing.own_token import OwnToken
from daemon.core.sealing.sealed import Sealed, digest_token, read_sealed

OLD = make_key(b"o" * KEY_BYTES)
NEW = make_key(b"n" * KEY_BYTES)
TOKEN = "EAAB-secret"


def test_keys_are_written_and_read() -> None:
    """In their order, the first one first."""
    assert Listing((NEW, OLD)) == parse_keys(write_keys([NEW, OLD]))


@pytest.mark.parametrize(
    "text",
    [
        f"{NEW.secret},{OLD.secret}",
        f" {NEW.secret} , {OLD.secret}\r\n",
        f"# made in May\n{NEW.secret}  # the new one\n\n{OLD.secret}",
        f"{NEW.secret}\n{OLD.secret}\n{NEW.secret}\n",
    ],
)
def test_commas_lines_comments_and_repetitions(text: str) -> None:
    """However a person, a shell or systemd has put them down."""
    assert Listing((NEW, OLD)) == parse_keys(text)


def test_a_key_of_openssl_is_one_too() -> None:
    """`openssl rand -base64 32` writes the common alphabet."""
    random = b"\xfb\xff" * 16
    common = base64.b64encode(random).decode()
    assert {"+", "/"} <= set(common)
    assert Listing((make_key(random),)) == parse_keys(common)


@pytest.mark.parametrize("wrong", ["hunter2", "é", NEW.secret[:-2], NEW.secret + "AAAA", "=" * 44])
def test_what_is_no_key_is_told_by_its_place(wrong: str) -> None:
    """The others are still used."""
    assert Listing((NEW, OLD), unread=(2,)) == parse_keys(f"{NEW.secret} {wrong} {OLD.secret}")


def test_a_key_is_not_shown() -> None:
    """Neither by what prints it, nor by its name."""
    assert NEW.secret not in repr(NEW)
    assert 8 == len(NEW.id)
    assert NEW.id != OLD.id


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_whatever_is_sealed_opens_again(token: str) -> None:
    """Any token that a header takes, and its digest is seen without a key."""
    sealed = Lock([NEW, OLD]).seal(token, client_id=7)
    read = read_sealed(sealed.write())
    assert sealed == read
    assert (NEW.id, digest_token(token)) == (sealed.key_id, sealed.digest)
    assert token == Lock([OLD, NEW]).open(sealed, client_id=7)


def test_it_opens_for_its_client_and_key_only() -> None:
    """A row copied onto another client's, a key that is not there, a digest that was changed."""
    sealed = Lock([OLD]).seal(TOKEN, client_id=7)
    forged = Sealed(sealed.key_id, digest_token("other"), sealed.body)
    cut = Sealed(sealed.key_id, sealed.digest, sealed.body[:-4])
    assert TOKEN == Lock([NEW, OLD]).open(sealed, client_id=7)
    assert [None, None, None, None] == [
        Lock([OLD]).open(sealed, client_id=77),
        Lock([NEW]).open(sealed, client_id=7),
        Lock([OLD]).open(forged, client_id=7),
        Lock([OLD]).open(cut, client_id=7),
    ]


@pytest.mark.parametrize("stored", [TOKEN, "", "sealed:1:", "sealed:2:00:00:x", "sealed:1:x:y:z"])
def test_what_is_not_sealed_is_taken_as_it_stands(stored: str) -> None:
    """As older versions stored it."""
    assert None is read_sealed(stored)
    own = OwnToken(7, stored, Keyring(Path("x.db")))
    assert (stored, True, None) == (own.reveal(), own.is_readable, own.key_id)
    assert own.is_same(stored)
    assert stored == "" or stored not in repr(own)


def test_the_key_file_lies_beside_its_database() -> None:
    """By its name, and never is the database itself."""
    assert Path("/x/released.key") == key_of(Path("/x/released.db"))
    assert Path("/x/a.key.key") == key_of(Path("/x/a.key"))


def test_a_link_to_the_database_leads_to_its_one_key_file(tmp_path: Path) -> None:
    """Or what is sealed by one name could not be opened by the other."""
    path, link = tmp_path / "released.db", tmp_path / "link.db"
    link.symlink_to(path)
    assert Keyring(path).file == Keyring(link).file == tmp_path / "released.key"
