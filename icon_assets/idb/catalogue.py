"""Reads catalogue.yaml, the one description of every IDB table: columns, keys, codes, meanings."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml

SYSTEM_BLOCK = "GSYS_"


@dataclass(frozen=True)
class Column:
    """One column as catalogued; names are lower case, as PostgreSQL folds the vendor's."""

    name: str
    type: str
    known: str
    meaning: str
    enumeration: str | None = None

    @property
    def comment(self) -> str:
        """Text of the column's comment in the database."""
        codes = f" Codes: G_DICTIONARY {self.enumeration}." if self.enumeration else ""
        origin = " (own column of this project)" if self.known == "own" else ""
        return f"{self.meaning[:1].upper()}{self.meaning[1:]}.{codes}{origin}"


@dataclass(frozen=True)
class Table:
    """One IDB table: `key` is what makes two rows the same (nulls equal)."""

    name: str
    purpose: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    write_rule: str = ""


@dataclass(frozen=True)
class Catalogue:
    """`tables` by lower-case name; `enumerations`: name to {code: meaning}."""

    tables: dict[str, Table]
    enumerations: dict[str, dict[int, str]] = field(default_factory=dict)


def _columns(raw: dict[str, list[str]]) -> list[Column]:
    columns: list[Column] = []
    for upper, (type_, known, meaning, *enumeration) in raw.items():
        name = upper.lower()
        if type_ != "triple":
            columns.append(Column(name, type_, known, meaning, *enumeration))
            continue
        columns += [
            Column(name, "timestamp", known, meaning),
            Column(f"{name}_ts", "integer", known, f"{upper} as UTC epoch seconds, cut"),
            Column(
                f"{name}_tcode", "integer", known, f"time-bucket key of {upper}_TS; points at G_TIMECODE.ID"
            ),
        ]
    return columns


@cache
def catalogue() -> Catalogue:
    """The catalogue, read once a process."""
    raw = yaml.load((files(__package__) / "catalogue.yaml").read_bytes(), yaml.CSafeLoader)
    system = _columns(raw["system_block"])
    tables = {
        upper.lower(): Table(
            name=upper.lower(),
            purpose=table["purpose"],
            key=tuple(name.lower() for name in table["key"]),
            columns=(*_columns(table["columns"]), *system),
            write_rule=table.get("write_rule", ""),
        )
        for upper, table in raw["tables"].items()
    }
    return Catalogue(tables, raw["enumerations"])
