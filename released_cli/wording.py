"""What is wrong with a command line, in our words and with the command to run next."""

from typer.exceptions import TyperException


def explain(wrong: TyperException) -> str:
    """Say what Typer found wrong; its guesses at what was meant come as a question."""
    context = getattr(wrong, "ctx", None)
    message = _explain_option(wrong) or _explain_value(wrong) or wrong.format_message()
    if context is None or not message:
        return message
    end = "" if message.endswith("?") else "."
    return f"{message.rstrip('.')}{end} See: {context.command_path} --help"


def _explain_option(wrong: TyperException) -> str | None:
    option = getattr(wrong, "option_name", None)
    close = getattr(wrong, "possibilities", None)
    if close:
        return f"No such option: {option}. Did you mean {close[0]}?"
    return None


def _explain_value(wrong: TyperException) -> str | None:
    """Put pydantic's words, in which Typer speaks of values, into ours."""
    cause = wrong.__cause__ or wrong.__context__
    find_errors = getattr(cause, "errors", None)
    if find_errors is None:
        return None
    from daemon.core.reasons import explain as explain_error

    quoted = str(getattr(wrong, "message", ""))
    return wrong.format_message().replace(quoted, explain_error(find_errors()[0]))
