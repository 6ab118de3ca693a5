"""Debian's chromium, driven by Playwright; pages that reach this machine only, and their screenshots."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.processes import ICON_ASSETS, own_environment

CHROMIUM = Path("/usr/bin/chromium")
ROOT = Path(__file__).parents[2]
SCREENSHOTS = ROOT / "var" / "screenshots"
IMAGES = ROOT / "docs" / "images"  # those that the README shows
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


@pytest.fixture(scope="session")
def demo_var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of `demo`."""
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="session")
def demo(demo_var: Path) -> Iterator[Callable[..., str]]:
    """What `make demo` makes, in a `var` of its own: runs a command there, returns what it printed."""
    environment = own_environment(ICON_VAR=str(demo_var))

    def run(*arguments: str) -> str:
        done = subprocess.run([*ICON_ASSETS, *arguments], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("demo")
    yield run
    run("db", "stop")


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


def keep_image(page: Page, name: str, most_bytes: int = 300_000) -> None:
    """Keeps a screenshot that the README shows; the one that is committed must have its size.

    It is not compared by its pixels: fonts differ from machine to machine. UPDATE_IMAGES=1 writes it anew.
    """
    committed = IMAGES / f"{name}.png"
    shown = keep_screenshot(page, f"readme-{name}")
    if os.environ.get("UPDATE_IMAGES"):
        committed.parent.mkdir(exist_ok=True)
        shutil.copy(shown, committed)
    assert committed.exists(), f"UPDATE_IMAGES=1 pytest tests/browser makes {committed}"
    assert committed.stat().st_size < most_bytes
    assert _pixels(committed) == _pixels(shown)


def _pixels(png: Path) -> tuple[int, int]:
    width, height = struct.unpack(">II", png.read_bytes()[16:24])
    return width, height
