"""The images of the README, made of the demo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.conftest import keep_image


def test_campaign_report(demo: Callable[..., str], new_page: Callable[..., Page]) -> None:
    written = demo("report", "--campaign", "Contract renewal").strip()
    page = new_page(viewport={"width": 1240, "height": 1120})
    page.goto(Path(written).as_uri())
    page.wait_for_selector("html[data-drawn]")
    keep_image(page, "report")
