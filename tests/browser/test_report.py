"""The campaign report as people meet it: drawn, read out, in the dark, on a phone, on paper, in any zone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from icon_assets.database import Database
from icon_assets.marts.dbt_cli import manifest_path
from icon_assets.report.make import make_report
from tests.browser.conftest import SCREENSHOTS, keep_screenshot
from tests.dbt.conftest import Marts
from tests.dbt.simulated import SCENARIO, UNRULY, build

Show = Callable[..., Page]
CAMPAIGN = "late and transferred"  # the one with a CPD Server, so that every figure has something to show
FIGURES = 9
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True}

_MARKS = """charts => charts.map(chart => ({
    label: chart.ariaLabel,
    marks: chart.querySelectorAll(".mark-rect path, .mark-area path, .mark-symbol path").length,
    width: chart.querySelector("svg").getBoundingClientRect().width,
}))"""
_CELLS = """([caption, label]) => {
    const table = [...document.querySelectorAll("table")].find(one => one.caption.textContent === caption);
    const place = [...table.tHead.rows[0].cells].findIndex(cell => cell.textContent === label);
    return [...table.tBodies[0].rows].map(row => row.cells[place].querySelector("data, time"))
        .map(held => held.dateTime ?? held.value);
}"""


@pytest.fixture(scope="module")
def marts(new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Marts:
    """The marts of the simulated contact centre."""
    marts = Marts(new_database(), tmp_path_factory.mktemp("landing"), tmp_path_factory.mktemp("var"))
    return build(marts, tmp_path_factory.mktemp("simulated"), tested=False).marts


@pytest.fixture(scope="module")
def written(marts: Marts, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of all campaigns, of one that has everything, and of one with a name that is code."""
    folder = tmp_path_factory.mktemp("report")
    pages = {"all": folder / "all.html", CAMPAIGN: folder / "one.html", UNRULY: folder / "unruly.html"}
    for name, out in pages.items():
        campaign = None if name == "all" else name
        make_report(marts.database.url("analyst"), manifest_path(marts.settings), out, campaign=campaign)
    return pages


@pytest.fixture
def show(new_page: Show, written: dict[str, Path]) -> Show:
    def show(name: str = CAMPAIGN, **options: object) -> Page:
        page = new_page(**options)
        page.goto(written[name].as_uri())
        page.wait_for_selector("html[data-drawn]")
        return page

    return show


def first_hour(page: Page) -> str:
    """What stands first at the time axis of the first chart over the day."""
    labels = page.locator(".day .chart").first.locator(".role-axis-label").first.locator("text")
    return labels.all_text_contents()[0]


def test_every_chart_is_drawn_and_nothing_but_the_file_is_asked_for(show: Show) -> None:
    page = show()
    assert page.locator(".card h3").count() == FIGURES
    drawn = page.locator(".chart").evaluate_all(_MARKS)
    assert len(drawn) > FIGURES
    assert [chart for chart in drawn if chart["marks"] == 0 or chart["width"] < 300] == []
    assert all(chart["label"] for chart in drawn)
    assert page.evaluate("performance.getEntriesByType('resource').map(asked => asked.name)") == []
    keep_screenshot(page, "report", full_page=True)


def test_numbers_of_the_tables_are_those_of_the_marts(marts: Marts, show: Show) -> None:
    page = show()
    rows = marts.rows(
        "select report_day::text, sum(attempts)::text, sum(live_answers)::text, sum(abandoned)::text, "
        "sum(overdialed)::text from marts.mart_campaign_day "
        "inner join marts.dim_campaign using (campaign_id) "
        f"where campaign_name = '{CAMPAIGN}' group by 1 order by 1"
    )
    shown = [
        page.evaluate(_CELLS, [caption, label])
        for caption, label in (
            ("Campaign by day", "Day"),
            ("Campaign by day", "Attempts"),
            ("Abandonment by day", "Live answers"),
            ("Abandonment by day", "Abandoned"),
            ("Abandonment by day", "Overdialled"),
        )
    ]
    assert list(zip(*shown, strict=True)) == rows


def test_times_are_in_the_zone_that_the_reader_chooses(show: Show) -> None:
    page = show(timezone_id="Asia/Kolkata")
    in_table = page.locator(".day table tbody time").first
    assert (first_hour(page), in_table.text_content()) == ("09:00", "3 Mar, 09:00")
    # The browser calls it Asia/Calcutta.
    own = page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    for zone, hour in ((own, "14:30"), ("Europe/Athens", "11:00"), ("UTC", "09:00")):
        page.get_by_label("Times in").select_option(zone)
        page.wait_for_selector(f"html[data-drawn='{zone}']")
        assert (first_hour(page), in_table.text_content()) == (hour, f"3 Mar, {hour}")
        assert page.locator("footer [data-zone]").inner_text() == zone


def test_a_name_that_is_code_is_a_name(show: Show) -> None:
    page = show(UNRULY)
    assert page.get_by_role("heading", level=1).inner_text() == UNRULY
    assert page.title().startswith(UNRULY)


def test_all_campaigns_stand_on_one_page(show: Show) -> None:
    page = show("all", reduced_motion="reduce")
    last = max(campaign.name for campaign in SCENARIO.campaigns)
    assert page.locator("article").count() == len(SCENARIO.campaigns)
    page.get_by_role("navigation").get_by_role("link", name=last, exact=True).click()
    assert page.locator("article:target h2").inner_text() == last


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(show: Show, scheme: str) -> None:
    page = show(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"


def test_the_dark_is_dark_in_the_charts_too(show: Show) -> None:
    bar = "getComputedStyle([...document.querySelectorAll('.day .mark-rect path')].pop()).fill"
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = show(), show(color_scheme="dark")
    assert light.evaluate(paper) != dark.evaluate(paper)
    assert light.evaluate(bar) != dark.evaluate(bar)
    keep_screenshot(dark, "report-dark", full_page=True)


def test_it_fits_a_phone(show: Show) -> None:
    page = show(**PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    wide = "charts => charts.filter(one => one.getBoundingClientRect().right > 390).length"
    assert page.locator(".chart svg").evaluate_all(wide) == 0
    keep_screenshot(page, "report-phone", full_page=True)


def test_it_prints(show: Show) -> None:
    page = show(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.get_by_label("Times in").is_visible()
    printed = page.pdf(path=SCREENSHOTS / "report.pdf", prefer_css_page_size=True)
    assert printed.count(b"/Type /Page\n") >= 3
