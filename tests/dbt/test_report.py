"""The campaign report: its numbers are the facts', its definitions dbt's, and nothing private is in it."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from icon_assets.errors import UserError
from icon_assets.marts.dbt_cli import manifest_path
from icon_assets.report.make import make_report
from icon_assets.report.numbers import wilson
from icon_assets.simulator.scenario import Campaign
from tests.dbt.conftest import Marts
from tests.dbt.simulated import SCENARIO, UNRULY, Simulated
from tests.report_page import ReportPage

pytestmark = pytest.mark.slow
FIRST = SCENARIO.start
NAMES = [campaign.name for campaign in SCENARIO.campaigns]


@pytest.fixture(scope="module")
def marts(simulated: Simulated) -> Marts:
    return simulated.marts


def report(marts: Marts, out: Path, **asked: Any) -> str:
    make_report(marts.database.url("analyst"), manifest_path(marts.settings), out, **asked)
    return out.read_text()


@pytest.fixture(scope="module")
def html(marts: Marts, tmp_path_factory: pytest.TempPathFactory) -> str:
    return report(marts, tmp_path_factory.mktemp("report") / "page.html")


@pytest.fixture(scope="module")
def page(html: str) -> ReportPage:
    return ReportPage(html)


def counted(marts: Marts, columns: str, where: str) -> list[tuple[object, ...]]:
    return marts.rows(
        f"select c.campaign_name, {columns} from marts.fct_contact_attempt as a "
        f"inner join marts.dim_campaign as c using (campaign_id) where {where} group by 1, 2 order by 1, 2"
    )


def shown(page: ReportPage, caption: str, *labels: str) -> list[tuple[object, ...]]:
    """The rows of a table of every campaign, counts as numbers."""
    return sorted(
        (name, *(int(str(row[label])) if str(row[label]).isdigit() else row[label] for label in labels))
        for name, tables in page.tables.items()
        for row in tables.get(caption, [])
        if name in NAMES
    )


def test_every_campaign_is_there_under_its_own_name(page: ReportPage, html: str) -> None:
    assert [heading for heading in page.headings if heading in NAMES] == sorted(NAMES)
    assert [row["Campaign"] for row in page.tables["All campaigns"]["Campaigns of the report"]] == sorted(
        NAMES
    )
    assert UNRULY not in html


def test_days_are_those_of_the_facts(marts: Marts, page: ReportPage) -> None:
    labels = ("Day", "Attempts", "Dials made", "Live answers", "Right party")
    assert shown(page, "Campaign by day", *labels) == counted(
        marts,
        "attempt_day::text, count(*), count(*) filter (where is_dialed), count(*) filter (where is_human), "
        "count(*) filter (where is_right_party)",
        "true",
    )


def test_quarters_are_those_of_the_facts(marts: Marts, page: ReportPage) -> None:
    quarters = [
        (name, str(at).replace("T", " "), *rest)
        for name, at, *rest in shown(
            page, "Live answers by quarter of an hour", "From", "Live answers", "Abandoned", "Not known"
        )
    ]
    assert quarters == [
        (name, str(at), *rest)
        for name, at, *rest in counted(
            marts,
            "date_bin('15 minutes', anchor_ts, '2000-01-01 00:00+00'), count(*) filter (where is_human), "
            "count(*) filter (where is_human and is_abandoned_tsr), "
            "count(*) filter (where is_human and is_abandoned_tsr is null)",
            "true",
        )
    ]


def test_ratios_are_of_the_counts_beside_them(page: ReportPage) -> None:
    ratios = {
        "Campaign by day": [("Connect rate", "Live answers of dials", "Dials made")],
        "Abandonment by day": [("Abandoned rate", "Abandoned", "Live answers")],
        "Attempts by call result": [("Share", "That counts", "All attempts")],
        "Detection against agent": [("Share", "Attempts", "Of detection")],
        "Dials by weekday and hour of the called party": [("Contact rate", "Persons", "Dials")],
        "Agents at the campaign": [("Conversion", "Right party", "Persons handled")],
    }
    checked = 0
    for tables in page.tables.values():
        for caption, of in ratios.items():
            for row in tables.get(caption, []):
                for share, numerator, denominator in of:
                    if str(row[share]) == "\N{EN DASH}":
                        assert int(str(row[denominator])) == 0
                        continue
                    expected = int(str(row[numerator])) / int(str(row[denominator]))
                    assert float(str(row[share])) == pytest.approx(expected)
                    checked += 1
    assert checked > 200


def test_detection_against_agents_is_the_truth(simulated: Simulated, page: ReportPage) -> None:
    of_page = sum(n for *_, n in shown(page, "Detection against agent", "Detection", "Agent", "Attempts"))
    assert of_page == simulated.truth["attempts"]


def test_results_and_agents_are_the_truth(simulated: Simulated, page: ReportPage) -> None:
    agents = {"talk_ms": "Talk", "hold_ms": "Hold", "wrap_ms": "After-call work"}
    for name, label in agents.items():
        assert sum(n for _, n in shown(page, "Agents at the campaign", label)) == simulated.truth[name]
    results: dict[object, int] = {}
    for _, result, n in shown(page, "Attempts by call result", "Result", "That counts"):
        results[result] = results.get(result, 0) + n
    assert sum(results.values()) == simulated.truth["attempts"]
    assert results["Answer"] == simulated.truth["attempts_by_result"]["33"]


def test_intervals_are_those_of_the_marts(marts: Marts) -> None:
    rows = marts.rows(
        "select human, dials, contact_rate_low, contact_rate_high from marts.mart_contactability "
        "union all select human_as_machine_n, agent_human_n, human_as_machine_low, human_as_machine_high "
        "from marts.mart_result_confusion where agent_human_n > 0"
    )
    assert len(rows) > 100
    for numerator, denominator, low, high in rows:
        found = wilson(int(str(numerator)), int(str(denominator)))
        assert found == (pytest.approx(float(str(low)), abs=1e-6), pytest.approx(float(str(high)), abs=1e-6))


def test_each_number_names_its_definition_and_dbt_has_it(marts: Marts, page: ReportPage) -> None:
    anchors = {link.removeprefix("#") for link in page.links if link.startswith("#")}
    assert anchors <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    nodes = json.loads(manifest_path(marts.settings).read_text())["nodes"]
    text = nodes["model.icon_marts.mart_campaign_day"]["columns"]["abandoned_rate"]["description"]
    assert text.replace("`", "").strip() in page.text


def without_scripts(html: str) -> str:
    """The page with its data, but without the code of the charts' library."""
    return re.sub(r'<script type="module">.*?</script>', "", html, flags=re.DOTALL)


def test_nothing_of_a_customer_is_on_the_page(marts: Marts, html: str) -> None:
    private = marts.rows("select contactinfo from idb.go_record union select value from idb.go_custom_fields")
    values = {str(value) for (value,) in private if value is not None and len(str(value)) > 5}
    assert len(values) > 100
    ours = without_scripts(html)
    assert not [value for value in values if value in ours]


def test_the_page_asks_nothing_of_anybody(html: str) -> None:
    loaded = re.findall(r"<(?:link|img|iframe|script)[^>]*\s(?:src|href)=", without_scripts(html))
    assert loaded == []
    assert "default-src 'none'" in html


def test_one_campaign_and_its_days(marts: Marts, tmp_path: Path) -> None:
    html = report(marts, tmp_path / "one.html", campaign=UNRULY, first=FIRST, last=FIRST)
    page = ReportPage(html)
    assert set(page.tables) == {UNRULY}
    assert [row["Day"] for row in page.tables[UNRULY]["Campaign by day"]] == [FIRST.isoformat()]


def test_a_long_report_shows_days_and_no_quarters(marts: Marts, tmp_path: Path) -> None:
    html = report(marts, tmp_path / "long.html", campaign="preview", first=FIRST - timedelta(30), last=FIRST)
    tables = ReportPage(html).tables["preview"]
    assert len(tables["Attempts by day and result"]) == 1
    assert not [caption for caption in tables if "Live answers by quarter" in caption]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"campaign": "prevue"}, r"no campaign 'prevue' .* There are: .*preview"),
        (
            {"campaign": "preview", "first": date(2030, 1, 1)},
            r"2030-01-01 to 2030-01-07.*preview, 2025-03-03",
        ),
        ({"first": date(2025, 3, 4), "last": date(2025, 3, 3)}, r"is after the last"),
    ],
)
def test_what_cannot_be_reported_says_why(marts: Marts, tmp_path: Path, asked: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        report(marts, tmp_path / "none.html", **asked)
    assert not list(tmp_path.iterdir())


def test_the_scenario_has_what_the_tests_are_about() -> None:
    assert (
        Campaign(name=UNRULY, mode="progressive", target="none", value=0, cpd="sip", chains=30)
        in SCENARIO.campaigns
    )
