"""Builds the engine that the settings ask for; each is imported only when it is the one."""

from daemon.core.assistants.engine import Engine
from daemon.core.settings import Settings


def build_engine(settings: Settings) -> Engine:
    """Make the engine that answers for all clients; the caller closes it.

    Raises:
        Misconfigured: when the key is of a form that no request could carry.

    """
    name = settings.engine_name
    if name == "local":
        from daemon.core.assistants.local import LocalEngine  # noqa: PLC0415 - as above

        return LocalEngine()
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else None
    if name == "chat":
        from daemon.core.assistants.chat import build_chat_engine  # noqa: PLC0415

        return build_chat_engine(
            api_key=key, base_url=settings.openai_base_url, model=settings.openai_model
        )
    from daemon.core.assistants.responses import build_responses_engine  # noqa: PLC0415

    return build_responses_engine(
        api_key=key or "", base_url=settings.openai_base_url, model=settings.openai_model
    )
