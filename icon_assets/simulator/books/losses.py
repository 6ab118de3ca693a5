"""What nobody heard: lines that no feed has, and the chains and sessions that they told of."""

from __future__ import annotations

from collections import Counter
from typing import Any

from icon_assets.simulator import times
from icon_assets.simulator.books.tally import Tally, codes_of, facts_of
from icon_assets.simulator.chain import Chain
from icon_assets.simulator.feed import Line, Source
from icon_assets.simulator.session import Session

_QUARTER = 15 * times.MINUTE


class Losses:
    """The book of lost lines; it keeps the chains, as their end may be still to come."""

    def __init__(self) -> None:
        self._types: Counter[str] = Counter()
        self._quarters: dict[str, set[int]] = {}
        self._chains: dict[str, Chain] = {}
        self._sessions: dict[str, Session] = {}

    def lost(self, line: Line, dbid: int) -> None:
        """No feed has the line of this source."""
        self._quarters.setdefault(str(dbid), set()).add(line.ts // _QUARTER)
        self._types[line.text[9 : line.text.index('"', 9)]] += 1
        if isinstance(line.owner, Chain):
            self._chains[line.owner.guid] = line.owner
        elif isinstance(line.owner, Session):
            self._sessions[line.owner.guid] = line.owner

    def as_dict(self) -> dict[str, Any]:
        """`lines` by type; when they were said, as `quarters` of an hour by the DBID of the source.

        `chains`, `sessions` by GUID; a `tally` of these chains, the `days` they touch.
        """
        tally, days = Tally(), set()
        for chain in self._chains.values():
            if chain.cause is not None:
                tally.chain(chain)
                days.add(times.utc_day(chain.ended))
            for attempt in chain.attempts:
                tally.attempt(attempt.facts or facts_of(attempt), codes_of(attempt))
                days.add(times.utc_day(attempt.started))
        return {
            "lines": dict(sorted(self._types.items())),
            "quarters": {
                dbid: [times.rfc3339(quarter * _QUARTER) for quarter in sorted(found)]
                for dbid, found in sorted(self._quarters.items())
            },
            "chains": sorted(self._chains),
            "sessions": sorted(self._sessions),
            "days": sorted(days),
            "tally": tally.as_dict(),
        }


def outages(sources: list[Source]) -> list[dict[str, object]]:
    """Every time in which a feed did not hear its source; `to` None: it never heard it again."""
    return [
        {
            "source": source.kind,
            "dbid": source.dbid,
            "feed": feed.icon,
            "from": times.rfc3339(outage.begin),
            "to": None if outage.end is None else times.rfc3339(outage.end),
            "lines": outage.lines,
        }
        for source in sources
        for feed in source.feeds
        for outage in feed.outages
    ]
