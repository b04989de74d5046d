"""A page in headless chromium, driven over its DevTools websocket; nothing but aiohttp is needed.

async with open_browser() as browser, open_page(browser, url) as page:
    await page.wait_for("document.title === 'x'")
    await page.type("hello")
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

PATIENCE_S = 60
"""What one step may take on a busy machine."""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
)

WAIT = """
new Promise((done) => {
  const look = () => { if (%s) { clearInterval(timer); done(true); } };
  const timer = setInterval(look, 20);
  look();
})
"""


class Page:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session = ""
        self._context = ""
        self._calls = 0
        self._loaded = False
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._calls += 1
        message: dict[str, Any] = {"id": self._calls, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        while True:
            answer = await self._socket.receive_json()
            if answer.get("id") == self._calls:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    async def open(self, url: str, *, width: int, height: int) -> None:
        self._context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call(
            "Target.createTarget", url="about:blank", browserContextId=self._context
        )
        attached = await self.call(
            "Target.attachToTarget", targetId=target["targetId"], flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Network", "Log", "Runtime", "Page"):
            await self.call(f"{domain}.enable")
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self._load("Page.navigate", url=url)

    async def close(self) -> None:
        self._session = ""
        await self.call("Target.disposeBrowserContext", browserContextId=self._context)

    async def reload(self) -> None:
        await self._load("Page.reload")

    async def _load(self, method: str, **params: Any) -> None:
        self._loaded = False
        await self.call(method, **params)
        async with asyncio.timeout(PATIENCE_S):
            while not self._loaded:
                self._note(await self._socket.receive_json())

    async def evaluate(self, script: str) -> Any:
        result = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    async def wait_for(self, condition: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.evaluate(WAIT % condition)

    async def type(self, text: str) -> None:
        await self.call("Input.insertText", text=text)

    async def press_enter(self) -> None:
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    def _note(self, event: dict[str, Any]) -> None:
        params = event.get("params", {})
        self._loaded = self._loaded or event.get("method") == "Page.loadEventFired"
        if event.get("method") == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        if event.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        if event.get("method") == "Log.entryAdded" and params["entry"]["source"] == "security":
            self.complaints.append(params["entry"]["text"])


@asynccontextmanager
async def open_browser() -> AsyncIterator[str]:
    """Start chromium; give the address at which pages are opened in it."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={home}",
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env={"HOME": home, "PATH": str(Path(CHROMIUM).parent) + ":/usr/bin:/bin"},
        )
        try:
            yield await _read_address(process)
        finally:
            process.terminate()
            await process.communicate()


@asynccontextmanager
async def open_page(
    browser: str, url: str, *, width: int = 1280, height: int = 900
) -> AsyncIterator[Page]:
    """Open a page that shares no storage with any other; close it at the end."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(browser, max_msg_size=0) as socket,
    ):
        page = Page(socket)
        await page.open(url, width=width, height=height)
        try:
            yield page
        finally:
            await page.close()


async def _read_address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_S):
        while line := (await process.stderr.readline()).decode(errors="replace"):
            if "DevTools listening on " in line:
                return line.split("DevTools listening on ")[1].strip()
    raise AssertionError("chromium did not start")
