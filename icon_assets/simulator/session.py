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
from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import (
    CampaignState,
    Cause,
    ChainState,
    DialMode,
    Optimization,
    RecordStatus,
    RecordType,
)
from icon_assets.simulator.lines import optional
from icon_assets.simulator.lists import CallingList, Record
from icon_assets.simulator.times import MINUTE, next_time_in

if TYPE_CHECKING:
    from icon_assets.simulator.ocs import Ocs
    from icon_assets.simulator.world import World


@dataclass(eq=False)
class CampaignGroup:
    """A campaign as configured, with the group that works on it and its list; `ports` of its IVR."""

    plan: scenario.Campaign
    dbid: int
    group: int
    calling_list: CallingList
    pool: AgentPool
    ports: AgentPool
    switch: int


class Session:
    """One run of a campaign group from load to unload, with a GUID of its own."""

    def __init__(self, world: World, ocs: Ocs, unit: CampaignGroup) -> None:
        self.world = world
        self.env = world.env
        self.guids = world.guids
        self.ocs = ocs
        self.unit = unit
        self.plan = unit.plan
        self.switch = unit.switch
        self.pool = unit.ports if DialMode[unit.plan.mode.upper()].to_ivr else unit.pool
        self.guid = self.guids.next()
        self.ids = (
            f'"sessid":"{self.guid}","campaignid":{unit.dbid},"groupid":{unit.group},'
            f'"callinglistid":{unit.calling_list.dbid},"switchid":{unit.switch}'
        )
        self.state = CampaignState.NULL
        self.mode = DialMode[self.plan.mode.upper()]
        self.target = Optimization[self.plan.target.upper()]
        self.value = self.plan.value
        self.placing = 0
        self.engaged = 0
        self.in_flight = 0
        self.dials = 0
        self.answers = 0
        self.overdials = 0
        self.loaded_at = self.ended_at = 0
        self.started_ms = 0
        self.chains: dict[str, Chain] = {}
        self._ready: deque[tuple[Chain, Record]] = deque()
        self._later: list[tuple[int, int, Chain, Record]] = []
        self._pushed = 0
        self._seq = 0
        self._entered = 0
        self._mode_entered = 0
        self._drained: Event | None = None
        self._buffer = max(16, 5 * len(self.pool.agents))

    # The states.

    def load(self) -> None:
        """Loaded, with the first records in the buffer."""
        self.loaded_at = self._mode_entered = self.ocs.source.clock()
        self._enter(CampaignState.LOADED, properties=True)
        self.ocs.sessions[self.guid] = self
        self.refill()

    def start(self) -> None:
        self._enter(CampaignState.STARTED)
        self.env.process(self.world.dialler(self))

    def stop(self) -> None:
        if self.state is CampaignState.STARTED:
            self._enter(CampaignState.LOADED)

    def change(self, change: scenario.Change) -> None:
        """Dial mode or target change; said with what was before."""
        before = (self.mode, self.target, self.value)
        if change.mode is not None:
            self.mode = DialMode[change.mode.upper()]
        if change.target is not None:
            self.target = Optimization[change.target.upper()]
        if change.value is not None:
            self.value = change.value
        self._seq += 1
        body = f'"sessid":"{self.guid}","seq":{self._seq}'
        if self.mode is not before[0]:
            entered = self.ocs.source.stamp(self._mode_entered)
            body += f',"dialmode":{self.mode.value},"prevdialmode":{before[0].value},"prevdmts":{entered}'
            self._mode_entered = self.ocs.source.clock()
        if (self.target, self.value) != before[1:]:
            body += optional(
                optimmode=self.target.value,
                optimvalue=self.value,
                prevoptimmode=before[1].value,
                prevoptimvalue=before[2],
            )
        self.ocs.source.emit("campaign_property", body)

    def unload(self, *, graceful: bool) -> Generator[Event, object, None]:
        """Scheduled chains go back to the list; graceful waits for those in processing, forced drops them."""
        self.stop()
        if graceful:
            self._enter(CampaignState.UNLOADING)
        for chain in list(self.chains.values()):
            if not graceful or chain.state is ChainState.SCHEDULED:
                self.close(chain, Cause.UNLOADED if graceful else Cause.FORCED, unloaded=True)
        self._ready.clear()
        self._later.clear()
        if graceful and self.in_flight:
            self._drained = self.env.event()
            yield self._drained
        self._enter(CampaignState.NULL, Cause.UNLOADED if graceful else Cause.FORCED)
        self.ended_at = self.ocs.source.clock()
        del self.ocs.sessions[self.guid]
        self.world.truth.session(self)

    def _enter(self, state: CampaignState, cause: Cause | None = None, *, properties: bool = False) -> None:
        source = self.ocs.source
        if self.state is CampaignState.STARTED:
            self.started_ms += source.clock() - self._entered
        self._seq += 1
        body = (
            f'"sessid":"{self.guid}","campaignid":{self.unit.dbid},"groupid":{self.unit.group},"seq":{self._seq},'
            f'"state":{state.value}'
        )
        if self._seq > 1:
            body += f',"prevstate":{self.state.value},"prevts":{source.stamp(self._entered)}'
        body += optional(cause=cause.value if cause else None)
        if properties:
            body += optional(dialmode=self.mode.value, optimmode=self.target.value, optimvalue=self.value)
        self.state, self._entered = state, source.clock()
        source.emit("campaign", body)

    # The buffer of chains.

    def refill(self) -> None:
        """Loads chains until the buffer is full; bounded, however many wait for later."""
        now = int(self.env.now)
        while len(self._ready) < self._buffer and len(self.chains) < 6 * self._buffer:
            customer = self.unit.calling_list.take(now + 60 * MINUTE)
            if customer is None:
                return
            chain = Chain(self, customer)
            self.chains[chain.guid] = chain
            record = customer.next or next(record for record in customer.records if not record.done)
            self.put(chain, record, record.due)

    def put(self, chain: Chain, record: Record, due: int | None) -> None:
        """A scheduled chain waits for its turn, or for `due` (ms)."""
        chain.customer.next = record
        if due is None or due <= self.env.now:
            self._ready.append((chain, record))
        else:
            self._pushed += 1
            heappush(self._later, (due, self._pushed, chain, record))

    def next(self) -> tuple[Chain, Record] | None:
        """The next chain and record to dial, within the record's hours; None if nothing may be dialled now."""
        now = int(self.env.now)
        while self._later and self._later[0][0] <= now:
            _, _, chain, record = heappop(self._later)
            self._ready.append((chain, record))
        if len(self._ready) < self._buffer // 2:
            self.refill()
        while self._ready:
            chain, record = self._ready.popleft()
            opens = next_time_in(
                chain.customer.zone, now, self.unit.calling_list.first, self.unit.calling_list.last
            )
            if opens == now:
                return chain, record
            self.put(chain, record, opens)
        return None

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
            self.unit.calling_list.give_back(chain.customer)
        self.world.truth.chain(chain, cause)

    def leave(self, attempt: Attempt) -> None:
        """An attempt is over as far as OCS is concerned."""
        self.in_flight -= 1
        if not self.in_flight and self._drained is not None:
            self._drained.succeed()
            self._drained = None
