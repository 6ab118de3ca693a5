"""A campaign group in the dialler: its states, its buffer of chains, and what OCS says about both."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from simpy import Event

from icon_assets.simulator import scenario
from icon_assets.simulator.agents import AgentPool
from icon_assets.simulator.chain import Chain
from icon_assets.simulator.codes import (
    CampaignState,
    Cause,
    ChainState,
    DialMode,
    Optimization,
    RecordStatus,
    RecordType,
)
from icon_assets.simulator.feed import Source
from icon_assets.simulator.lines import optional
from icon_assets.simulator.lists import CallingList, Record
from icon_assets.simulator.times import MINUTE, next_time_in

if TYPE_CHECKING:
    from icon_assets.simulator.ocs import Ocs

_OPEN = 12  # times the buffer: chains open at most, most of which wait for a later try


@dataclass(eq=False)
class CampaignGroup:
    """A campaign as configured, with its list, the group that works on it, and the servers that serve it now.

    `stored`: an ICON takes its outbound data.
    """

    plan: scenario.Campaign
    dbid: int
    group: int
    calling_list: CallingList
    agents: AgentPool
    ports: AgentPool
    switch: int
    tserver: Source
    ixn: Source
    ocs: Ocs
    stored: bool


class Session:
    """One run of a campaign group from load to unload, with a GUID of its own.

    `placing`: ports that place a call, `engaged`: ports with a
    call that was placed; `answers`, `overdials`: what the pacing looks at; `told`: when it last entered a
    state, with `ended` and `started_ms` by OCS's clock; `dead`: its OCS died.
    """

    def __init__(self, unit: CampaignGroup) -> None:
        self.unit = unit
        self.plan = unit.plan
        self.ocs = unit.ocs
        self.env = unit.ocs.source.env
        self.guids = unit.ocs.guids
        self.switch = unit.switch
        self.mode = DialMode[self.plan.mode.upper()]
        self.target = Optimization[self.plan.target.upper()]
        self.value = self.plan.value
        self.pool = unit.ports if self.mode.to_ivr else unit.agents
        self.guid: str = self.guids.next()
        self.ids = (
            f'"sessid":"{self.guid}","campaignid":{unit.dbid},"groupid":{unit.group},'
            f'"callinglistid":{unit.calling_list.dbid},"switchid":{unit.switch}'
        )
        self.state = CampaignState.NULL
        self.dead = False
        self.placing = 0
        self.engaged = 0
        self.answers = 0
        self.overdials = 0
        self.started_ms = 0
        self.ended = 0
        self.told = 0
        self.chains: dict[str, Chain] = {}
        self._ready: deque[tuple[Chain, Record]] = deque()
        self._later: list[tuple[int, int, Chain, Record]] = []
        self._pushed = 0
        self._drained: Event | None = None
        self._seq = 0
        self._mode_entered = 0
        self._buffer = max(16, 5 * len(self.pool.agents))

    @property
    def dialling(self) -> bool:
        """Started, with an OCS that lives."""
        return self.state is CampaignState.STARTED and self.ocs.up and not self.dead

    # The states.

    def load(self) -> None:
        """Loaded, with the first records in the buffer."""
        self.ocs.sessions[self.guid] = self
        self._mode_entered = self.ocs.source.clock()
        self._enter(CampaignState.LOADED, properties=True)
        self.refill()

    def start(self) -> None:
        """Started; the dialler is told by whoever calls this."""
        self._enter(CampaignState.STARTED)

    def stop(self) -> None:
        """Loaded again."""
        if self.state is CampaignState.STARTED:
            self._enter(CampaignState.LOADED)

    def change(self, change: scenario.Change) -> None:
        """Dial mode or target change; said with what was before."""
        mode, target, value = self.mode, self.target, self.value
        if change.mode is not None:
            self.mode = DialMode[change.mode.upper()]
        if change.target is not None:
            self.target = Optimization[change.target.upper()]
        if change.value is not None:
            self.value = change.value
        source = self.ocs.source
        self._seq += 1
        body = f'"sessid":"{self.guid}","seq":{self._seq}'
        if self.mode is not mode:
            entered = source.stamp(self._mode_entered)
            body += f',"dialmode":{self.mode.value},"prevdialmode":{mode.value},"prevdmts":{entered}'
            self._mode_entered = source.clock()
        if (self.target, self.value) != (target, value):
            body += f',"optimmode":{self.target.value},"optimvalue":{self.value}'
            body += f',"prevoptimmode":{target.value},"prevoptimvalue":{value}'
        source.emit("campaign_property", body, self)

    def unload(self, *, graceful: bool) -> Generator[Event, object, None]:
        """Scheduled chains go back to the list; graceful waits for those in processing, forced drops them."""
        self.stop()
        cause = Cause.UNLOADED if graceful else Cause.FORCED
        waiting = [chain for chain in self.chains.values() if chain.state is ChainState.SCHEDULED]
        if graceful and len(waiting) < len(self.chains):
            self._enter(CampaignState.UNLOADING)
        for chain in waiting if graceful else list(self.chains.values()):
            self._free(chain)
            self.close(chain, cause, unloaded=True)
        self._ready.clear()
        self._later.clear()
        if self.chains:
            self._drained = self.env.event()
            yield self._drained
        self._enter(CampaignState.NULL, cause)
        self.ended = self.told
        del self.ocs.sessions[self.guid]
        self.ocs.books.session(self)

    def lose_ocs(self) -> None:
        """The OCS is dead: nothing more is said of its chains, and their records are free again."""
        for chain in self.chains.values():
            self._free(chain)
            chain.abandon()
            self.unit.calling_list.give_back(chain.customer)
            self.ocs.books.open_chain(chain)
        self.chains.clear()
        self._ready.clear()
        self._later.clear()

    def taken_over(self, ocs: Ocs) -> None:
        """The standby goes on with this session, and counts its notices anew."""
        self.ocs = ocs
        ocs.sessions[self.guid] = self
        self._seq = 0
        self._enter(self.state)
        if self.state is CampaignState.UNLOADING:
            self._drain()
        else:
            self.refill()

    def _enter(self, state: CampaignState, cause: Cause | None = None, *, properties: bool = False) -> None:
        source = self.ocs.source
        if self.state is CampaignState.STARTED:
            self.started_ms += source.clock() - self.told
        self._seq += 1
        body = (
            f'"sessid":"{self.guid}","campaignid":{self.unit.dbid},"groupid":{self.unit.group},'
            f'"seq":{self._seq},"state":{state.value}'
        )
        if self._seq > 1:
            body += f',"prevstate":{self.state.value},"prevts":{source.stamp(self.told)}'
        if cause is not None:
            body += f',"cause":{cause.value}'
        if properties:
            body += optional(dialmode=self.mode.value, optimmode=self.target.value, optimvalue=self.value)
        self.state, self.told = state, source.clock()
        source.emit("campaign", body, self)

    # The buffer of chains.

    def refill(self) -> None:
        """Loads chains until the buffer is full; bounded, however many wait for later."""
        until = int(self.env.now) + 60 * MINUTE
        while len(self._ready) < self._buffer and len(self.chains) < _OPEN * self._buffer:
            customer = self.unit.calling_list.take(until)
            if customer is None:
                return
            chain = Chain(self, customer)
            self.chains[chain.guid] = chain
            record = customer.next or next(each for each in customer.records if not each.done)
            self.put(chain, record, customer.due(record))

    def put(self, chain: Chain, record: Record, due: int | None) -> None:
        """A scheduled chain waits for its turn, or for `due` (ms)."""
        chain.customer.next = record
        if due is None or due <= self.env.now:
            self._ready.append((chain, record))
        else:
            self._pushed += 1
            heappush(self._later, (due, self._pushed, chain, record))

    def next(self) -> tuple[Chain, Record] | None:
        """The next chain and record that may be dialled at this hour; None if there is none."""
        now = int(self.env.now)
        while self._later and self._later[0][0] <= now:
            _, _, chain, record = heappop(self._later)
            self._ready.append((chain, record))
        if len(self._ready) < self._buffer // 2:
            self.refill()
        while self._ready:
            chain, record = self._ready.popleft()
            opens = self.opens(chain)
            if opens == now:
                return chain, record
            self.put(chain, record, opens)
        return None

    def opens(self, chain: Chain) -> int:
        """When the customer may be called: now, or at the beginning of the hours allowed."""
        hours = chain.customer.calling_list
        return next_time_in(chain.customer.zone, int(self.env.now), hours.first, hours.last)

    def follow(
        self, chain: Chain, record: Record, minutes: int, kind: RecordType, agent: int | None = None
    ) -> None:
        """The chain goes on with `record` after `minutes`: here, or after the next load when unloading."""
        due = int(self.env.now) + minutes * MINUTE
        if self.state is CampaignState.UNLOADING:
            record.type, record.due, record.agent = kind, due, agent
            record.status = RecordStatus.RETRIEVED
            chain.customer.next = record
            self.close(chain, Cause.UNLOADED, unloaded=True)
        else:
            chain.schedule(record, due, kind, agent)
            self.put(chain, record, due)

    def close(self, chain: Chain, cause: Cause, *, unloaded: bool = False) -> None:
        """The chain ends; an unfinished customer goes back to the list."""
        chain.finish(cause, unloaded=unloaded)
        del self.chains[chain.guid]
        if unloaded:
            chain.customer.calling_list.give_back(chain.customer)
        self.ocs.books.chain(chain)
        if not self.chains:
            self._drain()

    def _drain(self) -> None:
        if self._drained is not None:
            self._drained.succeed()
            self._drained = None

    def _free(self, chain: Chain) -> None:
        """A record in processing may be dialled again in half an hour: its call may go on until then."""
        customer = chain.customer
        if customer.next is None:
            customer.next = chain.attempts[-1].record
            customer.rest = int(self.env.now) + 30 * MINUTE
