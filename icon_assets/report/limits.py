"""Figures of what a report must own up to: abandoned and overdialled calls, and time that was not heard."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from icon_assets.report import charts, timelines
from icon_assets.report.numbers import (
    by_day,
    count,
    day_label,
    day_name,
    dot,
    ratio,
    share,
    totals,
)
from icon_assets.report.queries import Answers
from icon_assets.report.scope import Rows
from icon_assets.report.shapes import Chart, Column, Figure, Table, columns

_RATES = {
    "abandoned, safe clock": "abandoned",
    "abandoned, transfer clock": "abandoned_transfer_clock",
    "overdialled": "overdialed",
}
_RATE_COLOURS = dict(zip(_RATES, map(charts.colour, ("alarm", "failed", "machine")), strict=True))
_ANSWERS = {
    "met in time": charts.colour("person"),
    "abandoned": charts.colour("alarm"),
    "not known": charts.colour("quiet"),
}
_STRIP_KEYS = {f"live answers {part}": _ANSWERS[part] for part in ("met in time", "not known")}
_SOURCES = {"ocs": "OCS", "tserver": "T-Server", "ixn": "Interaction Server", "config": "Configuration"}

_DAY = "mart_campaign_day"
_BY_DAY = [
    *columns(
        _DAY,
        ("report_day", "Day", "day"),
        ("live_answers", "Live answers", "count"),
        ("abandoned", "Abandoned", "count"),
        ("abandoned_rate", "Abandoned rate", "share"),
        ("abandoned_unknown", "Not known", "count"),
    ),
    Column("worst_rate", "Rate at worst", "share", f"{_DAY}.abandoned_unknown"),
    *columns(_DAY, ("abandoned_transfer_clock", "By transfer clock", "count")),
    Column("transfer_rate", "Rate by transfer clock", "share", f"{_DAY}.abandoned_transfer_clock"),
    *columns(_DAY, ("overdialed", "Overdialled", "count")),
    *columns(
        "mart_pacing",
        ("overdial_rate", "Overdial rate", "share"),
        ("optimization_target", "Overdial target", "text"),
    ),
    *columns(_DAY, ("completeness", "Data", "state")),
]
_BY_QUARTER = columns(
    "mart_campaign_interval",
    ("interval_start", "From", "instant"),
    ("live_answers", "Live answers", "count"),
    ("abandoned", "Abandoned", "count"),
    ("abandoned_unknown", "Not known", "count"),
    ("abandoned_transfer_clock", "By transfer clock", "count"),
    ("overdialed", "Overdialled", "count"),
    ("completeness", "Data", "state"),
)
_SLOT = [
    Column("source_name", "Source", "text", "mart_data_completeness.source"),
    *columns(
        "mart_data_completeness",
        ("slot_start", "From", "instant"),
        ("completeness", "Data", "state"),
        ("reason", "Because", "text"),
        ("observed_seconds", "Heard (s)", "count"),
        ("expected_seconds", "Of (s)", "count"),
        ("seq_holes", "Events missing", "count"),
        ("missing_packets", "Packets missing", "count"),
    ),
]


def abandonment(answers: Answers, gaps: Rows, zone: ZoneInfo) -> Figure:
    """Live answers that no agent met in time, and calls that the dialler marked: by day, and over the day."""
    targets: dict[object, list[str]] = {}
    for row in answers.targets:
        targets.setdefault(row["report_day"], []).append(f"{row['optimization_target']} %")
    rows = [
        {
            **row,
            "abandoned_rate": ratio(row["abandoned"], row["live_answers"]),
            "worst_rate": ratio(row["abandoned"] + row["abandoned_unknown"], row["live_answers"]),
            "transfer_rate": ratio(row["abandoned_transfer_clock"], row["live_answers"]),
            "overdial_rate": ratio(row["overdialed"], row["live_answers"]),
            "optimization_target": ", ".join(targets.get(row["report_day"], [])),
        }
        for row in answers.days
    ]
    lead = _abandonment_lead(rows)
    dots = [
        dot(day_label(row), part, row[name], row["live_answers"], "live answers")
        for row in rows
        for part, name in _RATES.items()
        if row["live_answers"]
    ]
    quarters = [
        {
            **row,
            "not known": row["abandoned_unknown"],
            "met in time": row["live_answers"] - row["abandoned"] - row["abandoned_unknown"],
        }
        for row in answers.quarters
    ]
    return Figure(
        key="abandonment",
        title="Abandonment and overdial",
        lead=lead,
        charts=[
            *charts.intervals(dots, _RATE_COLOURS, "Share of live answers"),
            *timelines.strips(by_day(quarters, "interval_start", zone), _ANSWERS, gaps, "Live answers"),
        ],
        tables=[
            Table("Abandonment by day", _BY_DAY, rows),
            Table("Live answers by quarter of an hour", _BY_QUARTER, answers.quarters),
        ],
        rows=rows,
        keys=_RATE_COLOURS
        | (_STRIP_KEYS if quarters else {})
        | (charts.NOT_HEARD if gaps and quarters else {}),
    )


def _abandonment_lead(rows: Rows) -> str:
    whole = totals(rows, ("live_answers", "abandoned_unknown", *_RATES.values()))
    rate = ratio(whole["abandoned"], whole["live_answers"])
    worst = ratio(whole["abandoned"] + whole["abandoned_unknown"], whole["live_answers"])
    at_worst = f", {share(worst)} if those that no clock tells of are counted" if rate != worst else ""
    return (
        f"{count(whole['abandoned'])} of {count(whole['live_answers'])} live answers met no agent within two "
        f"seconds: {share(rate)}{at_worst}. Counted by the transfer time alone, it is "
        f"{count(whole['abandoned_transfer_clock'])}. The dialler marked {count(whole['overdialed'])} calls "
        "as overdialled."
    )


def heard(answers: Answers, zone: ZoneInfo) -> Figure | None:
    """How much of the time each source was heard."""
    rows = [
        {
            **row,
            "source_name": f"{_SOURCES.get(row['source'], row['source'])} {row['source_dbid']}",
            "data_through_ts": row["last_event_ts"],
        }
        for row in answers.completeness
    ]
    if not rows:
        return None
    missing = [row for row in rows if row["completeness"] != "complete"]
    lead = (
        f"{count(len(missing))} of {count(len(rows))} quarters of an hour are not complete."
        if missing
        else f"All {count(len(rows))} quarters of an hour are complete."
    )
    drawn = [
        Chart(
            timelines.heard(mine, bounds), f"What was heard of each source on {day_name(day)}.", day_name(day)
        )
        for day, bounds, mine in (by_day(rows, "slot_start", zone) if answers.quarters else [])
    ]
    return Figure(
        key="heard",
        title="What was heard",
        lead=lead,
        charts=drawn,
        tables=[Table("Quarters of an hour that are not complete", _SLOT, missing)],
        rows=rows,
        keys=charts.STATES if drawn else {},
        note="Between the first and the last quarter in which the campaign's OCS was at work on a day.",
    )
