"""Figures of detection and agents: what one said against the other, and what agents did with their time."""

from __future__ import annotations

from icon_assets.report import charts
from icon_assets.report.numbers import (
    count,
    day_label,
    dot,
    hours,
    ratio,
    share,
    totals,
    wilson,
)
from icon_assets.report.queries import Answers
from icon_assets.report.scope import Row
from icon_assets.report.shapes import Chart, Column, Figure, Table, columns

# The two errors of detection: how often, of how many, and how the marts call the rate.
_ERRORS = {
    "persons taken for machines": ("human_as_machine_n", "agent_human_n", "human_as_machine"),
    "machines taken for persons": ("machine_as_human_n", "agent_machine_n", "machine_as_human"),
}
_ERROR_COLOURS = dict(zip(_ERRORS, map(charts.colour, ("machine", "failed")), strict=True))
_TIMES = {
    "preview": ("preview_ms",),
    "dialling and ringing": ("dial_ms", "ring_ms"),
    "waiting on the line": ("asm_engage_ms",),
    "talk": ("engage_ms",),
    "hold": ("hold_ms",),
    "after-call work": ("wrap_ms",),
}
_TIME_COLOURS = dict(
    zip(
        _TIMES,
        map(charts.colour, ("quiet", "other", "busy", "person", "failed", "machine")),
        strict=True,
    )
)
_NOT_JUDGED = "unknown"
_NOT_KNOWN = -1

_CONFUSION = [
    Column("detection", "Detection", "text", "mart_result_confusion.cpd_class"),
    Column("agent", "Agent", "text", "mart_result_confusion.agent_class"),
    *columns(
        "mart_result_confusion",
        ("n", "Attempts", "count"),
        ("row_n", "Of detection", "count"),
        ("share_of_row", "Share", "share"),
        ("completeness", "Data", "state"),
    ),
]
_BY_DAY = [
    *columns("mart_result_confusion", ("report_day", "Day", "day")),
    *(
        column
        for part, (numerator, denominator, stem) in _ERRORS.items()
        for column in columns(
            "mart_result_confusion",
            (numerator, part.capitalize(), "count"),
            (denominator, "Of", "count"),
            (f"{stem}_rate", "Rate", "share"),
            (f"{stem}_low", "From", "share"),
            (f"{stem}_high", "To", "share"),
        )
    ),
    *columns("mart_result_confusion", ("completeness", "Data", "state")),
]
_AGENT = [
    Column("agent_name", "Agent", "text", "dim_agent.agent_name"),
    *columns(
        "mart_agent_outbound",
        ("previewed", "Previewed", "count"),
        ("offered", "Offered", "count"),
        ("accepted", "Accepted", "count"),
        ("human_handled", "Persons handled", "count"),
        ("right_party_handled", "Right party", "count"),
        ("conversion", "Conversion", "share"),
        ("short_calls", "Short calls", "count"),
        ("preview_ms", "Preview", "duration"),
        ("dial_ms", "Dialling", "duration"),
        ("ring_ms", "Ringing", "duration"),
        ("asm_engage_ms", "Waiting", "duration"),
        ("engage_ms", "Talk", "duration"),
        ("hold_ms", "Hold", "duration"),
        ("wrap_ms", "After-call work", "duration"),
        ("handle_ms", "Handling", "duration"),
        ("completeness", "Data", "state"),
    ),
]


def detection(answers: Answers) -> Figure:
    """What detection said against what the agents said."""
    of_row: dict[str, int] = {}
    for row in answers.confusion:
        of_row[row["cpd_class"]] = of_row.get(row["cpd_class"], 0) + row["n"]
    rows = [
        {
            **row,
            "detection": charts.class_name(row["cpd_class"]),
            "agent": charts.class_name(row["agent_class"]),
            "row_n": of_row[row["cpd_class"]],
            "share_of_row": ratio(row["n"], of_row[row["cpd_class"]]),
        }
        for row in answers.confusion
    ]
    both = [row for row in rows if _NOT_JUDGED not in (row["cpd_class"], row["agent_class"])]
    tables = [Table("Detection against agent", _CONFUSION, rows)]
    drawn, lead, note = [], "No attempt was judged by both detection and an agent.", ""
    if both:
        days = [_with_errors(row) for row in answers.detection]
        tables.append(Table("Errors of detection by day", _BY_DAY, days))
        passed = {row["agent_class"]: row["n"] for row in both if row["cpd_class"] == "human"}
        judged, machines = sum(passed.values()), passed.get("machine", 0)
        low, high = map(share, wilson(machines, judged))
        lead = (
            f"Of {count(judged)} calls that detection passed on as a person and an agent judged, "
            f"{count(machines)} were machines: {share(ratio(machines, judged))} (95 % interval {low} to "
            f"{high})."
        )
        note = (
            "Agents hear only what detection passes on: a person whom it took for a machine is seen only "
            "where such calls reach agents too, and nearly every machine that an agent hears had been taken "
            "for a person."
        )
        drawn = _detection_charts(both, days, lead)
    return Figure(
        key="detection",
        title="Detection against the agents",
        lead=lead,
        charts=drawn,
        tables=tables,
        rows=rows,
        keys=_ERROR_COLOURS if both else {},
        note=note,
    )


def _detection_charts(both: list[Row], days: list[Row], lead: str) -> list[Chart]:
    judged = {row["cpd_class"]: 0 for row in both}
    for row in both:
        judged[row["cpd_class"]] += row["n"]
    cells = [
        {
            "row": row["detection"],
            "column": row["agent"],
            "share": ratio(row["n"], judged[row["cpd_class"]]),
            "said": count(row["n"]),
        }
        for row in both
    ]
    dots = [
        dot(day_label(row), part, row[numerator], row[denominator])
        for row in days
        for part, (numerator, denominator, _) in _ERRORS.items()
        if row[denominator]
    ]
    return [
        Chart(
            charts.matrix(cells),
            f"Detection against agent. {lead}",
            "Attempts that both judged: detection by agent",
        ),
        *charts.intervals(dots, _ERROR_COLOURS, "Errors of detection"),
    ]


def _with_errors(row: Row) -> Row:
    found = dict(row)
    for numerator, denominator, stem in _ERRORS.values():
        low, high = wilson(row[numerator], row[denominator])
        found |= {
            f"{stem}_rate": ratio(row[numerator], row[denominator]),
            f"{stem}_low": low,
            f"{stem}_high": high,
        }
    return found


def agents(answers: Answers) -> Figure | None:
    """What the agents did with their time."""
    rows = [
        {**row, "conversion": ratio(row["right_party_handled"], row["human_handled"])}
        for row in answers.agents
    ]
    if not rows:
        return None
    whole = totals(rows, ("accepted", "offered", "engage_ms", "handle_ms"))
    known = sum(row["agent_id"] != _NOT_KNOWN for row in rows)
    lead = (
        f"{known} {'agent' if known == 1 else 'agents'} took {count(whole['accepted'])} of "
        f"{count(whole['offered'])} offers and talked {hours(whole['engage_ms'])}; with hold and after-call "
        f"work {hours(whole['handle_ms'])}."
    )
    bars = [
        {
            "what": row["agent_name"],
            "part": part,
            "n": spent / 3_600_000,
            "order": place,
            "said": hours(spent),
        }
        for row in rows
        for place, (part, names) in enumerate(_TIMES.items())
        if (spent := sum(row[name] for name in names))
    ]
    return Figure(
        key="agents",
        title="What the agents did",
        lead=lead,
        charts=[Chart(charts.bars(bars, _TIME_COLOURS, "hours"), f"Hours of each agent by kind. {lead}")],
        tables=[Table("Agents at the campaign", _AGENT, rows)],
        rows=rows,
        keys=_TIME_COLOURS,
    )
