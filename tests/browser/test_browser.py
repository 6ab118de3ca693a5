"""The browser itself: what the other tests here rely on."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page


def test_it_shows_a_page_and_reaches_no_other_machine(new_page: Callable[..., Page]) -> None:
    page = new_page(color_scheme="dark", timezone_id="Asia/Tokyo")
    page.set_content("<h1>Good morning</h1>")
    assert page.get_by_role("heading").inner_text() == "Good morning"
    assert page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == "Asia/Tokyo"
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
