"""What is wrong with a command line itself, in our words: exit code 2."""

from typer.exceptions import TyperException


class UsageError(TyperException):
    """The command line itself is wrong: exit code 2."""

    exit_code = 2
