"""Debian's chromium, driven by Playwright; pages that reach this machine only, and their screenshots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
OURS = ("file:", "data:", "blob:", "about:", "http://127.0.0.1:", "ws://127.0.0.1:")
_FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
_HERE = Path(__file__).parent
_taken: list[Path] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.system)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _taken:
        terminalreporter.section("screenshots")
        for path in _taken:
            terminalreporter.write_line(str(path))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless browser. While it runs this thread has an event loop, so nothing here may `asyncio.run`."""
    if not CHROMIUM.exists():
        pytest.fail(f"There is no {CHROMIUM}: make ci-system installs it.", pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens a blank page in a context of its own: `new_page(color_scheme="dark", timezone_id="Asia/Tokyo")`.

    The test fails where a page throws, or asks anything of another machine. What each page shows at the
    end of the test is kept as a screenshot.
    """
    pages: list[Page] = []
    wrong: list[str] = []

    def keep_home(route: Route) -> None:
        if route.request.url.startswith(OURS):
            route.continue_()
        else:
            wrong.append(f"asked for {route.request.url}")
            route.abort()

    def new(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.route("**/*", keep_home)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(f"threw {error}"))
        pages.append(page)
        return page

    yield new
    for number, page in enumerate(pages):
        keep_screenshot(page, f"{request.node.name}{f'-{number}' if number else ''}")
        page.context.close()
    assert wrong == []


def keep_screenshot(page: Page, name: str, **options: Any) -> Path:
    """Keeps what the page shows as `var/screenshots/NAME.png`, which the end of the test run lists."""
    path = SCREENSHOTS / f"{''.join(c if c.isalnum() or c in '._-' else '_' for c in name)}.png"
    page.screenshot(path=path, **options)
    _taken.append(path)
    return path
