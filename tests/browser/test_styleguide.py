"""The style guide in a real browser: both themes, small and wide, keyboard, reduced motion, forced colours."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

WIDTHS = [360, 1280]
FIELDS = "input:not([type=checkbox], [type=radio], [type=hidden], [type=range], [type=file])"
TARGETS = f"button, summary, .btn, .tag, .tabs > *, .site-footer a, .site-header a, select, {FIELDS}"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_nothing_is_wider_than_the_screen(page: Page, width: int, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/styleguide/")
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def small_targets(page: Page) -> list[str]:
    """What can be pressed on the page that is open and is less than 44 px high or wide. Links in sentences may be."""
    found: list[str] = page.evaluate(
        """(targets) => [...document.querySelectorAll(targets)]
        .filter((node) => node.checkVisibility() && !node.closest("dialog:not([open])"))
        .map((node) => [node.outerHTML.slice(0, 90), node.getBoundingClientRect()])
        .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
        .map(([html, box]) => `${html} ${box.width}x${box.height}`)""",
        TARGETS,
    )
    return found


def test_targets_are_big_enough_for_a_thumb(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/styleguide/")
    assert small_targets(page) == []


def test_the_chosen_colours_are_kept_and_hold_from_the_first_paint(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/styleguide/")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(250, 247, 245)"
    page.locator("[data-theme-switch=dark]").click()
    assert page.evaluate(background) == "rgb(11, 10, 10)"
    page.reload()
    assert page.evaluate(background) == "rgb(11, 10, 10)"
    expect(page.locator("[data-theme-switch=dark]")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-theme-switch=auto]").click()
    assert page.evaluate(background) == "rgb(250, 247, 245)"


def test_a_slab_is_dark_in_the_light_theme(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/styleguide/")
    slab = "getComputedStyle(document.querySelector('#surfaces .slab'))"
    assert page.evaluate(f"{slab}.backgroundColor") == "rgb(21, 18, 18)"
    assert page.evaluate(f"{slab}.color") == "rgb(247, 242, 239)"


def test_the_first_tab_leads_past_the_header_and_focus_is_seen(page: Page) -> None:
    page.goto("/styleguide/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Tab")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"


def test_nothing_moves_when_motion_is_reduced(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto("/styleguide/")
    moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((node) => {
        const style = getComputedStyle(node);
        return parseFloat(style.animationDuration) > 0.01 || parseFloat(style.transitionDuration) > 0.01;
    }).map((node) => node.className)""")
    assert moving == []


def test_a_dialog_opens_and_closes_by_key(page: Page) -> None:
    page.goto("/styleguide/")
    page.get_by_role("button", name="Open a dialog").click()
    expect(page.locator("#sg-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#sg-dialog")).to_be_hidden()
    expect(page.get_by_role("button", name="Open a dialog")).to_be_focused()


def test_the_page_reads_without_scripts(page: Page, context: BrowserContext) -> None:
    assert context.browser
    bare = context.browser.new_context(
        java_script_enabled=False, base_url=page.url if page.url != "about:blank" else None
    )
    try:
        still = bare.new_page()
        page.goto("/styleguide/")
        still.goto(page.url)
        expect(still.locator("h1")).to_be_visible()
        expect(still.locator("#player")).to_be_hidden()
        expect(still.locator(".js-only").first).to_be_hidden()
    finally:
        bare.close()
