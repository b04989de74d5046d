"""`released completion`: what a shell is given, and what each press of the key is answered."""

import subprocess
import sys

import pytest

from tests.doubles.command_line import Result, Shell, assert_refused, clean_environment
from tests.doubles.served import DATABASE, make_world, put_world, serve
from tests.doubles.stranger import as_json, as_page, meet

NAMES = ["Restaurante La Plaza", "Bar Sol", "Siempre Cerrado"]


@pytest.fixture
def furnished(shell: Shell) -> Shell:
    put_world(shell.folder)
    return shell


def press(shell: Shell, line: str) -> Result:
    """Press the key at the end of a line, in bash."""
    words = line.split(" ")
    shell.set(_RELEASED_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    return shell.run()


def offered(shell: Shell, line: str) -> list[str]:
    result = press(shell, line)
    assert "" == result.err
    return result.out.split("\n")[:-1] if result.out.strip() else []


class TestWords:
    def test_commands(self, shell: Shell) -> None:
        """Commands complete, and make no file."""
        assert {"client", "completion", "contact"} == set(offered(shell, "released c"))
        assert ["deactivate"] == offered(shell, "released client d")
        assert [] == list(shell.folder.iterdir())

    def test_options(self, shell: Shell) -> None:
        """Options complete too, those before the command and those behind it."""
        assert ["--json"] == offered(shell, "released client list --j")
        assert ["--profile"] == offered(shell, "released --pro")

    def test_choices(self, shell: Shell) -> None:
        """So do the words that an option takes."""
        assert ["pending", "parked"] == offered(shell, "released inbox list --state p")


class TestNames:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("released client show ", NAMES),
            ("released client show R", NAMES[:1]),
            ("released client update Bar", NAMES[1:2]),
            ("released token create x --client S", NAMES[2:]),
            ("released inbox list --client B", NAMES[1:2]),
            ("released client show --json B", NAMES[1:2]),
            ("released client show x", []),
            ("released client show 1 ", []),
        ],
    )
    def test_refs_complete_by_name(self, furnished: Shell, line: str, expected: list[str]) -> None:
        """Wherever a client may be named, the clients are offered."""
        assert expected == offered(furnished, line)

    def test_a_name_that_two_have_is_offered_by_id(self, shell: Shell) -> None:
        """What would be refused is not offered."""
        shell.add()
        shell.add(number_id="77")
        assert ["1", "2"] == offered(shell, "released client show ")

    def test_far_away(self, furnished: Shell) -> None:
        """The clients of the daemon at which the command would work."""
        furnished.set(RELEASED_TOKEN=make_world().tokens["sol"])
        with serve(furnished.folder) as url:
            assert ["Bar Sol"] == offered(furnished, f"released --url {url} client show ")
            furnished.set(RELEASED_URL=url)
            assert ["Bar Sol"] == offered(furnished, "released client show B")
            assert NAMES == offered(furnished, "released --local client show ")

    def test_another_database(self, furnished: Shell) -> None:
        """`--env-file` counts here as everywhere."""
        (furnished.folder / "elsewhere").mkdir()
        put_world(furnished.folder / "elsewhere")
        (furnished.folder / DATABASE).unlink()
        path = furnished.write("my.env", f"DATABASE_URL=sqlite:///elsewhere/{DATABASE}\n")
        assert [] == offered(furnished, "released client show ")
        assert NAMES == offered(furnished, f"released --env-file {path} client show ")
        assert NAMES == offered(furnished, f"released client show --env-file {path} ")


class TestSilence:
    @pytest.mark.parametrize(
        "line",
        [
            "released --env-file nowhere client show ",
            "released --url https://nowhere.invalid client show ",
            "released --profile nobody client show ",
            "released --local --url x client show ",
            "released --url https://bot.example.com --token-file - client show ",
        ],
    )
    def test_no_failure_is_heard(self, furnished: Shell, line: str) -> None:
        """Nothing is printed into the line that somebody types."""
        furnished.set(RELEASED_TOKEN="rel_x")
        result = press(furnished, line)
        assert ("", "") == (result.out.strip(), result.err)

    @pytest.mark.parametrize("content", ["not a database", ""])
    def test_a_foreign_file_is_passed_over(self, shell: Shell, content: str) -> None:
        """A file that is no database of ours stays as it is."""
        shell.write(DATABASE, content)
        assert [] == offered(shell, "released client show ")
        assert content == (shell.folder / DATABASE).read_text()

    def test_a_stranger_is_passed_over(self, shell: Shell) -> None:
        """So is a server that is none."""
        shell.set(RELEASED_TOKEN="rel_x")
        for answer in (as_page(), as_json({})):
            with meet({"*": [answer]}) as stranger:
                assert [] == offered(shell, f"released --url {stranger.url} client show ")

    def test_an_unknown_shell(self, shell: Shell) -> None:
        """What asks in another way than ours is told off by Typer, and nothing runs."""
        shell.set(_RELEASED_COMPLETE="complete_tcsh")
        assert 1 == shell.run("client", "list").code
        assert [] == list(shell.folder.iterdir())


class TestScript:
    @pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
    def test_each_shell_has_one(self, shell: Shell, name: str) -> None:
        """The script asks `released` as this program answers."""
        done = shell.must("completion", name)
        assert f"_RELEASED_COMPLETE=complete_{name}" in done.out
        assert "" == done.err

    def test_another_shell_is_refused(self, shell: Shell) -> None:
        """The line lists the three."""
        assert_refused(shell.run("completion", "tcsh"), 2, "'bash', 'zsh', 'fish'")

    @pytest.mark.parametrize("name", ["zsh", "fish"])
    def test_the_others_are_answered_too(
        self, furnished: Shell, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        """Both show beside a name whose id it is."""
        furnished.set(
            _RELEASED_COMPLETE=f"complete_{name}",
            _TYPER_COMPLETE_ARGS="released client show B",
            _TYPER_COMPLETE_FISH_ACTION="get-args",
        )
        done = furnished.must()
        assert "Bar Sol" in done.out
        assert "client 2" in done.out
        monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "is-args")
        assert 0 == furnished.run().code

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("(released client show Res)", "Restaurante\\ La\\ Plaza"),
            ("(released client show 'Restaurante\\ La')", "Restaurante\\ La\\ Plaza"),
            ("(released client show '\"Restaurante La')", "Restaurante La Plaza"),
            ("(released cl)", "client"),
        ],
    )
    def test_bash_puts_a_name_into_the_line_as_one_word(
        self, furnished: Shell, typed: str, expected: str
    ) -> None:
        """A space in a name is escaped, unless a quote is open."""
        program = furnished.folder / "released"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m released_cli "$@"\n')
        program.chmod(0o755)
        script = (
            f'source <("{program}" completion bash)\nCOMP_WORDS={typed}\n'
            f"COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n_released_completion {program}\n"
            'printf "%s\\n" "${COMPREPLY[@]}"\n'
        )
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=furnished.folder,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert (f"{expected}\n", "") == (done.stdout, done.stderr)
