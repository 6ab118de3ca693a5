"""Figures of the calling lists: how far they are, and when their people answer."""

from __future__ import annotations

from itertools import groupby

from icon_assets.report import charts, timelines
from icon_assets.report.numbers import count, ratio, share, wilson
from icon_assets.report.queries import Answers
from icon_assets.report.scope import Row, Rows
from icon_assets.report.shapes import Chart, Column, Figure, Table, columns

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_RECORDS = {
    "completed_records": "completed",
    "to_redial_records": "to redial",
    "not_dialed_records": "not dialled",
}
_COLOURS = dict(zip(_RECORDS.values(), map(charts.colour, ("person", "failed", "quiet")), strict=True))
# A rate is shown as a number where it is known within ten points each way.
_SURE = 0.2

_PROGRESS = [
    Column("calling_list_name", "List", "text", "dim_calling_list.calling_list_name"),
    *columns(
        "mart_list_progress",
        ("snapshot_ts", "At", "instant"),
        ("dialed_records", "Dialled records", "count"),
        ("total_records", "Records", "count"),
        ("penetration_records", "Penetration, records", "share"),
        ("dialed_chains", "Dialled customers", "count"),
        ("total_chains", "Customers", "count"),
        ("penetration_chains", "Penetration, customers", "share"),
        ("completed_records", "Completed", "count"),
        ("completed_share", "Completed share", "share"),
        ("to_redial_records", "To redial", "count"),
        ("not_dialed_records", "Not dialled", "count"),
        ("completeness", "Data", "state"),
    ),
]
_CONTACT = columns(
    "mart_contactability",
    ("local_day_of_week", "Weekday", "weekday"),
    ("local_hour", "Hour", "hour"),
    ("human", "Persons", "count"),
    ("dials", "Dials", "count"),
    ("contact_rate", "Contact rate", "share"),
    ("contact_rate_low", "From", "share"),
    ("contact_rate_high", "To", "share"),
    ("completeness", "Data", "state"),
)


def progress(answers: Answers, gaps: Rows) -> Figure | None:
    """How far each list is, at the last snapshot of each hour or day."""
    rows = answers.progress
    if not rows:
        return None
    bounds = (min(row["snapshot_ts"] for row in rows), max(row["snapshot_ts"] for row in rows))
    drawn, said = [], []
    for _, of_list in groupby(rows, key=lambda row: row["calling_list_id"]):
        mine = list(of_list)
        said.append(_stand(mine[-1]))
        if any(row["is_comparable"] for row in mine):
            shown = [{**row, **{part: row[name] for name, part in _RECORDS.items()}} for row in mine]
            spec = timelines.progress(shown, _COLOURS, gaps, bounds)
            drawn.append(Chart(spec, said[-1], mine[-1]["calling_list_name"]))
    when = "hour" if answers.quarters else "day"
    return Figure(
        key="progress",
        title="How far the lists are",
        lead=" ".join(said),
        charts=drawn,
        tables=[Table(f"Lists at the last snapshot of each {when}", _PROGRESS, rows)],
        rows=rows,
        keys=_COLOURS | (charts.NOT_HEARD if gaps else {}),
    )


def _stand(last: Row) -> str:
    """How far a list is, in a sentence."""
    name, dialed, completed = last["calling_list_name"], last["dialed_records"], last["completed_records"]
    if not last["is_comparable"]:
        return (
            f"{name}: {count(dialed)} records dialled, {count(completed)} completed; a filter or a fresh "
            "load took some of them out of the view, so there is no share."
        )
    return (
        f"{name}: {share(last['penetration_chains'])} of {count(last['total_chains'] or 0)} customers and "
        f"{share(last['penetration_records'])} of {count(last['total_records'] or 0)} records dialled, "
        f"{count(completed)} completed."
    )


def contactability(answers: Answers) -> Figure | None:
    """When people of the lists answer, by their own clock."""
    rows = [_contact(row) for row in answers.contactability]
    if not rows:
        return None
    sure = [row for row in rows if row["sure"]]
    best = max(sure, key=lambda row: row["contact_rate"], default=None)
    lead = (
        f"Most dials reached a person on {best['day']} from {best['hour']}:00: {best['said']} (95 % interval "
        f"{best['interval']})."
        if best
        else "No hour has enough dials yet to tell it from another."
    )
    top = max(row["contact_rate"] or 0 for row in sure or rows) or 1
    return Figure(
        key="contactability",
        title="When people answer",
        lead=lead,
        charts=[
            Chart(
                charts.heat(rows, top),
                f"Share of dials that reached a person, by weekday and hour. {lead}",
                "Percent of dials that reached a person",
            )
        ],
        tables=[Table("Dials by weekday and hour of the called party", _CONTACT, rows)],
        rows=rows,
        note=(
            "By the called party's own clock, over all days on which the campaign's lists were dialled. A "
            "pale cell without a number has too few dials: its rate could be off by more than ten points."
        ),
    )


def _contact(row: Row) -> Row:
    low, high = wilson(row["human"], row["dials"])
    rate = ratio(row["human"], row["dials"])
    return {
        **row,
        "contact_rate": rate,
        "contact_rate_low": low,
        "contact_rate_high": high,
        "day": WEEKDAYS[row["local_day_of_week"] - 1],
        "hour": row["local_hour"],
        "sure": low is not None and high is not None and high - low <= _SURE,
        "said": f"{count(row['human'])} of {count(row['dials'])}, {share(rate)}",
        "interval": f"{share(low)} to {share(high)}",
    }
