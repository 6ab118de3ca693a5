"""The page: figures, tables and definitions put together in one HTML file that asks nothing of anybody."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from icon_assets.report import handling, limits, lists, outcomes
from icon_assets.report.numbers import (
    UNKNOWN,
    completeness,
    count,
    data_through,
    day_name,
    hours,
    ratio,
    share,
    totals,
)
from icon_assets.report.queries import Answers
from icon_assets.report.scope import Scope
from icon_assets.report.shapes import Figure, columns


@dataclass(frozen=True)
class Tile:
    """One of the numbers at the top: its value, what it is made of, where it is defined."""

    label: str
    value: str
    made_of: str
    of: str


@dataclass(frozen=True)
class Part:
    """One campaign on the page."""

    campaign_id: int
    name: str
    tiles: list[Tile]
    figures: list[Figure]
    zones: tuple[str, ...]
    row: Mapping[str, Any]


class Definitions:
    """What the columns of the marts mean, from dbt's manifest, and which of them the page has named."""

    def __init__(self, manifest: Path) -> None:
        nodes = json.loads(manifest.read_text())["nodes"].values()
        self._columns = {
            f"{node['name']}.{column['name']}": str(column["description"]).strip()
            for node in nodes
            if node["resource_type"] == "model"
            for column in node["columns"].values()
        }
        self.named: dict[str, str] = {}

    def __call__(self, of: str) -> str:
        """The definition of `mart.column`; from now on the page explains it at its end."""
        return self.named.setdefault(of, self._columns[of])


def part(answers: Answers, zone: ZoneInfo) -> Part:
    """Everything about one campaign."""
    gaps = [
        row
        for row in answers.completeness
        if row["source_role"] == "gos" and row["completeness"] != "complete"
    ]
    figures = [
        outcomes.summary(answers),
        outcomes.results(answers),
        outcomes.over_the_day(answers, gaps, zone),
        lists.progress(answers, gaps),
        lists.contactability(answers),
        handling.detection(answers),
        handling.agents(answers),
        limits.abandonment(answers, gaps, zone),
        limits.heard(answers, zone),
    ]
    whole = totals(answers.days, _WHOLE)
    row = {
        **whole,
        "campaign_name": answers.name,
        "connect_rate": ratio(whole["live_answers_dialed"], whole["dials_made"]),
        "abandoned_rate": ratio(whole["abandoned"], whole["live_answers"]),
        "completeness": completeness(answers.days),
        "data_through_ts": data_through(answers.days),
    }
    tiles = list(_tiles(answers, whole))
    return Part(answers.campaign_id, answers.name, tiles, [one for one in figures if one], answers.zones, row)


def _tiles(answers: Answers, whole: Mapping[str, int]) -> Iterable[Tile]:
    def rate(label: str, of: str, numerator: str, denominator: str, words: str) -> Tile:
        made_of = f"{count(whole[numerator])} of {count(whole[denominator])} {words}"
        return Tile(
            label, share(ratio(whole[numerator], whole[denominator])), made_of, f"mart_campaign_day.{of}"
        )

    yield Tile(
        "Dials made",
        count(whole["dials_made"]),
        f"of {count(whole['attempts'])} attempts",
        "mart_campaign_day.dials_made",
    )
    yield rate("Connect rate", "connect_rate", "live_answers_dialed", "dials_made", "dials")
    yield rate("Right-party rate", "right_party_rate", "right_party", "live_answers", "live answers")
    of = "live answers" + (f", {count(unknown)} not known" if (unknown := whole["abandoned_unknown"]) else "")
    yield rate("Abandoned rate", "abandoned_rate", "abandoned", "live_answers", of)
    talk, accepted = (sum(row[name] for row in answers.agents) for name in ("engage_ms", "accepted"))
    yield Tile("Talk", hours(talk), f"in {count(accepted)} accepted calls", "mart_agent_outbound.engage_ms")
    last = {row["calling_list_id"]: row for row in answers.progress}.values()
    dialed, chains = (sum(row[name] or 0 for row in last) for name in ("dialed_chains", "total_chains"))
    yield Tile(
        "Penetration",
        share(ratio(dialed, chains)),
        f"{count(dialed)} of {count(chains)} customers",
        "mart_list_progress.penetration_chains",
    )


_WHOLE = (
    "attempts",
    "dials_made",
    "live_answers",
    "live_answers_dialed",
    "right_party",
    "abandoned",
    "abandoned_unknown",
)
_CAMPAIGNS = [
    *columns("dim_campaign", ("campaign_name", "Campaign", "text")),
    *columns(
        "mart_campaign_day",
        ("attempts", "Attempts", "count"),
        ("dials_made", "Dials made", "count"),
        ("live_answers_dialed", "Live answers of dials", "count"),
        ("connect_rate", "Connect rate", "share"),
        ("live_answers", "Live answers", "count"),
        ("abandoned", "Abandoned", "count"),
        ("abandoned_rate", "Abandoned rate", "share"),
        ("data_through_ts", "Data through", "instant"),
        ("completeness", "Data", "state"),
    ),
]


def render(scope: Scope, parts: list[Part], rule: str, zone: ZoneInfo, manifest: Path, now: datetime) -> str:
    """The whole page."""
    definitions = Definitions(manifest)
    environment = Environment(
        loader=PackageLoader("icon_assets", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "day": _long_day,
        "code": _with_code,
        "slug": _slug,
        "said": Said(zone),
        "tight": _tight,
    }
    ours = files(__package__)
    vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed")
    scripts = [_script(vega), _script((ours / "page.js").read_text())]
    specs = [chart.spec for part in parts for figure in part.figures for chart in figure.charts]
    return environment.get_template("page.html.j2").render(
        scope=scope,
        parts=parts,
        columns=_CAMPAIGNS,
        rule=rule,
        zone=zone.key,
        zones=sorted({name for part in parts for name in part.zones} - {zone.key, "UTC"}),
        now=now,
        define=definitions,
        style=Markup((ours / "page.css").read_text()),  # noqa: S704
        scripts=scripts,
        policy=" ".join(f"'sha256-{_digest(script)}'" for script in scripts),
        # Within a script nothing but "<" could end it.
        specs=Markup(json.dumps(specs, separators=(",", ":")).replace("<", "\\u003c")),  # noqa: S704
    )


def _script(text: str) -> Markup:
    return Markup(text.replace("</script", "<\\/script"))  # noqa: S704


def _digest(script: str) -> str:
    return b64encode(hashlib.sha256(script.encode()).digest()).decode()


class Said:
    """A value as a reader sees it; times in the report's zone until the page's script knows a better one."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def __call__(self, value: Any, kind: str) -> str:
        """Escaped HTML."""
        if value is None or value == "":
            return UNKNOWN
        match kind:
            case "count":
                text = Markup('<data value="{}">{}</data>').format(value, count(value))
            case "share":
                text = Markup('<data value="{}">{}</data>').format(value, share(float(value)))
            case "duration":
                text = Markup('<data value="{}">{}</data>').format(value, hours(value))
            case "instant":
                shown = f"{value.astimezone(self._zone):%-d %b, %H:%M}"
                text = Markup('<time datetime="{}">{}</time>').format(
                    value.astimezone(UTC).isoformat(), shown
                )
            case "day":
                text = Markup('<data value="{}">{}</data>').format(value, day_name(value))
            case "weekday":
                text = Markup('<data value="{}">{}</data>').format(value, lists.WEEKDAYS[value - 1])
            case "hour":
                text = Markup('<data value="{}">{:02}:00</data>').format(value, value)
            case "state":
                text = Markup('<span class="state {}">{}</span>').format(value, value)
            case _:
                text = escape(value)
        return text


def _long_day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _with_code(text: str) -> Markup:
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


def _tight(text: str) -> str:
    """A number and its percent sign stay on one line."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _slug(of: str) -> str:
    return "def-" + re.sub(r"\W", "-", of)
