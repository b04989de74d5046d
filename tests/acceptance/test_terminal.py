"""The CLI on a terminal, a pseudo one: prompts, colours, yes and no, Ctrl-C."""

import re
from pathlib import Path

import pytest

from tests.doubles.command_line import FAQS, LA_PLAZA, PROGRAM, run_quickly
from tests.doubles.terminal import at_terminal, at_terminal_of

STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run_quickly(tmp_path, "client", "add", *LA_PLAZA, "--faqs", str(FAQS))
    return tmp_path


def list_clients(folder: Path) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = run_quickly(folder, "client", "list", "--json").json
    return listed


def test_missing_values_are_asked_for(tmp_path: Path) -> None:
    """`client add` asks for each missing value, and the client is as answered."""
    with at_terminal(tmp_path, "client", "add", "--locale", "ca") as terminal:
        for asked, answer in (
            ("Name of the business", "El Faro"),
            ("WhatsApp number", "+34 600 000 001"),
            ("phone_number_id", "77"),
            ("FAQs", str(FAQS)),
        ):
            terminal.expect(asked)
            terminal.type(f"{answer}\n")
        terminal.expect("El Faro, is on")
        assert 0 == terminal.finish()
    [client] = list_clients(tmp_path)
    assert ("El Faro", "+34600000001") == (client["name"], client["phone_number"])


def test_only_what_is_missing_is_asked_for(tmp_path: Path) -> None:
    """What the options gave is not asked again."""
    with at_terminal(tmp_path, "client", "add", *LA_PLAZA) as terminal:
        terminal.expect("FAQs")
        terminal.type(f"{FAQS}\n")
        assert 0 == terminal.finish()
        assert "Name of the business" not in terminal.seen


def test_an_answer_that_will_not_do_is_asked_again(tmp_path: Path) -> None:
    """A slip costs one answer, not all of them: the reason is said and the question repeated."""
    with at_terminal(tmp_path, "client", "add", *LA_PLAZA[:2], *LA_PLAZA[4:]) as terminal:
        terminal.expect("WhatsApp number")
        terminal.type("\n")
        terminal.expect("WhatsApp number")
        terminal.type("666\n")
        terminal.expect("must be + and 7 to 15 digits")
        terminal.expect("WhatsApp number")
        terminal.type("+34666777888\n")
        terminal.expect("FAQs")
        terminal.type("nowhere.json\n")
        terminal.expect("there is no file nowhere.json")
        terminal.expect("FAQs")
        terminal.type(f"{FAQS}\n")
        assert 0 == terminal.finish()


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
def test_an_interrupted_prompt_exits_130(tmp_path: Path, key: str) -> None:
    """Ctrl-C and Ctrl-D at a question end it in one line, with nothing written."""
    with at_terminal(tmp_path, "client", "add") as terminal:
        terminal.expect("Name of the business: ")
        terminal.press(key)
        assert 130 == terminal.finish()
        assert terminal.seen.endswith("released: interrupted\r\n")
        assert "Traceback" not in terminal.seen
    assert [] == list_clients(tmp_path)


@pytest.mark.parametrize(
    ("answer", "code", "active"),
    [("y", 0, False), ("YES", 0, False), ("n", 1, True), ("", 1, True)],
)
def test_deactivate_asks_first(folder: Path, answer: str, code: int, active: bool) -> None:  # noqa: FBT001
    """On a terminal it names the client it would stop; only a clear yes stops it."""
    with at_terminal(folder, "client", "deactivate", "6312") as terminal:
        terminal.expect("Stop the bot of La Plaza (client 1, +34666777888)? [y/N]")
        terminal.type(f"{answer}\n")
        assert code == terminal.finish()
    assert active is list_clients(folder)[0]["active"]


def test_deactivate_looks_before_it_asks(folder: Path) -> None:
    """An unknown REF is refused without a question."""
    with at_terminal(folder, "client", "deactivate", "nobody") as terminal:
        assert 1 == terminal.finish()
        assert "no client 'nobody'" in terminal.seen
        assert "[y/N]" not in terminal.seen


def test_prompts_stay_out_of_stdout(folder: Path) -> None:
    """With stdout in a pipe the questions are on the terminal and the data in the pipe."""
    command = f'{" ".join(PROGRAM)} client add --json --faqs "{FAQS}" > made.json'
    with at_terminal_of(folder, "bash", "-c", command) as terminal:
        for answer in ("El Faro", "+34600000001", "77"):
            terminal.expect(": ")
            terminal.type(f"{answer}\n")
        assert 0 == terminal.finish()
    assert (folder / "made.json").read_text(encoding="utf-8").startswith('{\n  "id": 2')


def test_a_table_on_a_terminal(folder: Path) -> None:
    """A terminal gets a table with headings that stand out, and no rules that a copy would hold."""
    with at_terminal(folder, "client", "list") as terminal:
        assert 0 == terminal.finish()
    assert "─" not in terminal.seen
    assert "La Plaza" in terminal.seen
    assert "\x1b[1m" in terminal.seen


@pytest.mark.parametrize(("settings", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color(folder: Path, settings: dict[str, str], coloured: bool) -> None:  # noqa: FBT001
    """Progress is shown in colour, unless NO_COLOR asks for none."""
    with at_terminal(folder, "client", "update", "1", "--name", "X", **settings) as terminal:
        assert 0 == terminal.finish()
    assert "Updating…" in terminal.seen
    codes = {code for found in STYLE.findall(terminal.seen) for code in found[2:-1].split(";")}
    assert coloured is any(re.fullmatch(r"[349][0-8]", code) for code in codes)


def test_a_narrow_terminal_cuts_nothing(folder: Path) -> None:
    """Values fold where there is no room; their characters are all there."""
    with at_terminal(folder, "client", "show", "1", COLUMNS="40") as terminal:
        assert 0 == terminal.finish()
    assert "…" not in terminal.seen
    assert "631" in terminal.seen
