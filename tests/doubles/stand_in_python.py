"""A Python for the installer: its virtual environments are made at once, with the tests' libraries.

Owns what `-m venv` and `-m pip` do there; PIP_FAILS makes the latter fail.
"""

import sys
from pathlib import Path

COLD = f"{sys.executable} -m"

PYTHON = f"""#!/bin/sh
# Makes a venv out of itself, installs nothing, and is the tests' Python in all else.
case "$*" in
*"-m pip"*) exit "${{PIP_FAILS:-0}}" ;;
"-m venv "*)
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    for program in released:released_cli released-daemon:daemon; do
        printf '#!/bin/sh\\nPYTHONPATH="%s/.." exec @PROGRAMS@ %s "$@"\\n' \\
            "$3" "${{program#*:}}" >"$3/bin/${{program%:*}}"
        chmod +x "$3/bin/${{program%:*}}"
    done
    ;;
*) exec "{sys.executable}" "$@" ;;
esac
"""


def write(folder: Path, programs: str = COLD) -> Path:
    """Put it in a folder, as the program `python`; give its path.

    `programs` are the words before a module that run it in a venv.
    """
    program = folder / "python"
    program.write_text(PYTHON.replace("@PROGRAMS@", programs))
    program.chmod(0o755)
    return program
