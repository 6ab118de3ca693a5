"""What a person sees of an asset at a glance: a small chart and a few rows, as markdown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import dagster as dg
import sqlalchemy as sa

_WIDTH, _HEIGHT, _BASE = 480, 90, 74
_ROWS = 5
_COLOURS = ("#4b6bfb", "#d9480f", "#868e96")  # told apart on light and dark, and by those who see no red


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
    """Stacked bars as an image of some hundred bytes a bar; its text says the numbers, too."""
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    scale, step = (_BASE - 14) / (max(totals) or 1), _WIDTH / len(labels)
    parts = []
    tops = [0.0] * len(labels)
    for colour, values in zip(_COLOURS, series.values(), strict=False):
        for n, value in enumerate(values):
            tops[n] += value * scale
            parts.append(
                f'<rect x="{n * step:.1f}" y="{_BASE - tops[n]:.1f}" width="{min(step * 0.8, 40):.1f}"'
                f' height="{value * scale:.1f}" fill="{colour}"/>'
            )
    legend = " ".join(
        f'<tspan fill="{colour}">■</tspan> {escape(name)}'
        for colour, name in zip(_COLOURS, series, strict=False)
    )
    words = 'font-family="sans-serif" font-size="10" fill="#868e96"'
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">{"".join(parts)}'
        f'<text x="0" y="9" {words}>{legend}, at most {max(totals):,.0f}</text>'
        f'<text x="0" y="{_HEIGHT - 4}" {words}>{escape(labels[0])}</text>'
        f'<text x="{_WIDTH}" y="{_HEIGHT - 4}" text-anchor="end" {words}>{escape(labels[-1])}</text></svg>'
    )
    said = "; ".join(f"{label}: {total:,.0f}" for label, total in zip(labels, totals, strict=True))
    return f"![{', '.join(series)}: {said}](data:image/svg+xml;base64,{b64encode(svg.encode()).decode()})"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A markdown table."""
    cells = [[_cell(value) for value in row.values()] for row in rows]
    lines = [list(rows[0]), ["---"] * len(rows[0]), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
    return text.replace("|", "\\|")
