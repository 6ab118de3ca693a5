"""What a person sees of an asset at a glance: a small chart and a few rows, as markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import dagster as dg
import sqlalchemy as sa

_WIDTH, _HEIGHT, _BASE = 480, 90, 74
_UNQUOTED = " ='/:,.-()"  # what may stand in a markdown link as it is
_ROWS = 5
_COLOURS = ("royalblue", "chocolate", "gray")  # told apart on light and dark, and by those who see no red


def glance(engine: sa.Engine, query: str, bars: Sequence[str]) -> dict[str, dg.MetadataValue]:
    """Of the rows of `query`, oldest first: `bars` by the first column, stacked, and the newest rows.

    The query names no column of customers' values, and limits itself: it runs with every refresh.
    """
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query)).mappings().all()
    if not rows:
        return {}
    by = next(iter(rows[0]))
    series = {name: [float(row[name] or 0) for row in rows] for name in bars}
    return {
        "chart": dg.MetadataValue.md(chart([str(row[by]) for row in rows], series)),
        "newest": dg.MetadataValue.md(table([dict(row) for row in rows[: -_ROWS - 1 : -1]])),
    }


def chart(labels: Sequence[str], series: Mapping[str, Sequence[float]]) -> str:
    """Stacked bars as an image in fewer than 1,000 characters; more the UI hides behind a click."""
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    scale, step = (_BASE - 14) / (max(totals) or 1), min(_WIDTH // len(labels), 40)
    bottoms = [_BASE] * len(labels)
    bars = legend = ""
    for colour, (name, values) in zip(_COLOURS, series.items(), strict=False):
        legend += f"<tspan fill='{colour}'>{escape(name)}</tspan> "
        path = ""
        for n, value in enumerate(values):
            if height := round(value * scale):
                path += f"M{n * step + step // 2} {bottoms[n]}v-{height}"
                bottoms[n] -= height
        bars += f"<path stroke='{colour}' d='{path}'/>"
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' height='{_HEIGHT}' font-size='10'>"
        f"<g stroke-width='{step * 3 // 4}'>{bars}</g><text y='9'>{legend}</text>"
        f"<text y='{_HEIGHT - 4}' fill='gray'>{escape(labels[0])} to {escape(labels[-1])}, "
        f"at most {max(totals):,.0f}</text></svg>"
    )
    said = f"{', '.join(series)}, {labels[0]} to {labels[-1]}, at most {max(totals):,.0f}"
    return f"![{said}](<data:image/svg+xml,{quote(svg, safe=_UNQUOTED)}>)"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A markdown table."""
    cells = [[_cell(value) for value in row.values()] for row in rows]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
    return text.replace("|", "\\|")
