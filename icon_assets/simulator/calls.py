"""Calls and parties as a T-Server or an Interaction Server sees and reports them."""

from __future__ import annotations

from dataclasses import dataclass, field

from icon_assets.simulator import lines
from icon_assets.simulator.codes import CallType, PartyType
from icon_assets.simulator.feed import Source
from icon_assets.simulator.lines import optional, text
from icon_assets.simulator.randomness import Guids

ATTEMPT_KEY = "GSW_CALL_ATTEMPT_GUID"


@dataclass(slots=True, eq=False)
class Party:
    """One party of one call.

    `spent`: ms in each state it has left; `since`: when the present one began, by the source's clock;
    `engaged_ms`: time connected before a customer was on the line; `connected_at`: when it first was.
    """

    call: Call
    guid: str
    type: PartyType
    role: str
    dn: str
    agent: int | None
    state: str
    since: int
    pseq: int = 1
    spent: dict[str, int] = field(default_factory=dict)
    engaged_ms: int = 0
    connected_at: int | None = None

    def become(self, state: str) -> None:
        """Enters a state and says so; `released` is the last."""
        now = self.call.source.clock()
        self.spent[self.state] = self.spent.get(self.state, 0) + now - self.since
        self.state, self.since = state, now
        if state == "connected" and self.connected_at is None:
            self.connected_at = now
        self.pseq += 1
        self.tell("terminated" if state == "released" else "changed")

    def tell(self, change: str) -> None:
        """Says what it is now."""
        call = self.call
        who = f',"agentid":{self.agent}' if self.agent is not None else ""
        call.say(
            "party",
            f'"partyid":"{self.guid}","callid":"{call.callid}","pseq":{self.pseq},"cseq":{call.step()},'
            f'"change":"{change}","partytype":{self.type.value},"role":"{self.role}","state":"{self.state}",'
            f'"endpointdn":"{self.dn}"{who}',
        )


class Call:
    """A voice call, or an interaction of the Interaction Server (`media` tells).

    `owner`: the chain that it was made for; `parent`: the call that a consult call belongs to; `answered`:
    when the customer came on the line, by the source's clock.
    """

    __slots__ = (
        "answered",
        "callid",
        "connid",
        "cseq",
        "guids",
        "irid",
        "kind",
        "media",
        "owner",
        "parent",
        "parties",
        "source",
        "switch",
    )

    def __init__(
        self,
        source: Source,
        guids: Guids,
        switch: int,
        kind: CallType,
        owner: object,
        *,
        parent: Call | None = None,
        media: str = "voice",
    ) -> None:
        self.source = source
        self.guids = guids
        self.switch = switch
        self.kind = kind
        self.owner = owner
        self.parent = parent
        self.media = media
        self.callid: str = guids.next()
        self.irid: str = parent.irid if parent else guids.next()
        self.connid = guids.connid()
        self.cseq: int = 0
        self.parties: list[Party] = []
        self.answered: int | None = None
        self._tell("created")

    @property
    def stored(self) -> bool:
        """Whether any ICON hears its server."""
        return bool(self.source.feeds)

    def step(self) -> int:
        """The next number of the call's history."""
        self.cseq += 1
        return self.cseq

    def say(self, type_: str, body: str) -> None:
        """One line about the call."""
        self.source.emit(type_, body, self.owner)

    def join(self, type_: PartyType, role: str, dn: str, state: str, agent: int | None = None) -> Party:
        """A party appears on the call, in its first state."""
        now = self.source.clock()
        connected_at = now if state == "connected" else None
        party = Party(self, self.guids.next(), type_, role, dn, agent, state, now, connected_at=connected_at)
        self.parties.append(party)
        party.tell("created")
        return party

    def answer(self, customer: Party) -> None:
        """The customer is on the line: what an agent waited here until now was no talk."""
        customer.become("connected")
        self.answered = now = self.source.clock()
        for party in self.parties:
            if party.role == "agent" and party.state == "connected":
                party.engaged_ms = now - party.since

    def attach(
        self,
        key: str,
        value: str | None,
        *,
        change: str = "added",
        party: Party | None = None,
        secure: bool = False,
    ) -> None:
        """User data is added, updated or deleted."""
        self.say(
            "userdata",
            f'"callid":"{self.callid}","cseq":{self.step()},"change":"{change}","keyname":"{key}","value":{text(value)}'
            + optional(partyid=party.guid if party else None)
            + (',"secure":true' if secure else ""),
        )

    def end(self, merged_into: Call | None = None) -> None:
        """The call ends, or goes over into another one; parties in after-call work stay."""
        for party in self.parties:
            if party.state not in ("released", "acw"):
                party.become("released")
        if merged_into is not None:
            self._tell("merged", merged_into)
        self._tell("terminated")

    def _tell(self, change: str, other: Call | None = None) -> None:
        parent = self.parent.callid if self.parent else None
        self.say(
            "call",
            f'"callid":"{self.callid}","cseq":{self.step()},"change":"{change}","switchid":{self.switch},'
            f'"calltype":{self.kind.value},"connid":"{self.connid}","irid":"{self.irid}","media":"{self.media}"'
            + lines.optional(parentcallid=parent, mergecallid=other.callid if other else None),
        )
