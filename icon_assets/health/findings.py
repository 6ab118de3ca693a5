"""What a look at every stage finds, and how much it matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    NOTE = "note"  # worth knowing; goes away by itself, or may stay
    ATTENTION = "attention"  # somebody has to do something


@dataclass(frozen=True)
class Finding:
    """What was found of one topic. next: what to do, where there is something to do."""

    topic: str
    level: Level
    said: str
    next: str = ""


@dataclass(frozen=True)
class Health:
    """Findings by topic, and the figures behind them."""

    at: datetime
    findings: tuple[Finding, ...]
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def attention(self) -> int:
        """How many topics need somebody."""
        return sum(finding.level is Level.ATTENTION for finding in self.findings)

    @property
    def headline(self) -> str:
        """All of it in one line."""
        if not self.attention:
            return "All is well."
        return f"{self.attention} thing{'s need' if self.attention > 1 else ' needs'} attention."

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"well": not self.attention, **asdict(self), "at": self.at.isoformat()}
