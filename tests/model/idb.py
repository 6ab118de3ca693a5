"""The IDB in a few lines of plain Python: what a set of batches must leave, whatever happened on the way.

A line is a dict as `tests.batches` makes it. Chains, records and fields are those of the batch's OCS; a
session belongs to one OCS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

Line = dict[str, Any]
Key = tuple[Any, ...]
Chain = tuple[int, str]  # OCSID, CHAINGUID
Rows = Counter[tuple[Any, ...]]

# What tells two lines of one type apart, after the OCS; of the rest, what the tables below show.
_KEYS = {
    "campaign": ("sessid", "seq"),
    "chain": ("chainguid", "seq"),
    "record": ("chainguid", "recordhandle", "chainseq"),
    "field": ("chainguid", "recordhandle", "fieldid", "seq"),
}
_OF_CHAIN = ("chain", "record", "field")


def time(ts: int) -> datetime:
    return datetime.fromtimestamp(ts / 1000, UTC).replace(tzinfo=None)


def ended(notices: list[Line]) -> datetime | None:
    """When an object ended: at the first notice of its closing run of zeros, if that is not how it began."""
    notices = sorted(notices, key=lambda line: line["seq"])
    closing: list[Line] = []
    for line in reversed(notices):
        if line["state"]:
            break
        closing.append(line)
    if not closing:
        return None
    began_so = len(closing) == len(notices) and notices[0]["seq"] == 1
    return None if began_so else time(closing[-1]["ts"])


@dataclass
class Model:
    """Every line that was taken, by its key; the ledger; what was final when it was last finalized."""

    lines: dict[Key, Line] = field(default_factory=dict)
    places: dict[Chain, str] = field(default_factory=dict)
    open_fields: set[int] = field(default_factory=set)
    ledger: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    quarantine: Rows = field(default_factory=Counter)
    final: dict[str, Rows] = field(default_factory=dict)
    purged: set[Chain] = field(default_factory=set)
    newest: datetime = datetime.min

    def load(self, name: str, ocs: int, lines: list[Line | None]) -> None:
        """Takes a batch; None stands for a line that cannot be read."""
        new = known = 0
        bad = {number: "unknown_type" for number, line in enumerate(lines, 2) if line is None}
        good = {number: line for number, line in enumerate(lines, 2) if line is not None}
        self.newest = max([self.newest, *(time(line["ts"]) for line in good.values())])
        self.purged -= {(ocs, line["chainguid"]) for line in good.values() if line["type"] in _OF_CHAIN}
        for number, line in good.items():
            key = (line["type"], ocs, *(line[part] for part in _KEYS[line["type"]]))
            misplaced = line["type"] == "chain" and (
                self.places.setdefault((ocs, line["chainguid"]), line["sessid"]) != line["sessid"]
            )
            if misplaced or self.lines.get(key, line) != line:
                bad[number] = "conflict"
            elif key in self.lines:
                known += 1
            else:
                self.lines[key] = line
                new += 1
        self.ledger[name] = (len(lines), new, known, len(bad))
        self.quarantine.update((name, number, reason) for number, reason in bad.items())

    def finalize(self) -> None:
        """All that has ended now is final."""
        days = {chain: at.date() for chain in self.places if (at := self.ended_chain(chain))}
        sessions = {sessid: at.date() for sessid in self.sessions() if (at := self.ended_session(sessid))}
        self.final = {
            f"final.{table.removeprefix('idb.')}": Counter(
                {(day, *row): n for row, n in rows.items() if (day := self._day(table, row, days, sessions))}
            )
            for table, rows in self._tables(self.lines.items()).items()
        }

    def purge(self, keep_days: int) -> None:
        """Everything is final and in the marts: what is older than `keep_days` leaves idb."""
        for chain, sessid in self.places.items():
            at = self.ended_chain(chain)
            if at and (self.newest.date() - at.date()).days > keep_days and self.ended_session(sessid):
                self.purged.add(chain)

    def idb(self) -> dict[str, Rows]:
        """The rows of idb by table."""
        there = [(key, line) for key, line in self.lines.items() if self._chain(key) not in self.purged]
        return self._tables(there)

    def ended_chain(self, chain: Chain) -> datetime | None:
        return ended(self._notices("chain", *chain))

    def ended_session(self, sessid: str) -> datetime | None:
        return ended([line for line in self._all("campaign") if line["sessid"] == sessid])

    def sessions(self) -> set[str]:
        return {line["sessid"] for line in self._all("campaign")}

    def _all(self, type_: str) -> list[Line]:
        return [line for key, line in self.lines.items() if key[0] == type_]

    def _notices(self, type_: str, ocs: int, guid: str) -> list[Line]:
        return [line for key, line in self.lines.items() if key[:3] == (type_, ocs, guid)]

    @staticmethod
    def _chain(key: Key) -> Chain | None:
        return (key[1], key[2]) if key[0] in _OF_CHAIN else None

    @staticmethod
    def _day(table: str, row: Key, days: dict[Chain, date], sessions: dict[str, date]) -> date | None:
        return sessions.get(row[1]) if "campaign" in table else days.get((row[0], row[1]))

    def _tables(self, lines: Iterable[tuple[Key, Line]]) -> dict[str, Rows]:
        """Histories as they came, and the current row of each object: a function of its history alone."""
        rows: dict[str, Rows] = {f"idb.{table}": Counter() for table in TABLES}
        newest: dict[tuple[str, Key], tuple[int, Key]] = {}
        for key, line in lines:
            kind, ocs = key[0], key[1]
            at = time(line["ts"])
            match kind:
                case "campaign":
                    rows["idb.go_campaignhistory"][ocs, line["sessid"], line["seq"], line["state"], at] += 1
                case "chain":
                    result = line.get("agentresult")
                    shown = (ocs, line["chainguid"], line["seq"], line["state"], result, at)
                    rows["idb.go_chainrec_hist"][shown] += 1
                case "record":
                    shown = (ocs, line["chainguid"], line["chainseq"], line["callresult"], at)
                    rows["idb.go_record_hist"][shown] += 1
                    _keep(
                        newest,
                        "idb.go_record",
                        (ocs, line["chainguid"]),
                        line["chainseq"],
                        (line["callresult"],),
                    )
                case "field":
                    hist, current = _FIELD_TABLES[line["fieldid"] in self.open_fields]
                    what = (ocs, line["chainguid"], line["fieldid"])
                    rows[hist][(*what, line["seq"], line["newvalue"], at)] += 1
                    _keep(newest, current, what, line["seq"], (line["newvalue"],))
        for (table, what), (_, value) in newest.items():
            rows[table][(*what, *value)] += 1
        chains = {chain for key, _ in lines if (chain := self._chain(key)) and key[0] == "chain"}
        for chain in chains:
            rows["idb.go_chain"][self._current_chain(chain)] += 1
        for sessid in {key[2] for key, _ in lines if key[0] == "campaign"}:
            rows["idb.go_campaign"][self._current_session(sessid)] += 1
        return rows

    def _current_chain(self, chain: Chain) -> Key:
        notices = sorted(self._notices("chain", *chain), key=lambda line: line["seq"])
        results = [line["agentresult"] for line in notices if line.get("agentresult") is not None]
        first, last = notices[0], notices[-1]
        created = time(first["ts"]) if first["seq"] == 1 and first["state"] in (0, 1) else None
        end = self.ended_chain(chain)
        return (*chain, self.places[chain], last["state"], results[-1] if results else None, created, end)

    def _current_session(self, sessid: str) -> Key:
        key, last = max(
            ((key, line) for key, line in self.lines.items() if key[0] == "campaign" and key[2] == sessid),
            key=lambda found: found[1]["seq"],
        )
        return (key[1], sessid, last["state"], self.ended_session(sessid))


_FIELD_TABLES = {
    True: ("idb.go_fieldhist", "idb.go_custom_fields"),
    False: ("idb.go_sec_fieldhist", "idb.go_secure_fields"),
}
# Table to the columns that the model knows; in final after FINAL_DAY.
TABLES = {
    "go_campaign": "ocsid, sessid, state, terminated",
    "go_campaignhistory": "ocsid, sessid, seq, state, added",
    "go_chain": "ocsid, chainguid, sessid, state, agentresult, created, terminated",
    "go_chainrec_hist": "ocsid, chainguid, seq, state, agentresult, added",
    "go_record": "ocsid, chainguid, callresult",
    "go_record_hist": "ocsid, chainguid, chainseq, callresult, added",
    "go_custom_fields": "ocsid, chainguid, fieldid, value",
    "go_fieldhist": "ocsid, chainguid, fieldid, seq, newvalue, added",
    "go_secure_fields": "ocsid, chainguid, fieldid, value",
    "go_sec_fieldhist": "ocsid, chainguid, fieldid, seq, newvalue, added",
}


def _keep(
    newest: dict[tuple[str, Key], tuple[int, Key]], table: str, what: Key, seq: int, value: Key
) -> None:
    if seq >= newest.get((table, what), (0, ()))[0]:
        newest[table, what] = (seq, value)
