"""Figures of what came of the attempts: down to the right party, over the day, by name of the result."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from icon_assets.report import charts, timelines
from icon_assets.report.numbers import (
    by_day,
    count,
    day_label,
    dot,
    ratio,
    share,
    totals,
)
from icon_assets.report.queries import CLASSES, Answers
from icon_assets.report.scope import Rows
from icon_assets.report.shapes import Chart, Column, Figure, Table, columns

# Classes of results as a reader takes them in; the table has every class.
_PARTS = {
    "person": ("human",),
    "machine": ("machine",),
    "no answer": ("no_answer",),
    "busy": ("busy",),
    "failed: tone, fax, line, dialler": ("sit", "fax", "trunk", "dialer_error"),
    "do not call, cancelled, stale, unknown": ("dnc", "cancel", "stale", "unknown"),
}
_COLOURS = dict(zip(_PARTS, map(charts.colour, charts.SIX), strict=True))
_PART_OF = {name: part for part, names in _PARTS.items() for name in names}
_CONNECT_RATE = "connect rate"
_CONNECTS = {_CONNECT_RATE: charts.colour("person")}
_RESULTS_SHOWN = 10

_DAY = columns(
    "mart_campaign_day",
    ("report_day", "Day", "day"),
    ("attempts", "Attempts", "count"),
    ("dials_made", "Dials made", "count"),
    ("dials_unknown", "Dials unknown", "count"),
    ("live_answers_dialed", "Live answers of dials", "count"),
    ("connect_rate", "Connect rate", "share"),
    ("live_answers", "Live answers", "count"),
    ("right_party", "Right party", "count"),
    ("right_party_rate", "Right-party rate", "share"),
    ("data_through_ts", "Data through", "instant"),
    ("completeness", "Data", "state"),
)
_RESULT = [
    *columns("mart_call_result", ("call_result_name", "Result", "text")),
    Column("class", "Class", "text", "mart_call_result.result_class"),
    Column("cpd", "By detection", "count", "mart_result_confusion.cpd_result_key"),
    Column("agent", "By the agent", "count", "mart_result_confusion.agent_result_key"),
    Column("effective", "That counts", "count", "fct_contact_attempt.effective_result_key"),
    *columns(
        "mart_call_result",
        ("all_attempts", "All attempts", "count"),
        ("share_of_attempts", "Share", "share"),
    ),
]


def summary(answers: Answers) -> Figure:
    """From attempts to the right party, and how it went day by day."""
    rows = [
        {
            **row,
            "connect_rate": ratio(row["live_answers_dialed"], row["dials_made"]),
            "right_party_rate": ratio(row["right_party"], row["live_answers"]),
        }
        for row in answers.days
    ]
    whole = totals(rows, ("attempts", "dials_made", "live_answers", "live_answers_dialed", "right_party"))
    rate = ratio(whole["live_answers_dialed"], whole["dials_made"])
    steps = [
        {"what": label, "n": whole[name], "said": count(whole[name]) + (f" · {share(of)}" if of else "")}
        for label, name, of in (
            ("Attempts", "attempts", None),
            ("Dials made", "dials_made", ratio(whole["dials_made"], whole["attempts"])),
            ("Live answers", "live_answers", rate),
            ("Right party", "right_party", ratio(whole["right_party"], whole["live_answers"])),
        )
    ]
    rates = [
        dot(day_label(row), _CONNECT_RATE, row["live_answers_dialed"], dials, "dials")
        for row in rows
        if (dials := row["dials_made"])
    ]
    lead = (
        f"{count(whole['attempts'])} attempts, {count(whole['dials_made'])} of them dialled, reached "
        f"{count(whole['live_answers'])} persons: {share(rate)} of the dials."
    )
    return Figure(
        key="summary",
        title="From attempts to the right party",
        lead=lead,
        charts=[
            Chart(charts.steps(steps), lead, "Each share is of the line above it"),
            *charts.intervals(rates, _CONNECTS, "Connect rate"),
        ],
        tables=[Table("Campaign by day", _DAY, rows)],
        rows=rows,
    )


def over_the_day(answers: Answers, gaps: Rows, zone: ZoneInfo) -> Figure:
    """Results by quarters of an hour, day under day; or by days, where the report spans many."""
    by_quarter = bool(answers.quarters)
    rows = answers.quarters if by_quarter else answers.days
    whole = totals(answers.days, ("attempts", *CLASSES))
    said = [
        f"{share(ratio(sum(whole[name] for name in names), whole['attempts']))} {part}"
        for part, names in list(_PARTS.items())[:3]
    ]
    shown = [
        {**row, **{part: sum(row[name] for name in names) for part, names in _PARTS.items()}} for row in rows
    ]
    drawn = (
        timelines.strips(by_day(shown, "interval_start", zone), _COLOURS, gaps, "Attempts by result")
        if by_quarter
        else [Chart(charts.days(shown, _COLOURS), "Attempts by day and result.")]
    )
    mart, when = (
        ("mart_campaign_interval", "interval_start") if by_quarter else ("mart_campaign_day", "report_day")
    )
    table = [
        *columns(mart, (when, "From" if by_quarter else "Day", "instant" if by_quarter else "day")),
        *columns(mart, ("attempts", "Attempts", "count")),
        *columns(mart, *((name, charts.class_name(name), "count") for name in CLASSES)),
        *columns(mart, ("completeness", "Data", "state")),
    ]
    return Figure(
        key="day",
        title=f"Results {'over the day' if by_quarter else 'by day'}",
        lead=f"Of {count(whole['attempts'])} attempts: {', '.join(said)}.",
        charts=drawn,
        tables=[
            Table(f"Attempts by {'quarter of an hour' if by_quarter else 'day'} and result", table, rows)
        ],
        rows=rows,
        keys=_COLOURS | (charts.NOT_HEARD if gaps else {}),
    )


def results(answers: Answers) -> Figure:
    """How attempts ended, by name of the result: as detection said, as agents said, and what counts."""
    attempts = sum(row["effective"] for row in answers.results)
    rows = [
        {
            **row,
            "class": charts.class_name(row["result_class"]),
            "all_attempts": attempts,
            "share_of_attempts": ratio(row["effective"], attempts),
        }
        for row in answers.results
    ]
    counted = [row for row in rows if row["effective"]]
    bars = [
        {
            "what": row["call_result_name"],
            "part": _PART_OF.get(row["result_class"], "do not call, cancelled, stale, unknown"),
            "n": row["effective"],
            "said": f"{count(row['effective'])}, {share(row['share_of_attempts'])}",
        }
        for row in counted[:_RESULTS_SHOWN]
    ]
    most = " and ".join(
        f"{row['call_result_name']} with {share(row['share_of_attempts'])}" for row in counted[:2]
    )
    lead = f"Most frequent: {most} of the attempts."
    return Figure(
        key="results",
        title="How attempts ended",
        lead=lead,
        charts=[Chart(charts.bars(bars, _COLOURS, "attempts"), f"Attempts by call result. {lead}")],
        tables=[Table("Attempts by call result", _RESULT, rows)],
        rows=rows,
        keys=_COLOURS,
    )
