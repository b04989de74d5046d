"""`released demo`: a restaurant's bot on this machine, with no key and no account.

Owns what the person sees of it; what it is made of is `demo_stage`'s.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from released_cli.commands import Command
from released_cli.output import print_text, say, working
from released_cli.session import UsageError, refuse_elsewhere

if TYPE_CHECKING:
    import aiohttp

    from released_cli.demo_stage import Stage

app = typer.Typer()

CUSTOMER = "34600111222"
ANSWER_BUDGET_S = 30.0
INTERRUPTED = 130


@app.command("demo", cls=Command)
def demo(
    ctx: typer.Context,
    *,
    ask: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Send this as a customer, print the reply, and end."),
    ] = None,
) -> None:
    """Chat with a demo restaurant's bot: no key, no account, nothing left behind."""
    import asyncio
    import tempfile

    refuse_elsewhere(ctx, "demo", heed_login=False)
    if ask is not None and not ask.strip():
        raise UsageError("--ask needs a text.")
    with tempfile.TemporaryDirectory(prefix="released-demo-") as folder:
        try:
            asyncio.run(_run(Path(folder), ask))
        except asyncio.CancelledError:
            say("The demo is over.")
            raise typer.Exit(INTERRUPTED) from None


async def _run(folder: Path, ask: str | None) -> None:
    from contextlib import AsyncExitStack

    import aiohttp

    from released_cli import demo_stage

    _end_on_signals()
    async with AsyncExitStack() as stack:
        with working("Starting the demo"):
            stage = demo_stage.prepare(folder, quick=ask is not None)
            url = await stack.enter_async_context(demo_stage.run_sandbox(stage))
            daemon = await stack.enter_async_context(demo_stage.run_daemon(stage, url))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            await demo_stage.wait_until_well(session, stage, daemon)
            reply = "" if ask is None else await _ask(session, url, stage, ask)
        if ask is not None:
            print_text(reply)
            return
        print_text(f"{url}/")
        say(f"Open it to chat with {stage.client.name} as a customer would on WhatsApp.")
        say("Ctrl-C ends the demo and removes all it made.")
        await daemon.wait()
        raise demo_stage.stopped(stage)


async def _ask(session: "aiohttp.ClientSession", url: str, stage: "Stage", text: str) -> str:
    """Write as a customer and wait for the bot's message."""
    import asyncio

    from daemon.core.errors import ReleasedError

    number = stage.client.phone_number_id
    wrote = {"phone_number_id": number, "from": CUSTOMER, "text": text}
    wanted = {"phone_number_id": number, "customer": CUSTOMER, "direction": "out"}
    query = wanted | {"wait": str(int(ANSWER_BUDGET_S))}
    try:
        async with asyncio.timeout(ANSWER_BUDGET_S):
            async with session.post(f"{url}/chat/messages", json=wrote) as response:
                if not response.ok:
                    raise ReleasedError(
                        f"The demo's bot did not take the message: {await _reason(response)}"
                    )
            async with session.get(f"{url}/chat/messages", params=query) as response:
                messages: list[dict[str, Any]] = (await response.json())["messages"]
    except TimeoutError:
        messages = []
    if not messages:
        raise ReleasedError(f"The demo's bot gave no answer within {ANSWER_BUDGET_S:.0f} s.")
    return str(messages[0]["text"])


async def _reason(response: "aiohttp.ClientResponse") -> str:
    """Take the sandbox's own words, as its refusals carry them."""
    answer = await response.json(content_type=None)
    error = answer.get("error") if isinstance(answer, dict) else None
    said = error.get("message") if isinstance(error, dict) else None
    return str(said or f"HTTP {response.status}")


def _end_on_signals() -> None:
    """Cancel what runs, once, on Ctrl-C, a polite kill or a closed terminal."""
    import asyncio
    import signal

    loop = asyncio.get_running_loop()
    running = asyncio.current_task()
    assert running is not None  # noqa: S101 - a coroutine is asking
    wanted = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    # What whoever started us chose to ignore (nohup, a job in the background) stays ignored.
    heard = [name for name in wanted if signal.getsignal(name) is not signal.SIG_IGN]

    def end() -> None:
        for name in heard:
            loop.add_signal_handler(name, _heard_already)
        running.cancel()

    for name in heard:
        loop.add_signal_handler(name, end)


def _heard_already() -> None:
    """Do nothing: the end has begun, and takes a bounded time."""
