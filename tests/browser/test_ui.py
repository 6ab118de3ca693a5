"""What people do in a browser: follow lineage, read checks and health, launch a backfill, search the docs."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from icon_assets.database import open_database
from icon_assets.settings import Settings
from tests.browser.conftest import keep_image
from tests.development import Dev, wait_for

pytestmark = pytest.mark.slow
# The first page of a cold webserver, on a machine that has much else to do.
PATIENCE = 60_000
WORDS = {
    "abandonment": "mart_campaign_day",
    "overdial": "mart_pacing",
    "right party contact": "mart_campaign_day",
    "penetration": "mart_list_progress",
    "talk time": "mart_agent_outbound",
    "hit rate": "mart_campaign_interval",
    "connect rate": "mart_campaign_day",
    "wrap-up": "mart_agent_outbound",
    "answering machine": "mart_result_confusion",
    "best time to call": "mart_contactability",
}


@pytest.fixture(scope="module")
def dev(demo: Callable[..., str], demo_var: Path) -> Iterator[Dev]:
    """`icon-assets dev` over the demo, as the README says it."""
    database = open_database(Settings.from_env({"ICON_VAR": str(demo_var)}))
    dev = Dev(demo_var, demo_var / "landing", database, embedded=True)
    dev.start()
    yield dev
    if dev.lives():
        dev.stop(signal.SIGTERM)


@pytest.fixture
def page(dev: Dev, new_page: Callable[..., Page]) -> Page:
    """A page of Dagster's UI."""
    page = new_page(base_url=f"http://127.0.0.1:{dev.port}")
    page.set_default_timeout(PATIENCE)
    return page


def test_the_lineage_leads_from_a_mart_to_the_landing_zone(page: Page) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    page.goto("/assets/idb/go_chain?view=lineage")
    expect(page.get_by_text("event_batches", exact=True)).to_be_visible(timeout=PATIENCE)
    page.goto("/assets/marts/mart_campaign_day?view=lineage&lineageScope=upstream&lineageDepth=1")
    for name in ("mart_campaign_day", "int_completeness"):  # longer names are cut short
        expect(page.get_by_text(name, exact=True).last).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(3000)  # it zooms in, and fills the boxes
    keep_image(page, "dagster-lineage")


def test_a_column_says_what_it_is_made_of(page: Page) -> None:
    page.goto("/assets/marts/mart_campaign_day")
    page.get_by_placeholder("Filter columns").fill("dials_made")
    expect(page.get_by_text("fct_contact_attempt.is_dialed")).to_be_visible(timeout=PATIENCE)


def test_a_check_says_whether_it_holds(page: Page) -> None:
    page.goto("/assets/ops/batch?view=checks&checkDetail=lines_accounted_for")
    expect(page.get_by_text("lines_accounted_for").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Passed").first).to_be_visible(timeout=PATIENCE)
    expect(
        page.get_by_text("Each line of a batch is new, known, filtered or quarantined").first
    ).to_be_visible()


def test_health_says_on_one_screen_what_needs_attention(page: Page) -> None:
    page.goto("/assets/ops/health")
    expect(page.get_by_text("All is well.").first).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Dagster runs").first).to_be_visible()


def test_the_ledger_shows_a_chart(page: Page) -> None:
    page.goto("/assets/ops/batch")
    chart = page.get_by_alt_text(re.compile("^new, known, quarantined, 2025-03-03 to 2025-03-05, at most"))
    expect(chart).to_be_visible(timeout=PATIENCE)
    assert chart.evaluate("image => image.naturalWidth") == 480, "the image was drawn"


def test_a_backfill_launched_from_the_dialog_is_done(dev: Dev, page: Page) -> None:
    page.goto("/assets/final/go_campaign")
    page.get_by_role("button", name="Materialize").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Show all partitions").click()
    days = dialog.get_by_role("textbox").first
    days.fill("[2025-03-02...2025-03-06]")
    days.press("Enter")
    expect(dialog.get_by_text("5 partitions", exact=True)).to_be_visible()
    dialog.get_by_role("button", name="Launch backfill").click()
    query = """{ partitionBackfillsOrError { ... on PartitionBackfills {
        results { id status numPartitions } } } }"""

    def ended() -> object:
        told = dev.ask(query)["partitionBackfillsOrError"]["results"]
        return told if told and told[0]["status"].startswith(("COMPLETED", "FAILED")) else None

    (backfill,) = wait_for(ended, dev.lives)
    assert (backfill["status"], backfill["numPartitions"]) == ("COMPLETED_SUCCESS", 5)
    page.goto(f"/runs/b/{backfill['id']}")
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENCE)


def test_a_mart_links_to_its_docs_where_search_knows_the_words_of_the_field(
    demo: Callable[..., str], page: Page, new_page: Callable[..., Page]
) -> None:
    demo("docs")
    page.goto("/assets/marts/mart_campaign_day")
    link = page.locator("a[href*='/docs/index.html#!/model/']").first
    expect(link).to_be_visible(timeout=PATIENCE)
    docs = new_page()
    address = link.get_attribute("href") or ""
    docs.goto(address.partition("#")[0])
    expect(docs.get_by_role("heading", name="Where to look")).to_be_visible(timeout=PATIENCE)
    keep_image(docs, "dbt-docs")
    docs.goto(address)
    expect(docs.get_by_role("heading", name="mart_campaign_day")).to_be_visible(timeout=PATIENCE)
    search = docs.get_by_placeholder("Search for models...")
    for words, mart in WORDS.items():
        search.fill(words)
        expect(docs.locator(".result", has_text=mart).first).to_be_visible()
