"""What a report is made of: columns that name their definitions, tables, charts, figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from icon_assets.report import numbers
from icon_assets.report.scope import Rows

Kind = Literal["text", "count", "share", "duration", "day", "instant", "state", "hour", "weekday"]


@dataclass(frozen=True)
class Column:
    """One column of a table. `of`: the column of a mart, as `mart.column`, that says what it means."""

    name: str
    label: str
    kind: Kind
    of: str


def columns(mart: str, *wanted: tuple[str, str, Kind]) -> list[Column]:
    """Columns (name, label, kind) that `mart` defines under the same names."""
    return [Column(name, label, kind, f"{mart}.{name}") for name, label, kind in wanted]


@dataclass(frozen=True)
class Table:
    """The numbers behind a chart."""

    caption: str
    columns: Sequence[Column]
    rows: Rows


@dataclass(frozen=True)
class Chart:
    """A Vega-Lite specification; `label` says to a screen reader what is to be seen."""

    spec: dict[str, Any]
    label: str
    title: str = ""


@dataclass(frozen=True)
class Figure:
    """One part of the report: what it says in a sentence, its charts and tables.

    `rows`: what it is made of; `keys`: the colours of the charts by what they stand for.
    """

    key: str
    title: str
    lead: str
    charts: Sequence[Chart]
    tables: Sequence[Table]
    rows: Rows
    keys: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def completeness(self) -> str:
        """How complete it is."""
        return numbers.completeness(self.rows)

    @property
    def data_through(self) -> datetime | None:
        """The newest notice behind it."""
        return numbers.data_through(self.rows)
