"""Calling lists: customers and their numbers, made when they are first wanted, kept while unfinished."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from icon_assets.simulator import lines, scenario
from icon_assets.simulator.codes import ContactType, RecordStatus, RecordType, Result
from icon_assets.simulator.randomness import Stream, Weights
from icon_assets.simulator.times import clock

_KINDS = (ContactType.HOME, ContactType.MOBILE, ContactType.BUSINESS, ContactType.MOBILE)
_COUNTRY = {
    "Europe/London": "+44",
    "Europe/Paris": "+33",
    "Europe/Athens": "+30",
    "Europe/Lisbon": "+351",
    "America/New_York": "+1",
    "America/Chicago": "+1",
}
_SEGMENTS = ("new", "loyal", "lapsed", 'gold "A"', "début", "prospect, cold")


@dataclass(slots=True, eq=False)
class Record:
    """One number of a customer; times in ms, `due` None for "as soon as resources allow".

    `done`: not to be dialled again; `promised`: the kind of a callback that is still owed.
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

    @property
    def not_processed(self) -> bool:
        """As the guide counts: type General and status Ready."""
        return self.type is RecordType.GENERAL and self.status is RecordStatus.READY


@dataclass(slots=True, eq=False)
class Customer:
    """The records of one customer: what becomes a chain when OCS loads it. `values`: custom fields as JSON."""

    calling_list: CallingList
    chain_id: int
    zone: str
    records: list[Record]
    luck: Stream
    values: list[str]
    attempts: int = 0
    next: Record | None = None
    counted: tuple[int, int] = (0, 0)

    def recount(self) -> None:
        """Tells the list how many records, and whether the chain, wait to be processed now."""
        waiting = sum(record.not_processed for record in self.records)
        now = (waiting, 1 if waiting else 0)
        if now != self.counted:
            self.calling_list.records_not_processed += now[0] - self.counted[0]
            self.calling_list.chains_not_processed += now[1] - self.counted[1]
            self.counted = now


@dataclass
class CallingList:
    """A calling list of `plan.chains` customers; `numbers_of` their count of numbers, by a fixed pattern.

    The counters are what OCS would count in the list's view. A customer exists as an object only from the
    first load until finished, so a list of millions costs nothing.
    """

    dbid: int
    name: str
    format_id: int
    field_ids: list[int]
    plan: scenario.Campaign
    seed: int
    edition: int = 0
    records_total: int = 0
    chains_total: int = 0
    records_not_processed: int = 0
    chains_not_processed: int = 0
    _next: int = 0
    _returned: deque[Customer] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._pattern = _pattern(self.plan.numbers)
        self.counted_fields = set(self.field_ids[:2])
        self.first = clock(self.plan.hours[0])
        self.last = clock(self.plan.hours[1])
        self.refill()

    def refill(self) -> None:
        """A fresh table of `plan.chains` customers in place of the old one; the unfinished are left behind."""
        self.edition += 1
        whole, rest = divmod(self.plan.chains, len(self._pattern))
        self.records_total = whole * sum(self._pattern) + sum(self._pattern[:rest])
        self.chains_total = self.chains_not_processed = self.plan.chains
        self.records_not_processed = self.records_total
        self._next = 0
        self._returned.clear()

    def take(self, until: int) -> Customer | None:
        """The next customer to load: the unfinished that are due by `until` first, then new ones in order."""
        for _ in range(len(self._returned)):
            customer = self._returned.popleft()
            if customer.next is None or customer.next.due is None or customer.next.due <= until:
                return customer
            self._returned.append(customer)
        if self._next == self.plan.chains:
            return None
        self._next += 1
        return self._make(self._next - 1)

    def give_back(self, customer: Customer) -> None:
        """An unloaded customer who is not finished waits for the next load."""
        self._returned.append(customer)

    def _make(self, index: int) -> Customer:
        luck = Stream(self.seed, "customer", self.dbid, self.edition, index)
        zone = luck.choice(self.plan.zones)
        chain_id = (self.edition - 1) * self.plan.chains + index + 1
        records = [
            Record(
                chain_id * 4 + place,
                place,
                f"{_COUNTRY.get(zone, '+999')}{self.dbid % 100:02d}{chain_id:07d}{place}",
                _KINDS[place],
            )
            for place in range(self._pattern[index % len(self._pattern)])
        ]
        values = [_value(place, luck) for place in range(len(self.field_ids))]
        customer = Customer(self, chain_id, zone, records, luck, values)
        customer.counted = (len(records), 1)
        return customer


def _pattern(shares: tuple[int, int, int, int]) -> list[int]:
    """Counts of numbers of twenty customers in a row, in the given shares, well mixed."""
    weights = Weights({count + 1: share for count, share in enumerate(shares)})
    return [weights.at(((place * 7 % 20) * 2 + 1 << 64) // 40) for place in range(20)]


def _value(place: int, luck: Stream) -> str:
    """The value of a custom field at load; the last field, the outcome, is set by agents and starts as null."""
    if place == 0:
        return lines.text(luck.choice(_SEGMENTS))
    return "null" if place == 1 else lines.text(str(luck.below(100_000)))
