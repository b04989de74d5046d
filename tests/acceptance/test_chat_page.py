"""The chat page in a real browser: what a person sees when a customer writes and a bot answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.doubles.browser import CHROMIUM, Page, open_browser, open_page
from tests.doubles.sandbox_kit import Kit, open_kit

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.asyncio(loop_scope="module"),
]

READY = "document.querySelectorAll('.client option').length === 4"
ATTACK = "<img src=x onerror='document.title=`hacked`'>"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[str]:
    """Start it once: that costs more than all that a test does in it."""
    async with open_browser() as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module")
async def kit() -> AsyncIterator[Kit]:
    async with open_kit() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: str, kit: Kit) -> AsyncIterator[Page]:
    async with open_page(browser, kit.url + "/") as opened:
        await opened.wait_for(READY)
        yield opened
        assert [] == opened.complaints
        assert [] == [url for url in opened.asked if not url.startswith(kit.url)]


async def say(page: Page, text: str, *, pane: int = 0) -> None:
    await page.evaluate(f"document.querySelectorAll('.text')[{pane}].focus()")
    await page.type(text)
    await page.press_enter()


async def read_bubbles(page: Page, side: str, *, pane: int = 0) -> list[str]:
    found: list[str] = await page.evaluate(
        f"[...document.querySelectorAll('.pane')[{pane}].querySelectorAll('.{side} p')]"
        ".map((each) => each.textContent)"
    )
    return found


async def test_the_owner_answers_from_the_page(kit: Kit, page: Page) -> None:
    """One button beside the customer's own: the message stands on the business's side, as typed."""
    await page.evaluate("document.querySelectorAll('.text')[0].focus()")
    await page.type("Soy Marta.")
    await page.evaluate("document.querySelectorAll('.owner')[0].click()")
    await page.wait_for("document.querySelectorAll('.theirs p').length === 1")
    assert ["Soy Marta."] == await read_bubbles(page, "theirs")
    assert [] == await read_bubbles(page, "mine")
    await kit.echo.wait_until(lambda: b"smb_message_echoes" in b"".join(kit.echo.bodies))


async def test_a_customer_types_and_the_bot_answers(kit: Kit, page: Page) -> None:
    """Typing dots, blue ticks and the answer show, each when it happens."""
    kit.echo.at_typing = asyncio.Event()
    assert await page.evaluate("!document.querySelector('.empty').hidden")
    await say(page, "hola")
    await page.wait_for("document.querySelector('.typing') && document.querySelector('.mine')")
    await page.wait_for("document.querySelector('.mine').dataset.status === 'read'")
    ticks = "document.querySelector('.mine .ticks').getAttribute('aria-label')"
    assert "Read" == await page.evaluate(ticks)
    assert "typing…" == await page.evaluate("document.querySelector('.presence').textContent")
    kit.echo.at_typing.set()
    await page.wait_for("document.querySelector('.theirs p')")
    assert ["Echo: hola"] == await read_bubbles(page, "theirs")
    assert await page.evaluate("document.querySelector('.typing') === null")
    assert await page.evaluate("document.querySelector('.empty').hidden")


async def test_what_a_customer_writes_is_text_and_never_markup(page: Page) -> None:
    """Markup in a message is shown, not obeyed; WhatsApp's own bold is bold."""
    await say(page, f"{ATTACK} *ya* snake_case_name")
    await page.wait_for("document.querySelector('.theirs p')")
    assert [f"Echo: {ATTACK} ya snake_case_name"] == await read_bubbles(page, "theirs")
    assert "ya" == await page.evaluate("document.querySelector('.theirs strong').textContent")
    assert await page.evaluate("document.querySelector('.log img, .log em') === null")
    assert "Released sandbox" == await page.evaluate("document.title")


async def test_two_customers_chat_side_by_side(page: Page) -> None:
    """What one writes and reads is not in the other's pane, and a reload keeps both."""
    await say(page, "soy Ana", pane=0)
    await say(page, "soy Luis", pane=1)
    await page.wait_for("document.querySelectorAll('.theirs p').length === 2")
    for _ in range(2):
        for pane, name in enumerate(("Ana", "Luis")):
            assert [f"soy {name}"] == await read_bubbles(page, "mine", pane=pane)
            assert [f"Echo: soy {name}"] == await read_bubbles(page, "theirs", pane=pane)
        await page.reload()
        await page.wait_for("document.querySelectorAll('.theirs p').length === 2")


async def test_another_client_is_another_chat(page: Page) -> None:
    """Choosing a client leads to its own chat and its own number."""
    await say(page, "uno")
    await page.wait_for("document.querySelector('.theirs p')")
    await page.evaluate(
        "{ const chooser = document.querySelector('.client'); chooser.selectedIndex = 1;"
        " chooser.dispatchEvent(new Event('change', { bubbles: true })); }"
    )
    assert [] == await read_bubbles(page, "mine")
    await say(page, "dos")
    await page.wait_for("document.querySelector('.theirs p')")
    assert ["Echo: dos"] == await read_bubbles(page, "theirs")


async def test_an_example_can_be_sent_with_one_press(page: Page) -> None:
    """The empty chat offers questions of the chosen client, and none where there are none."""
    await page.wait_for("document.querySelectorAll('.chip').length === 6")
    await page.evaluate("document.querySelector('.chip').click()")
    await page.wait_for("document.querySelector('.theirs p')")
    assert ["¿Cuál es vuestro horario?"] == await read_bubbles(page, "mine")
    await page.evaluate(
        "{ const chooser = document.querySelector('.client'); chooser.selectedIndex = 1;"
        " chooser.dispatchEvent(new Event('change', { bubbles: true })); }"
    )
    await page.wait_for("document.querySelectorAll('.chip').length === 3")
    assert await page.evaluate("document.querySelector('.tries').hidden")


async def test_a_customer_may_hide_behind_a_user_id(kit: Kit, page: Page) -> None:
    """A user id instead of a number makes a username-only customer; nonsense is refused."""
    for typed, is_wrong in (("12", True), ("ES.ana1234", False)):
        await page.evaluate(
            f"{{ const field = document.querySelector('.number'); field.value = '{typed}';"
            " field.dispatchEvent(new Event('change', { bubbles: true })); }"
        )
        assert is_wrong == await page.evaluate("!document.querySelector('.wrong').hidden")
    await say(page, "hola")
    await page.wait_for("document.querySelector('.theirs p')")
    assert "from" not in kit.echo.messages[0]


async def test_the_page_says_when_the_bot_is_not_there_and_when_it_is_back(
    kit: Kit, page: Page
) -> None:
    """A banner names the webhook; it goes when the message got through after all."""
    kit.echo.answers.extend([503, 503])
    assert await page.evaluate("document.querySelector('#banner').hidden")
    await page.evaluate(
        "window.seen = [];"
        " new MutationObserver(() => seen.push(document.querySelector('#banner').textContent))"
        ".observe(document.querySelector('#banner'), { childList: true, attributes: true }), 0"
    )
    await say(page, "hola")
    await page.wait_for("seen.some((line) => line.includes('answered 503'))")
    await page.wait_for("document.querySelector('#banner').hidden")
    await page.wait_for("document.querySelector('.theirs p')")


async def test_a_stopped_daemon_is_named_before_anybody_writes(browser: str) -> None:
    """The page looks by itself, and tells the operator what to start."""
    async with open_kit() as lender:
        url = lender.echo.url
    async with open_kit(webhook_url=url) as kit, open_page(browser, kit.url + "/") as page:
        await page.wait_for("document.querySelector('#banner')?.textContent.includes('running?')")
        line = await page.evaluate("document.querySelector('#banner').textContent")
    assert f"The webhook answers nothing at {url}: is released-daemon running?" == line


async def test_a_fault_can_be_set_from_the_page(kit: Kit, page: Page) -> None:
    """A box in the panel is a fault in the sandbox."""
    await page.evaluate("document.querySelector('[name=mute]').click()")
    await page.wait_for("document.querySelector('#faults').hasAttribute('data-on')")
    assert (await kit.call("GET", "/sandbox/faults")).body["mute_statuses"] is True
    await page.evaluate("document.querySelector('[name=mute]').click()")
    await page.wait_for("!document.querySelector('#faults').hasAttribute('data-on')")
    assert (await kit.call("GET", "/sandbox/faults")).body["mute_statuses"] is False


async def test_a_failed_answer_is_a_notice_and_no_bubble(kit: Kit, page: Page) -> None:
    """After 24 hours the customer sees nothing, and the operator why."""
    kit.echo.mute = True
    kit.clock.now += 24 * 3600 + 1
    await kit.send()
    await page.wait_for("document.querySelector('.notice')")
    assert "24 hours" in await page.evaluate("document.querySelector('.notice').textContent")
    assert [] == await read_bubbles(page, "theirs")


async def test_on_a_narrow_screen_the_panes_are_tabs(browser: str, kit: Kit) -> None:
    """One customer at a time, with a mark when the other has news."""
    async with open_page(browser, kit.url + "/", width=390, height=800) as page:
        await page.wait_for(READY)
        shown = "[...document.querySelectorAll('.pane')].map((each) => each.checkVisibility())"
        assert [True, False] == await page.evaluate(shown)
        await kit.write("hola", **{"from": "34600333444"})
        await page.wait_for("document.querySelectorAll('.tab')[1].dataset.news === ''")
        await page.evaluate("document.querySelectorAll('.tab')[1].click()")
        assert [False, True] == await page.evaluate(shown)
        width = await page.evaluate("document.documentElement.scrollWidth")
    assert 390 == width
