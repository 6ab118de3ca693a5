"""Calling lists: customers and their numbers, made when they are first wanted, kept while unfinished."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from icon_assets.simulator import scenario
from icon_assets.simulator.codes import ContactType, RecordStatus, RecordType, Result
from icon_assets.simulator.lines import text
from icon_assets.simulator.randomness import Stream, Weights
from icon_assets.simulator.times import clock

OUTCOME = 1
"""The place of the custom field that agents fill in."""

_KINDS = (ContactType.HOME, ContactType.MOBILE, ContactType.BUSINESS, ContactType.MOBILE)
_COUNTRY = {
    "Europe/London": "+44",
    "Europe/Paris": "+33",
    "Europe/Athens": "+30",
    "Europe/Lisbon": "+351",
    "America/New_York": "+1",
    "America/Los_Angeles": "+1",
}
_SEGMENTS = ("new", "loyal", "lapsed", 'gold "A"', "début", "prospect, cold")
_FIELD_NAMES = ("segment", "outcome", "balance", "reference")
_LONG = (255, 4000, 4001)


@dataclass(slots=True, eq=False)
class Field:
    """A custom field; `attribute` as configured now, `in_force` as ICON read it when it started."""

    dbid: int
    name: str
    attribute: int
    in_force: int


@dataclass(slots=True, eq=False)
class Record:
    """One number of a customer; times in ms, `due` None for "as soon as resources allow".

    `done`: not to be dialled again; `promised`: the kind of a callback that is still owed; `dialed`: once
    at least, as the truth sees it.
    """

    record_id: int
    place: int
    number: str
    kind: ContactType
    type: RecordType = RecordType.GENERAL
    status: RecordStatus = RecordStatus.READY
    result: Result = Result.UNKNOWN
    attempts: int = 0
    called: int | None = None
    due: int | None = None
    agent: int | None = None
    done: bool = False
    promised: RecordType | None = None
    dialed: bool = False

    @property
    def not_processed(self) -> bool:
        """As the guide counts: type General and status Ready."""
        return self.type is RecordType.GENERAL and self.status is RecordStatus.READY


@dataclass(slots=True, eq=False)
class Customer:
    """The records of one customer: what becomes a chain when OCS loads it.

    `values`: custom fields as JSON; `next`: the record that waits its turn, but not before `rest` (ms);
    `runaway`: notices at which a chain that is redialled without end does end, or None.
    """

    calling_list: CallingList
    chain_id: int
    zone: str
    records: list[Record]
    luck: Stream
    values: list[str]
    counted: tuple[int, int]
    runaway: int | None = None
    attempts: int = 0
    next: Record | None = None
    rest: int = 0

    def due(self, record: Record) -> int | None:
        """When a record may be dialled (ms); None for at once."""
        return max(record.due or 0, self.rest) or None

    def recount(self) -> None:
        """Tells the list how many records, and whether the chain, wait to be processed now."""
        waiting = sum(record.not_processed for record in self.records)
        now = (waiting, 1 if waiting else 0)
        if now != self.counted:
            self.calling_list.records_not_processed += now[0] - self.counted[0]
            self.calling_list.chains_not_processed += now[1] - self.counted[1]
            self.counted = now


class CallingList:
    """A calling list; the four counters are what OCS counts in the list's view.

    A customer exists as an object only from the first load until finished, so a list of millions costs
    nothing.
    """

    def __init__(
        self, dbid: int, format_id: int, first_field: int, plan: scenario.Campaign, seed: int
    ) -> None:
        self.dbid = dbid
        self.name = f"{plan.name}, list"
        self.format_id = format_id
        self.fields = [_field(first_field + place, place) for place in range(plan.custom_fields)]
        self.first = clock(plan.hours[0])
        self.last = clock(plan.hours[1])
        self._plan = plan
        self._seed = seed
        self._pattern = _pattern(plan.numbers)
        self._edition = 0
        self._next = 0
        self._returned: deque[Customer] = deque()
        self.refill()

    def refill(self) -> None:
        """A fresh table of `chains` customers in place of the old one; the unfinished are left behind."""
        chains = self._plan.chains
        whole, rest = divmod(chains, len(self._pattern))
        self.records_total = whole * sum(self._pattern) + sum(self._pattern[:rest])
        self.chains_total = self.chains_not_processed = chains
        self.records_not_processed = self.records_total
        self._edition += 1
        self._next = 0
        self._returned.clear()

    def take(self, until: int) -> Customer | None:
        """The next customer to load: the unfinished that are due by `until` first, then new ones in order."""
        for _ in range(len(self._returned)):
            customer = self._returned.popleft()
            if customer.next is None or (customer.due(customer.next) or 0) <= until:
                return customer
            self._returned.append(customer)
        if self._next == self._plan.chains:
            return None
        self._next += 1
        return self._make(self._next - 1)

    def give_back(self, customer: Customer) -> None:
        """An unloaded customer who is not finished waits for the next load."""
        self._returned.append(customer)

    def _make(self, index: int) -> Customer:
        luck = Stream(self._seed, "customer", self.dbid, self._edition, index)
        zone = luck.choice(self._plan.zones)
        chain_id = (self._edition - 1) * self._plan.chains + index + 1
        prefix = f"{_COUNTRY.get(zone, '+999')}{self.dbid % 100:02d}{chain_id:07d}"
        records = [
            Record(chain_id * 4 + place, place, f"{prefix}{place}", _KINDS[place])
            for place in range(self._pattern[index % len(self._pattern)])
        ]
        values = [self._value(place, luck) for place in range(len(self.fields))]
        runaway = self._plan.runaway[index] if index < len(self._plan.runaway) else None
        return Customer(self, chain_id, zone, records, luck, values, (len(records), 1), runaway)

    def _value(self, place: int, luck: Stream) -> str:
        """The value of a custom field at load; the outcome is not known yet."""
        if place == 0:
            return text(luck.choice(_SEGMENTS))
        if place == OUTCOME:
            return "null"
        from_end = place - len(self.fields) + len(_LONG)
        if self._plan.long_values and from_end >= 0:
            return text("x" * (_LONG[from_end] - 1) + "é")
        return text(str(luck.below(100_000)))


def _field(dbid: int, place: int) -> Field:
    """The third field is secure, the fourth is not tracked, the others are open."""
    attribute = {2: 2, 3: 0}.get(place, 1)
    name = _FIELD_NAMES[place] if place < len(_FIELD_NAMES) else f"field_{place + 1}"
    return Field(dbid, name, attribute, attribute)


def _pattern(shares: tuple[int, int, int, int]) -> list[int]:
    """Counts of numbers of twenty customers in a row, in the given shares, well mixed."""
    weights = Weights({count + 1: share for count, share in enumerate(shares)})
    return [weights.at(((place * 7 % 20) * 2 + 1 << 64) // 40) for place in range(20)]
