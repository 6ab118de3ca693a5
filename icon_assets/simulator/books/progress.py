"""How far lists are: what OCS counts of them in each packet, and how much had been dialled by then."""

from __future__ import annotations

from collections import Counter

from icon_assets.simulator.chain import Attempt
from icon_assets.simulator.lists import CallingList
from icon_assets.simulator.ocs import COUNTERS


class ListBook:
    """The book of the lists, by DBID as text."""

    def __init__(self) -> None:
        self._counters: dict[str, dict[str, int]] = {}
        self._told: dict[str, int] = {}
        self._dialed: Counter[tuple[str, str]] = Counter()
        self._since: Counter[tuple[str, str]] = Counter()

    def packet(self, found: CallingList, now: int) -> None:
        """A packet told of the list, at `now` by OCS's clock (ms)."""
        key = str(found.dbid)
        self._counters[key] = {name: getattr(found, name) for name in COUNTERS}
        self._told[key] = now
        for what in ("records", "chains"):
            del self._since[key, what]

    def dialed(self, attempt: Attempt) -> None:
        """An attempt with a call is over; it counts from its start, be that after the last packet."""
        customer, record = attempt.chain.customer, attempt.record
        if record.dialed:
            return
        key = str(customer.calling_list.dbid)
        firsts = ["records"] if any(each.dialed for each in customer.records) else ["records", "chains"]
        record.dialed = True
        self._dialed.update((key, what) for what in firsts)
        if attempt.started > self._told.get(key, 0):
            self._since.update((key, what) for what in firsts)

    def as_dict(self) -> dict[str, dict[str, int]]:
        """By list, what its last packet told (`last_records_total`, ...) and what was dialled then."""
        return {
            key: {f"last_{name}": n for name, n in counters.items()}
            | {
                f"last_{what}_dialed": self._dialed[key, what] - self._since[key, what]
                for what in ("records", "chains")
            }
            for key, counters in self._counters.items()
        }
