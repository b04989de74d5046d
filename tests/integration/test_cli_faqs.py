"""FAQ files as the CLI takes and refuses them: whole, naming the entry, nothing half-written."""

import json
import os

import pytest

from tests.doubles.command_line import LA_PLAZA, Shell, assert_refused

GOOD_CSV = b"q,a\n\xc2\xbfHorario?,De 9 a 22\nReservas,Llama\n"


def entries(*given: object) -> bytes:
    return json.dumps(given, ensure_ascii=False).encode()


GOOD = {"q": "¿Horario?", "a": "De 9 a 22"}

REFUSED = {
    "empty question": (entries(GOOD, {"q": " ", "a": "x"}), "entry 2: the question is empty"),
    "empty answer": (entries({"q": "x", "a": ""}), "entry 1: the answer is empty"),
    "missing answer": (entries({"q": "x"}), "entry 1: the answer is missing"),
    "number for text": (entries({"q": "x", "a": 5}), "entry 1: the answer must be text"),
    "null for text": (entries({"q": None, "a": "x"}), "entry 1: the question must be text"),
    "entry no object": (entries(GOOD, "x"), "entry 2: must be an object"),
    "unknown key": (entries(GOOD | {"tag": "x"}), "entry 1: unknown key 'tag'"),
    "duplicate question": (
        entries(GOOD, GOOD | {"q": " ¿HORARIO? "}),
        "entry 2: the same question as entry 1",
    ),
    "NUL": (entries(GOOD, {"q": "a\0b", "a": "x"}), "entry 2: the question holds a NUL"),
    "not a list": (b'{"q": "x", "a": "y"}', "must be a list"),
    "empty list": (b"[]", "no entries"),
    "empty file": (b"", "no entries"),
    "header alone": (b"q,a\n", "no entries"),
    "broken JSON": (b'[{"q": "x",}]', "broken JSON in line 1"),
    "not UTF-8": ("q,a\nqué,sí\n".encode("latin-1"), "not UTF-8"),
    "UTF-16": ("q,a\nx,y\n".encode("utf-16"), "not UTF-8"),
    "open quote": (b'q,a\nx,"y\nz,w\n', "quote opened in line 2"),
    "no header": (b"hello\nworld\n", 'no header "q,a"'),
    "third column": (b"q,a\nx,y,z\n", "entry 1: 3 columns"),
    "over 5 MB": (b" " * (5 * 1024 * 1024 + 1), "over 5 MB"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("source", ["file", "stdin"])
def test_a_bad_file_is_refused_whole(shell: Shell, case: str, source: str) -> None:
    """Each refusal of the contract names entry and reason in one line, and writes nothing."""
    content, why = REFUSED[case]
    path = shell.write("faqs", content) if source == "file" else "-"
    result = shell.run("client", "add", *LA_PLAZA, "--faqs", path, stdin=content)
    assert_refused(result, 1, source if source == "stdin" else "faqs", why)
    assert [] == shell.list_clients()


@pytest.mark.parametrize("case", ["empty question", "not UTF-8", "open quote"])
def test_a_bad_file_leaves_a_client_as_it_was(shell: Shell, case: str) -> None:
    """A refused file changes neither the FAQs nor what else the command would have set."""
    before = shell.add()
    path = shell.write("faqs", REFUSED[case][0])
    assert_refused(shell.run("client", "update", "1", "--name", "New", "--faqs", path), 1)
    assert before == shell.must("client", "show", "1", "--json").json


def test_a_directory_is_refused(shell: Shell) -> None:
    """A folder is no FAQ file."""
    assert_refused(shell.run("client", "add", *LA_PLAZA, "--faqs", "."), 1, "not a plain file")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused(shell: Shell, device: str) -> None:
    """A device is not read: it may never end."""
    assert_refused(shell.run("client", "add", *LA_PLAZA, "--faqs", device), 1, "not a plain file")


def test_a_named_pipe_is_refused(shell: Shell) -> None:
    """A pipe that nobody writes to does not hold up the command."""
    os.mkfifo(shell.folder / "pipe")
    assert_refused(shell.run("client", "add", *LA_PLAZA, "--faqs", "pipe"), 1, "not a plain file")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("nowhere.json", "there is no file nowhere.json"),
        ("no/where.json", "there is no file no/where.json"),
        ("a" * 300, "File name too long"),
    ],
)
def test_a_file_that_is_not_there_is_refused(shell: Shell, path: str, why: str) -> None:
    """The refusal names the path as it was given."""
    assert_refused(shell.run("client", "add", *LA_PLAZA, "--faqs", path), 1, why)


@pytest.mark.parametrize(
    "content",
    [
        entries(GOOD, {"q": "Reservas", "a": "Llama"}),
        b"\xef\xbb\xbf" + entries(GOOD, {"q": "Reservas", "a": "Llama"}),
        GOOD_CSV,
        b"\xef\xbb\xbf" + GOOD_CSV,
        GOOD_CSV.replace(b",", b";").replace(b"\n", b"\r\n"),
    ],
    ids=["json", "json-bom", "csv", "csv-bom", "csv-excel"],
)
def test_json_and_csv_come_by_file_and_stdin(shell: Shell, content: bytes) -> None:
    """`-` and a path take JSON or CSV by content; a byte order mark is fine."""
    path = shell.write("faqs.txt", content)
    for number_id, source in (("1", path), ("2", "-")):
        seed = ("--name", "X", "--phone-number", "+34666777888", "--phone-number-id", number_id)
        done = shell.must("client", "add", *seed, "--faqs", source, "--json", stdin=content)
        assert 2 == done.json["faq_count"]


def test_two_options_cannot_share_stdin(shell: Shell) -> None:
    """FAQs and access token both from `-` is a usage error, for add and update."""
    both = ("--faqs", "-", "--access-token-file", "-")
    for command in (("add", *LA_PLAZA), ("update", "1")):
        assert_refused(shell.run("client", *command, *both, stdin=GOOD_CSV), 2, "stdin")


def test_token_and_faqs_may_come_from_different_places(shell: Shell) -> None:
    """One from a file and one from stdin is fine."""
    both = ("--faqs", "-", "--access-token-file", shell.write("token", "EAAx"))
    done = shell.must("client", "add", *LA_PLAZA, *both, "--json", stdin=GOOD_CSV)
    assert 2 == done.json["faq_count"]
