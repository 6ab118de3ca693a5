"""The charts, as Vega-Lite specifications. Colours are the page's variables: one for light, dark, print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import altair as alt

from icon_assets.report.scope import Row, Rows
from icon_assets.report.shapes import Chart

Parts = Mapping[str, str]  # the colour of each part of a bar


def colour(name: str) -> str:
    """A colour of page.css."""
    return f"var(--{name})"


SIX = ("person", "machine", "quiet", "busy", "failed", "other")
STATES = {state: colour(state) for state in ("complete", "partial", "dark", "unknown")}
NOT_HEARD = {"not fully heard": STATES["partial"]}
CARD = colour("card")
_INK, _MUTED, _GRID = map(colour, ("ink", "muted", "grid"))
_HEAT = [colour(f"heat-{step}") for step in range(6)]
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "customFormatTypes": True,
    "font": "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domainColor": _GRID,
        "gridColor": _GRID,
        "labelColor": _MUTED,
        "labelFontSize": 11,
        "labelLimit": 130,
        "labelPadding": 6,
        "tickColor": _GRID,
        "titleColor": _MUTED,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
    },
}
_CLASSES = {"dnc": "Do not call", "sit": "Special tone", "trunk": "No line", "dialer_error": "Dialler error"}


def class_name(name: str) -> str:
    """A class of call results as a reader says it."""
    return _CLASSES.get(name, name.replace("_", " ").capitalize())


def finish(chart: alt.Chart | alt.LayerChart | alt.FacetChart, height: int) -> dict[str, Any]:
    """The chart, as wide as its place on the page. Raises where it is no Vega-Lite."""
    spec = chart.properties(width="container", height=height).configure(**_CONFIG).to_dict()
    return {**spec, "autosize": {"type": "fit-x", "contains": "padding"}}


def data(rows: Iterable[Row]) -> alt.InlineData:
    """The rows, within the specification."""
    return alt.InlineData(values=list(rows))


def coloured(field: str, colours: Parts) -> alt.Color:
    """The colour by the value of a field; the page has the legend."""
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, legend=None)


def names(**axis: Any) -> alt.Axis:
    """An axis of labels alone."""
    return alt.Axis(domain=False, ticks=False, **axis)


def days(rows: Rows, parts: Parts) -> dict[str, Any]:
    """Counts of each day, stacked by part; a day that is not complete carries a mark."""
    shown = [
        {"day": row["report_day"].isoformat(), "part": part, "n": row[part], "order": place}
        for row in rows
        for place, part in enumerate(parts)
        if row[part]
    ]
    marks = [
        {
            "day": row["report_day"].isoformat(),
            "n": sum(row[part] for part in parts),
            "state": row["completeness"],
        }
        for row in rows
        if row["completeness"] != "complete"
    ]
    labels = alt.Axis(labelAngle=0, labelOverlap=True, format="day", formatType="zoned")
    x = alt.X("day:O", title=None, axis=labels)
    bars = (
        alt.Chart(data(shown))
        .mark_bar(stroke=CARD, strokeWidth=0.75)
        .encode(
            x=x,
            y=alt.Y("n:Q", title=None, axis=names(tickCount=4)),
            color=coloured("part", parts),
            order="order:Q",
            tooltip=[
                alt.Tooltip("day:N", title="Day", format="day", formatType="zoned"),
                alt.Tooltip("part:N", title="What"),
                alt.Tooltip("n:Q", title="Number", format=","),
            ],
        )
    )
    incomplete = (
        alt.Chart(data(marks))
        .mark_point(shape="diamond", size=45, filled=True, yOffset=-8, opacity=1)
        .encode(
            x=x,
            y="n:Q",
            color=coloured("state", STATES),
            tooltip=[alt.Tooltip("state:N", title="Data of the day")],
        )
    )
    return finish(alt.layer(bars, incomplete).resolve_scale(color="independent"), 220)


def steps(rows: Rows) -> dict[str, Any]:
    """Bars that get shorter (what, n, said): from all attempts to those that came to something."""
    top = max((row["n"] for row in rows), default=0) or 1
    # Room for what is said at the end of the longest bar.
    x = alt.X("n:Q", title=None, axis=None, scale=alt.Scale(domain=[0, top * 1.55], nice=False))
    base = alt.Chart(data(rows)).encode(y=alt.Y("what:N", sort=None, title=None, axis=names()), x=x)
    bars = base.mark_bar(color=colour("person"), height={"band": 0.62}, cornerRadiusEnd=2)
    said = base.mark_text(align="left", dx=8, color=_INK, fontSize=12).encode(text="said:N")
    return finish(alt.layer(bars, said), 30 * len(rows))


def bars(rows: Rows, parts: Parts, unit: str) -> dict[str, Any]:
    """One bar a `what` (what, part, n, said), stacked by part."""
    chart = (
        alt.Chart(data(rows))
        .mark_bar(stroke=CARD, strokeWidth=0.75, height={"band": 0.68})
        .encode(
            y=alt.Y("what:N", sort=None, title=None, axis=names()),
            x=alt.X("n:Q", title=unit, axis=names(tickCount=5)),
            color=coloured("part", parts),
            order="order:Q",
            tooltip=[
                alt.Tooltip("what:N", title="Of"),
                alt.Tooltip("part:N", title="What"),
                alt.Tooltip("said:N", title="Number"),
            ],
        )
    )
    return finish(chart, 28 * len({row["what"] for row in rows}))


def intervals(rows: Rows, parts: Parts, what: str) -> list[Chart]:
    """Shares with their intervals (what, part, share, low, high, said) by day; none for no rows."""
    if not rows:
        return []
    top = max(row["high"] for row in rows)
    base = alt.Chart(data(rows)).encode(
        y=alt.Y("what:N", sort=None, title=None, axis=names()),
        yOffset=alt.YOffset("part:N", sort=list(parts)),
        color=coloured("part", parts),
        tooltip=[
            alt.Tooltip("what:N", title="Of"),
            alt.Tooltip("part:N", title="What"),
            alt.Tooltip("said:N", title="Number"),
            alt.Tooltip("share:Q", title="Share", format=".1%"),
            alt.Tooltip("low:Q", title="From", format=".1%"),
            alt.Tooltip("high:Q", title="To", format=".1%"),
        ],
    )
    scale = alt.Scale(domain=[0, top])
    x = alt.X("low:Q", title=None, scale=scale, axis=names(format="~%", tickCount=5))
    spans = base.mark_rule(strokeWidth=2.5, opacity=0.55).encode(x=x, x2="high")
    shape = alt.Shape("part:N", scale=alt.Scale(domain=list(parts)), legend=None)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x=alt.X("share:Q", scale=scale), shape=shape
    )
    height = (8 + 15 * len(parts)) * len({row["what"] for row in rows})
    title = f"{what} by day, with 95 % Wilson intervals"
    return [Chart(finish(alt.layer(spans, points), height), f"{title}: {', '.join(parts)}.", title)]


def matrix(rows: Rows) -> dict[str, Any]:
    """Rows against columns (row, column, share, said), shaded by the share of the row."""
    top = names(orient="top", labelAngle=0, labelOverlap=False, labelLimit=80)
    base = alt.Chart(data(rows)).encode(
        x=alt.X("column:N", title=None, sort=None, axis=top),
        y=alt.Y("row:N", title=None, sort=None, axis=names()),
    )
    cells = base.mark_rect(stroke=CARD, strokeWidth=2).encode(
        color=alt.Color("share:Q", scale=_heat(1), legend=None),
        tooltip=[
            alt.Tooltip("row:N", title="Detection"),
            alt.Tooltip("column:N", title="Agent"),
            alt.Tooltip("said:N", title="Attempts"),
            alt.Tooltip("share:Q", title="Of the row", format=".1%"),
        ],
    )
    said = base.mark_text(fontSize=12).encode(text="said:N", color=_readable("share", 1))
    return finish(alt.layer(cells, said), 40 * len({row["row"] for row in rows}))


def heat(rows: Rows, top: float) -> dict[str, Any]:
    """Weekday against hour (day, hour, contact_rate, sure, said, interval); pale where few dials speak."""
    fields = ("day", "hour", "contact_rate", "sure", "said", "interval", "completeness")
    base = alt.Chart(data({name: row[name] for name in fields} for row in rows)).encode(
        x=alt.X("hour:O", title="hour of the called party's day", axis=names(labelAngle=0)),
        y=alt.Y("day:N", title=None, sort=None, axis=names()),
    )
    cells = base.mark_rect(stroke=CARD, strokeWidth=2).encode(
        color=alt.Color("contact_rate:Q", scale=_heat(top), legend=None),
        opacity=alt.when("datum.sure").then(alt.value(1)).otherwise(alt.value(0.35)),
        tooltip=[
            alt.Tooltip("day:N", title="Day"),
            alt.Tooltip("hour:N", title="Hour"),
            alt.Tooltip("said:N", title="Reached"),
            alt.Tooltip("interval:N", title="95 % interval"),
            alt.Tooltip("completeness:N", title="Data"),
        ],
    )
    percent = base.transform_filter("datum.sure").transform_calculate(
        percent="round(100 * datum.contact_rate)"
    )
    said = percent.mark_text(fontSize=11).encode(text="percent:N", color=_readable("contact_rate", top))
    return finish(alt.layer(cells, said), 34 * len({row["day"] for row in rows}))


def _heat(top: float) -> alt.Scale:
    return alt.Scale(type="quantize", domain=[0, top], range=_HEAT)


def _readable(share: str, top: float) -> Any:
    """The colour of text on a cell: one on the weaker half of the steps, another on the stronger."""
    strong = f"datum.{share} >= {top / 2}"
    return alt.when(strong).then(alt.value(colour("on-heat"))).otherwise(alt.value(_INK))
