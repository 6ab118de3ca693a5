"""What the marts must show, counted from the simulation's own objects as they end, never from event lines.

truth.json (times in ms, days are UTC days by OCS's clock, keys that are codes or DBIDs are strings):

A *tally* has `chains`, `chains_by_cause`, `attempts`; by code of the effective result (the agent's, else
CPD's, "none" where neither was reported) `attempts_by_result`; `attempts_by_cpd_result`,
`attempts_by_agent_result`, `attempts_by_mode`, `attempts_by_contact_type`; and of the attempts, how many
  `dialed` (placed a call at all) or `dial_unknown` (neither OCS nor call data could tell), were
  `linked_by_chain_call` (OCS named the call) or `linked_by_user_data`,
  `answered_by_person` (by the effective result), of which `abandoned_tsr` (no agent within two seconds of
  the answer) or `timing_unknown` (no clock tells), `abandoned` and `dropped` (CPD results 21 and 26),
  `overdialed`, have an agent's result (`agent_results`), a late one (`late_results`), a sale (`sales`);
  how many `calls` (with `consult_calls`) and `interactions` they made; and the sums of
  `talk_ms`, `hold_ms`, `wrap_ms`, `ring_ms` (agents on customers' calls), `engaged_ms` (an agent connected
  before the customer was, in seizing modes: no talk), `consult_ms`, `ivr_ms`, `preview_ms`, and of OCS's
  metrics `dialing_time_ms`, `cpd_time_ms`, `transfer_time_ms`.
A chain counts on the day on which its closing run of state 0 began; an attempt, with all that belongs to it,
on the day of its state 2. Attempts of chains that are still open count too.

* at the top: the tally of everything, `campaign_sessions` and `started_ms`, the time spent in Started;
* `days`, `campaigns`, `groups`, `lists`, `switches`: tallies; days (of the end) and campaigns have
  `campaign_sessions` and `started_ms` too, lists the counters `last_records_total` and so on, as the last
  ten-minute packet had them, and how many records and customers had an attempt with a call begun by then
  (`last_records_dialed`, `last_chains_dialed`), of whatever edition of the list;
* `agents`: `calls` (parties on customers' calls) and times as above;
* `cpd_agent`: attempts by CPD result and agent result, where both were reported;
* `cpd_real`: answered calls by what really answered (`person`, `machine`), and CPD's result;
* `local_hours`: `attempts` and `persons` by the hour of the customer's clock at state 2;
* `callbacks`: `promised_` and `tried_` `campaign` and `personal`, and `missed`;
* `fields`: by DBID `name`, field lines by the icon_attribute in force (`not_stored`, `open`, `secure`), and
  for the outcome the `values` with which chains ended;
* `metrics`: lines by kind (group, list, call) and metric; `packets`: ten-minute packets by OCS;
* `open_chains` (chainguid, ocsid, state, day of the last notice) and `open_sessions` (sessid, ocsid, day):
  what OCS left open when it died; all others have ended;
* `set_aside`: a tally of chains with more than 5,000 notices and their attempts, which count nowhere else;
* `filtered`: a tally of what no ICON takes by its connections, and that counts nowhere else;
* `outages`: times in which a feed did not hear its source, and the lines it missed; `lost`: lines that no
  feed has, the quarters of an hour in which they were said, the chains and sessions that they told of, a
  tally of those chains, and their days;
* `icons`: the deployment, as in deployment.yaml; `harms`: what was done to batches (see `harms`);
  `events`: lines that sources said to feeds, by kind of source, before harms; `batches`: files written.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from icon_assets.simulator import times
from icon_assets.simulator.books.progress import ListBook
from icon_assets.simulator.books.tally import Tally, by_code, code, codes_of, facts_of, party_times
from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import CallType, RecordType, Result
from icon_assets.simulator.lists import OUTCOME

if TYPE_CHECKING:
    from icon_assets.simulator.ocs import Ocs
    from icon_assets.simulator.session import Session

LIMIT = 5_000
"""A chain with more notices is set aside (behaviour, requirement 42)."""
_STORED = ("not_stored", "open", "secure")


class Truth:
    """The books of one simulation."""

    def __init__(self) -> None:
        self.all = Tally()
        self.set_aside = Tally()
        self.filtered = Tally()
        self._scopes: dict[str, dict[str, Tally]] = {
            name: {} for name in ("days", "campaigns", "groups", "lists", "switches")
        }
        self._sessions: dict[str, Counter[str]] = {"": Counter()}
        self._agents: dict[str, Counter[str]] = {}
        self._cpd_agent: dict[str, Counter[str]] = {}
        self._cpd_real: dict[str, Counter[str]] = {"person": Counter(), "machine": Counter()}
        self._callbacks: Counter[str] = Counter()
        self._hours: dict[str, Counter[str]] = {}
        self._metrics: dict[str, Counter[str]] = {}
        self._packets: Counter[str] = Counter()
        self._fields: dict[str, Counter[str]] = {}
        self._names: dict[str, str] = {}
        self._outcomes: dict[str, Counter[str]] = {}
        self._lists = ListBook()
        self._open_chains: list[dict[str, object]] = []
        self._open_sessions: list[dict[str, object]] = []

    def _tallies(self, chain: Chain, ms: int) -> list[Tally]:
        """Where something of this chain counts."""
        session = chain.session
        if not session.unit.stored:
            return [self.filtered]
        if chain.customer.runaway is not None and chain.customer.runaway > LIMIT:
            return [self.set_aside]
        unit = session.unit
        keys = (times.utc_day(ms), unit.dbid, unit.group, chain.customer.calling_list.dbid, session.switch)
        found = [self.all]
        for scope, key in zip(self._scopes.values(), keys, strict=True):
            tally = scope.get(str(key))
            if tally is None:
                tally = scope[str(key)] = Tally()
            found.append(tally)
        return found

    def chain(self, chain: Chain) -> None:
        """A chain reached state 0."""
        tallies = self._tallies(chain, chain.ended)
        for tally in tallies:
            tally.chain(chain)
        customer = chain.customer
        if tallies[0] is self.all and len(customer.values) > OUTCOME:
            dbid = str(customer.calling_list.fields[OUTCOME].dbid)
            self._outcomes.setdefault(dbid, Counter())[customer.values[OUTCOME].strip('"')] += 1

    def attempt(self, attempt: Attempt) -> None:
        """An attempt about which nothing more will be said."""
        facts, codes = facts_of(attempt), codes_of(attempt)
        attempt.facts = facts
        tallies = self._tallies(attempt.chain, attempt.started)
        for tally in tallies:
            tally.attempt(facts, codes)
        if tallies[0] is not self.all:
            return
        if "dialed" in facts:
            self._lists.dialed(attempt)
        cpd = attempt.cpd
        if cpd is not None and attempt.agent is not None:
            self._cpd_agent.setdefault(code(cpd), Counter())[code(attempt.agent)] += 1
        if cpd is not None and any(call.answered is not None for call in attempt.calls):
            self._cpd_real["person" if attempt.person else "machine"][code(cpd)] += 1
        hour = times.local_ms(attempt.chain.customer.zone, attempt.started) // times.HOUR
        self._hours.setdefault(f"{hour:02d}", Counter()).update(
            attempts=1, persons=facts.get("answered_by_person", 0)
        )
        if attempt.callback is not None and attempt.reported:
            self._callbacks[f"promised_{_callback(attempt.callback[0])}"] += 1
        if attempt.promise is not None:
            self._callbacks[f"tried_{_callback(attempt.promise)}"] += 1
            self._callbacks["missed"] += cpd is Result.AGENT_CALLBACK_ERROR
        self._of_agents(attempt)
        attempt.calls.clear()

    def _of_agents(self, attempt: Attempt) -> None:
        for call in attempt.found_calls:
            consult = call.kind is CallType.CONSULT
            for party in call.parties:
                if party.agent is not None:
                    sums = self._agents.setdefault(str(party.agent), Counter())
                    sums["calls"] += not consult
                    sums.update(party_times(party, consult=consult))

    def field(self, chain: Chain, place: int) -> None:
        """A field line."""
        field = chain.customer.calling_list.fields[place]
        self._names[str(field.dbid)] = field.name
        if chain.session.unit.stored:
            self._fields.setdefault(str(field.dbid), Counter())[_STORED[field.in_force]] += 1

    def session(self, session: Session) -> None:
        """A campaign session ended."""
        if session.ocs.heard:
            for key in ("", times.utc_day(session.ended), str(session.unit.dbid)):
                counts = self._sessions.setdefault(key, Counter())
                counts["campaign_sessions"] += 1
                counts["started_ms"] += session.started_ms

    def open_chain(self, chain: Chain) -> None:
        """Its OCS died."""
        if self._tallies(chain, chain.told)[0] is self.all:
            self._open_chains.append(
                {
                    "chainguid": chain.guid,
                    "ocsid": chain.ocs.source.dbid,
                    "state": chain.state.value,
                    "day": times.utc_day(chain.told),
                }
            )

    def open_session(self, session: Session) -> None:
        """Its OCS died, and nobody took it over."""
        self._open_sessions.append(
            {
                "sessid": session.guid,
                "ocsid": session.ocs.source.dbid,
                "state": session.state.value,
                "day": times.utc_day(session.told),
            }
        )

    def metric(self, scope: str, name: str) -> None:
        """A metric line."""
        self._metrics.setdefault(scope, Counter())[name] += 1

    def packet(self, ocs: Ocs, active: list[Session]) -> None:
        """A ten-minute packet went out."""
        self._packets[str(ocs.source.dbid)] += 1
        for session in active:
            self._lists.packet(session.unit.calling_list, ocs.source.clock())

    def as_dict(self) -> dict[str, Any]:
        """The content of truth.json, but for what only the run knows."""
        result = self.all.as_dict() | {"campaign_sessions": 0, "started_ms": 0} | self._sessions.pop("")
        for name, scope in self._scopes.items():
            extra = self._extra(name)
            result[name] = {
                key: scope.get(key, Tally()).as_dict() | extra.get(key, {})
                for key in sorted({*scope, *extra})
            }
        return result | {
            "agents": _sorted(self._agents),
            "cpd_agent": {key: by_code(counts) for key, counts in sorted(self._cpd_agent.items())},
            "cpd_real": {key: by_code(counts) for key, counts in self._cpd_real.items()},
            "local_hours": _sorted(self._hours),
            "callbacks": dict(sorted(self._callbacks.items())),
            "fields": {dbid: self._field(dbid) for dbid in sorted(self._fields)},
            "metrics": _sorted(self._metrics),
            "packets": dict(sorted(self._packets.items())),
            "open_chains": self._open_chains,
            "open_sessions": self._open_sessions,
            "set_aside": self.set_aside.as_dict(),
            "filtered": self.filtered.as_dict(),
        }

    def _extra(self, scope: str) -> dict[str, dict[str, int]]:
        """What a scope has beside its tallies."""
        if scope == "lists":
            return self._lists.as_dict()
        if scope not in ("days", "campaigns"):
            return {}
        days = scope == "days"
        return {key: dict(counts) for key, counts in self._sessions.items() if ("-" in key) == days}

    def _field(self, dbid: str) -> dict[str, object]:
        values = dict(sorted(self._outcomes.get(dbid, {}).items()))
        return {"name": self._names[dbid], **self._fields[dbid], "values": values}


def _sorted(counts: dict[str, Counter[str]]) -> dict[str, dict[str, int]]:
    return {key: dict(sorted(counts[key].items())) for key in sorted(counts)}


def _callback(kind: RecordType) -> str:
    return "personal" if kind is RecordType.PERSONAL_CALLBACK else "campaign"
