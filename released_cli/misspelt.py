"""Names in a `.env` file that are no settings of ours, but nearly are.

What else stands in such a file is for others and none of our business.
"""

from difflib import get_close_matches
from pathlib import Path

from daemon.core.settings import Settings
from released_cli.choosing import PROFILE, TOKEN, URL

CLOSE = 0.85
"""How alike, from 0 to 1, a name is to one of ours before it is taken for a slip."""

SHORT = 5
"""Letters of a name so short that any two are alike: HOSTS is not HOST."""


def find_misspelt(env_file: Path) -> list[str]:
    """Say of each name that is nearly a setting which one it may have been meant to be."""
    from dotenv import dotenv_values

    if not env_file.is_file():
        return []
    known = {name.upper() for name in Settings.model_fields}
    warnings = []
    for name in dotenv_values(env_file, interpolate=False):
        asked = name.upper()
        if asked in known or asked in {URL, TOKEN, PROFILE} or len(asked) <= SHORT:
            continue
        close = get_close_matches(asked, known, n=1, cutoff=CLOSE)
        if close:
            warnings.append(f"{env_file}: {name} is no setting. Did you mean {close[0]}?")
    return warnings
