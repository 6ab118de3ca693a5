"""Calls and parties as a T-Server or an Interaction Server sees and reports them."""

from __future__ import annotations

from dataclasses import dataclass, field

from icon_assets.simulator import lines
from icon_assets.simulator.codes import CallType, PartyType
from icon_assets.simulator.feed import Source
from icon_assets.simulator.randomness import Guids

ATTEMPT_KEY = "GSW_CALL_ATTEMPT_GUID"


@dataclass(slots=True, eq=False)
class Party:
    """One party of one call.

    `spent`: ms in each state it has left; `since`: true time of the present one; `engaged_ms`: time connected
    before a customer was on the line.
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

    def become(self, state: str) -> None:
        """Enters a state and says so; `released` is the last."""
        now = int(self.call.source.env.now)
        self.spent[self.state] = self.spent.get(self.state, 0) + now - self.since
        self.state, self.since = state, now
        self.pseq += 1
        self._tell("terminated" if state == "released" else "changed")

    def appear(self) -> None:
        self._tell("created")

    def _tell(self, change: str) -> None:
        call = self.call
        call.cseq += 1
        call.source.emit(
            "party",
            lines.party(
                self.guid,
                call.callid,
                self.pseq,
                call.cseq,
                change,
                self.type.value,
                self.role,
                self.state,
                self.dn,
                self.agent,
            ),
        )


class Call:
    """A voice call, or an interaction of the Interaction Server (`media` tells)."""

    __slots__ = (
        "answered",
        "callid",
        "cseq",
        "ended",
        "guids",
        "irid",
        "kind",
        "media",
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
        parent: Call | None = None,
        media: str = "voice",
    ) -> None:
        self.source = source
        self.guids = guids
        self.switch = switch
        self.kind = kind
        self.parent = parent
        self.media = media
        self.callid = guids.next()
        self.irid = parent.irid if parent else guids.next()
        self.cseq = 0
        self.parties: list[Party] = []
        self.answered: int | None = None
        self.ended: int | None = None
        self._tell("created")

    def join(self, type_: PartyType, role: str, dn: str, state: str, agent: int | None = None) -> Party:
        """A party appears on the call, in its first state."""
        party = Party(self, self.guids.next(), type_, role, dn, agent, state, int(self.source.env.now))
        self.parties.append(party)
        party.appear()
        return party

    def answer(self, customer: Party) -> None:
        """The customer is on the line: what an agent waited here until now was no talk."""
        customer.become("connected")
        self.answered = now = int(self.source.env.now)
        for party in self.parties:
            if party.role == "agent" and party.state == "connected":
                party.engaged_ms = now - party.since

    def attach(self, key: str, value: str) -> None:
        """User data; `value` must need no escaping."""
        self.cseq += 1
        self.source.emit("userdata", lines.userdata(self.callid, self.cseq, key, f'"{value}"', None))

    def end(self, merged_into: Call | None = None) -> None:
        """The call ends, or goes over into another one; parties in after-call work stay."""
        for party in self.parties:
            if party.state not in ("released", "acw"):
                party.become("released")
        self.ended = int(self.source.env.now)
        if merged_into is not None:
            self._tell("merged", merged_into)
        self._tell("terminated")

    def _tell(self, change: str, other: Call | None = None) -> None:
        self.cseq += 1
        parent = self.parent.callid if self.parent else None
        self.source.emit(
            "call",
            f'"callid":"{self.callid}","cseq":{self.cseq},"change":"{change}","switchid":{self.switch},'
            f'"calltype":{self.kind.value},"irid":"{self.irid}"'
            + lines.optional(
                parentcallid=parent, mergecallid=other.callid if other else None, media=self.media
            ),
        )
