"""Charts over time: days by quarters of an hour, lists by snapshots, and what of that was not heard."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import altair as alt

from icon_assets.report.charts import CARD, STATES, Parts, coloured, data, finish, names
from icon_assets.report.numbers import QUARTER, Bounds, day_name
from icon_assets.report.scope import Row, Rows
from icon_assets.report.shapes import Chart


def _ms(instant: datetime) -> int:
    """An instant as a browser counts time."""
    return round(instant.timestamp() * 1000)


def _span(start: datetime) -> Row:
    return {"from": _ms(start), "till": _ms(start + QUARTER)}


_WHEN = [
    alt.Tooltip("from:Q", title="From", format="minute", formatType="zoned"),
    alt.Tooltip("till:Q", title="To", format="minute", formatType="zoned"),
]


def _time(bounds: Bounds, step: timedelta = timedelta(hours=1), show: str = "time") -> alt.X:
    """Epoch milliseconds, with a tick every `step`, which the page's script labels in the reader's zone."""
    first, last = map(_ms, bounds)
    every = round(step.total_seconds() * 1000)
    return alt.X(
        "from:Q",
        title=None,
        scale=alt.Scale(domain=[first, last], nice=False, zero=False),
        axis=alt.Axis(
            values=list(range(-(-first // every) * every, last + 1, every)),
            format=show,
            formatType="zoned",
            grid=False,
            labelOverlap="greedy",
            labelSeparation=8,
        ),
    )


def _gaps(gaps: Rows, x: alt.X) -> alt.Chart:
    """The time in which something was not heard."""
    shown = [
        {**_span(gap["slot_start"]), "state": gap["completeness"], "why": gap["reason"] or ""} for gap in gaps
    ]
    tooltip = [*_WHEN, alt.Tooltip("state:N", title="Data"), alt.Tooltip("why:N", title="Because")]
    marks: alt.Chart = alt.Chart(data(shown)).mark_rect()
    return marks.encode(x=x, x2="till", color=coloured("state", STATES), tooltip=tooltip)


def strips(days: Sequence[tuple[date, Bounds, Rows]], parts: Parts, gaps: Rows, what: str) -> list[Chart]:
    """Each day by quarters of an hour, day under day: counts stacked by part, what was not heard shaded."""
    top = max((sum(row[part] for part in parts) for _, _, rows in days for row in rows), default=0) or 1
    return [
        Chart(
            _strip(rows, parts, [gap for gap in gaps if gap["report_day"] == day], bounds, top),
            f"{what} by quarter of an hour of {day_name(day)}: {', '.join(parts)}.",
            f"{what}, {day_name(day)}",
        )
        for day, bounds, rows in days
    ]


def _strip(rows: Rows, parts: Parts, gaps: Rows, bounds: Bounds, top: int) -> dict[str, Any]:
    shown: Rows = []
    for row in rows:
        below = 0
        for part in parts:
            if row[part]:
                above = below + row[part]
                shown.append(
                    {
                        **_span(row["interval_start"]),
                        "part": part,
                        "n": row[part],
                        "below": below,
                        "above": above,
                    }
                )
                below = above
    x = _time(bounds)
    y = alt.Y("below:Q", title=None, scale=alt.Scale(domain=[0, top]), axis=names(tickCount=3))
    tooltip = [*_WHEN, alt.Tooltip("part:N", title="What"), alt.Tooltip("n:Q", title="Number", format=",")]
    bars = alt.Chart(data(shown)).mark_rect(stroke=CARD, strokeWidth=0.75)
    bars = bars.encode(x=x, x2="till", y=y, y2="above", color=coloured("part", parts), tooltip=tooltip)
    shade = _gaps(gaps, x).mark_rect(clip=True, opacity=0.35)
    return finish(alt.layer(shade, bars).resolve_scale(color="independent"), 104)


def progress(rows: Rows, parts: Parts, gaps: Rows, bounds: Bounds) -> dict[str, Any]:
    """Records of a list over time, stacked by what became of them; below, what was not heard."""
    shown = [
        {"from": _ms(row["snapshot_ts"]), "part": part, "n": row[part], "order": place}
        for row in rows
        if row["is_comparable"]
        for place, part in enumerate(parts)
    ]
    x = _time(bounds, timedelta(days=1), "day")
    y = alt.Y("n:Q", title=None, stack="zero", axis=names(tickCount=4))
    # Between two days nothing moves, and a slope would say that it does.
    area = alt.Chart(data(shown)).mark_area(interpolate="step-after")
    area = area.encode(x=x, y=y, color=coloured("part", parts), order="order:Q")
    within = [gap for gap in gaps if bounds[0] <= gap["slot_start"] <= bounds[1] - QUARTER]
    ribbon = _gaps(within, x).encode(y=alt.value(203), y2=alt.value(208))
    return finish(alt.layer(area, ribbon).resolve_scale(color="independent"), 200)


def heard(rows: Rows, bounds: Bounds) -> dict[str, Any]:
    """One day of every source by quarters of an hour: how much was heard."""
    shown = [
        {
            **_span(row["slot_start"]),
            "source": row["source_name"],
            "state": row["completeness"],
            "why": row["reason"] or "",
        }
        for row in rows
    ]
    chart = (
        alt.Chart(data(shown))
        .mark_rect(stroke=CARD, strokeWidth=1)
        .encode(
            x=_time(bounds),
            x2="till",
            y=alt.Y("source:N", title=None, sort=None, axis=names()),
            color=coloured("state", STATES),
            tooltip=[
                alt.Tooltip("source:N", title="Source"),
                *_WHEN,
                alt.Tooltip("state:N", title="Data"),
                alt.Tooltip("why:N", title="Because"),
            ],
        )
    )
    return finish(chart, 22 * len({row["source_name"] for row in rows}))
