"""Chooses where a command works: on this machine, or at a daemon far away.

What was typed wins over what is in the environment, that over what was saved; reads no settings of
the daemon and calls nobody.
"""

import os
from collections.abc import Mapping

from daemon.core.errors import Misconfigured, NotFound
from released_cli.given import Globals
from released_cli.places import Place, check_token, check_url
from released_cli.profiles import Book, find_file, read_book
from released_cli.sources import read_secret
from released_cli.usage import UsageError

URL, TOKEN, PROFILE = "RELEASED_URL", "RELEASED_TOKEN", "RELEASED_PROFILE"


def choose_place(given: Globals, environment: Mapping[str, str] | None = None) -> Place | None:
    """Choose the daemon that a command works at; None for this machine.

    Raises:
        UsageError: when the options contradict each other.
        Misconfigured: when an address or a token is missing or will not do.

    """
    environment = os.environ if environment is None else environment
    _refuse_contradictions(given)
    if given.local:
        return None
    if given.url is not None:
        return _build(given.url, given, environment)
    if given.profile is None and environment.get(URL):
        return _build(environment[URL], given, environment)
    file = find_file(environment)
    book = read_book(file)
    name = given.profile or environment.get(PROFILE) or book.default
    if name is None:
        if given.token_file is not None:
            raise UsageError("--token-file goes with --url or --profile.")
        if environment.get(TOKEN):
            raise UsageError(
                f"{TOKEN} is set, and nothing says for which daemon: set {URL} or give --url, or"
                " work on this machine with --local."
            )
        return None
    # What was typed names its own token: one in the environment may be another daemon's.
    return _take(name, book, given, token=None if given.profile else environment.get(TOKEN))


def _build(url: str, given: Globals, environment: Mapping[str, str]) -> Place:
    checked = check_url(url, insecure=given.insecure)
    token = (
        environment.get(TOKEN)
        if given.token_file is None
        else read_secret(given.token_file, what="Token")
    )
    if not token:
        raise Misconfigured(
            f"There is no token for {checked}: set {TOKEN}, or name a file with --token-file,"
            f" or save it once: released login {checked}"
        )
    return Place(checked, check_token(token))


def _take(name: str, book: Book, given: Globals, *, token: str | None) -> Place:
    """Take a saved profile, with `token` in its own one's place where that is given."""
    profile = book.profiles.get(name)
    if profile is None:
        known = ", ".join(sorted(book.profiles)) or "none"
        raise NotFound(
            f"There is no profile {name!r} (saved: {known})."
            f" Save it: released login URL --profile {name}"
        )
    if given.token_file is not None:
        token = read_secret(given.token_file, what="Token")
    url = check_url(profile.url, insecure=profile.insecure or given.insecure)
    return Place(
        url, check_token(token or profile.token), profile=name, has_other_token=bool(token)
    )


def _refuse_contradictions(given: Globals) -> None:
    chosen = [
        option
        for option, is_given in (
            ("--local", given.local),
            ("--url", given.url is not None),
            ("--profile", given.profile is not None),
        )
        if is_given
    ]
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} contradict each other: give one of them.")
    if given.local and given.token_file is not None:
        raise UsageError("--local needs no --token-file.")
