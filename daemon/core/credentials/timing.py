"""From when on the end of an access token matters, and to whom. Pure, and light to import."""

import math

DAY_S = 86_400.0

EXPIRES_SOON_S = 14 * DAY_S
"""A token this near its end is warned of; those that end at all live 60 days."""

EXPIRES_NOW_S = 7 * DAY_S
"""A token this near its end is an error: a week is what a holiday takes."""

EXCHANGE_BEFORE_S = 15 * DAY_S
"""The daemon exchanges clients' own tokens from here on: so that a warning means that it failed."""


def count_days(until: float, *, now: float) -> int:
    """Count the whole days from now until then, negative ones after it."""
    return math.floor((until - now) / DAY_S)


def say_days(until: float, *, now: float) -> str:
    """Say in words how long it is until then."""
    days = count_days(until, now=now)
    if days < 1:
        return "less than a day"
    return "1 day" if days == 1 else f"{days} days"


def name_exchange(client_id: int | None) -> str:
    """Name the command that exchanges a client's own token, or with None the shared one."""
    return f"released meta token rotate{'' if client_id is None else f' {client_id}'}"
