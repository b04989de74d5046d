"""Single functions of `scripts/install.sh`, run by themselves between stand-ins."""

import re
import shutil
import subprocess
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SCRIPT = "".join(script.read_text() for script in sorted(SCRIPTS.glob("install*.sh")))
BASH = shutil.which("bash")

STAND_INS = """
fail() { echo "$*" >&2; exit 1; }
run() { :; }
put_file() { cat >"$1.new"; mv "$1.new" "$1"; }
"""


def run_part(name: str, before: str, after: str = "") -> tuple[int, str]:
    """Run one function of the script; give its exit code and all that it said."""
    done = subprocess.run(
        [
            str(BASH),
            "-euo",
            "pipefail",
            "-c",
            f"{STAND_INS}{cut_out(name)}\n{before}\n{name}\n{after}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def cut_out(name: str) -> str:
    """Give a function of the installer as it stands there."""
    (found,) = re.findall(rf"^{name}\(\) \{{\n.*?^\}}$", SCRIPT, re.MULTILINE | re.DOTALL)
    return str(found)
