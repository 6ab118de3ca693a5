"""A scenario made into objects: servers, feeds, campaigns, agents; and the days they live through."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import simpy
from simpy import Event

from icon_assets.simulator import dialling, scenario, times
from icon_assets.simulator.agents import Agent, AgentPool
from icon_assets.simulator.codes import Connected
from icon_assets.simulator.configuration import TENANT, Configuration
from icon_assets.simulator.feed import Feed, Sink, Source
from icon_assets.simulator.lists import CallingList
from icon_assets.simulator.ocs import Ocs
from icon_assets.simulator.randomness import Guids, Stream
from icon_assets.simulator.session import CampaignGroup, Session
from icon_assets.simulator.truth import Truth

if TYPE_CHECKING:
    from icon_assets.simulator.scenario import Scenario

Work = Generator[Event, object, None]
_CONFIG, _OCS, _TSERVER, _IXN, _ICON, _SWITCH = 99, 101, 201, 251, 301, 7
_CAMPAIGN, _GROUP, _LIST, _FORMAT, _FIELD, _AGENT = 5001, 5101, 6001, 7001, 8001, 9001
_OPENS = 6 * times.HOUR


class World:
    """One contact centre; attributes are what the behaviours share."""

    def __init__(self, plan: Scenario, seed: int, sink: Sink) -> None:
        self.plan = plan
        self.seed = seed
        self.guids = Guids(seed)
        self.truth = Truth()
        self.first = times.midnight(plan.start)
        self.env = simpy.Environment(self.first + _OPENS)
        self._sink = sink
        self.config = self._source("config", _CONFIG)
        self.tservers = [self._source("tserver", _TSERVER + place) for place in range(plan.switches)]
        self.ixn = self._source("ixn", _IXN)
        self.ocs = [
            Ocs(self._source("ocs", _OCS + place, ocs.release), self.truth)
            for place, ocs in enumerate(plan.ocs)
        ]
        self.units = [self._unit(place, campaign) for place, campaign in enumerate(plan.campaigns)]
        self.dialler = dialling.run
        self._connect()
        self._configure()

    @property
    def sources(self) -> list[Source]:
        return [self.config, *(ocs.source for ocs in self.ocs), *self.tservers, self.ixn]

    def tserver(self, switch: int) -> Source:
        return self.tservers[switch - _SWITCH]

    def _source(self, kind: str, dbid: int, release: str = "8.1.5") -> Source:
        return Source(self.env, kind, dbid, release)

    def _connect(self) -> None:
        """A feed for each ICON and each source it hears; configuration and interactions go to the first ICON."""
        for place, icon in enumerate(self.plan.icons):
            heard = [self.ocs[number].source for number in icon.ocs]
            heard += [self.tservers[number] for number in icon.tservers or range(self.plan.switches)]
            if place == 0:
                heard = [self.config, *heard]
                if any(campaign.mode == "push_preview" for campaign in self.plan.campaigns):
                    heard.append(self.ixn)
            for source in heard:
                feed = Feed(source, _ICON + place if icon.feed else None, self.plan.batch_events, self._sink)
                source.feeds.append(feed)
                source.connect(feed, Connected.FIRST)

    def _unit(self, place: int, plan: scenario.Campaign) -> CampaignGroup:
        fields = [_FIELD + 20 * place + number for number in range(plan.custom_fields)]
        calling_list = CallingList(
            _LIST + place, f"{plan.name}, list", _FORMAT + place, fields, plan, self.seed
        )
        agents = self._agents("agent", _AGENT + 500 * place, plan.agents)
        ports = self._agents("port", 100_000 + 500 * place, plan.ports)
        for port in ports.agents:
            ports.log_in(port)
        return CampaignGroup(
            plan, _CAMPAIGN + place, _GROUP + place, calling_list, agents, ports, _SWITCH + plan.switch
        )

    def _agents(self, kind: str, first: int, count: int) -> AgentPool:
        people = [
            Agent(dbid, str(dbid - 2000), Stream(self.seed, kind, dbid))
            for dbid in range(first, first + count)
        ]
        return AgentPool(self.env, people)

    def _configure(self) -> None:
        say = Configuration(self.config)
        say.object("tenant", TENANT, "Anywhere plc")
        for place, source in enumerate(self.tservers):
            say.object("switch", _SWITCH + place, f"site-{place + 1}")
            say.object(
                "application",
                source.dbid,
                f"sip-server-{place + 1}",
                role="tserver",
                switchid=_SWITCH + place,
            )
        for place, ocs in enumerate(self.ocs):
            say.object("application", ocs.source.dbid, f"ocs-{place + 1}", role="ocs")
        for unit in self.units:
            say.campaign(unit)

    # The days.

    def run(self) -> Work:
        """Everything from the opening to the last word; the environment runs until this ends."""
        for ocs in self.ocs:
            self.env.process(ocs.metrics())
        self.env.process(self._cut_batches())
        days = [self.env.process(self._campaign(unit)) for unit in self.units]
        yield self.env.all_of(days)
        yield self.env.timeout(4 * times.HOUR)  # calls that outlive a forced unload, late results
        for source in self.sources:
            for feed in source.feeds:
                feed.flush()

    def _cut_batches(self) -> Work:
        while True:
            yield self.env.timeout(self.plan.batch_minutes * times.MINUTE)
            for source in self.sources:
                for feed in source.feeds:
                    feed.flush()

    def _campaign(self, unit: CampaignGroup) -> Work:
        for day in range(self.plan.days):
            midnight = self.first + day * times.DAY
            if unit.plan.fresh_list and day:
                unit.calling_list.refill()
            for run in unit.plan.runs:
                yield from self._session(unit, run, midnight)

    def _until(self, ms: int) -> Event:
        return self.env.timeout(max(0, ms - int(self.env.now)))

    def _session(self, unit: CampaignGroup, run: scenario.Run, midnight: int) -> Work:
        at = {name: midnight + times.clock(getattr(run, name)) for name in ("load", "start", "stop")}
        yield self._until(at["load"])
        session = Session(self, self.ocs[unit.plan.ocs], unit)
        session.load()
        for agent in unit.pool.agents:
            self.env.process(self._shift(unit.pool, agent, at["start"] - 5 * times.MINUTE, at["stop"]))
        yield self._until(at["start"])
        session.start()
        for change in unit.plan.changes:
            moment = midnight + times.clock(change.at)
            if at["start"] < moment < at["stop"]:
                yield self._until(moment)
                session.change(change)
        yield self._until(at["stop"])
        session.stop()
        yield self.env.timeout(times.MINUTE)
        yield from session.unload(graceful=run.unload == "graceful")
        self.truth.counters(session)

    def _shift(self, pool: AgentPool, agent: Agent, start: int, end: int) -> Work:
        """Logs in around the start, takes one break, leaves after the end of the run."""
        yield self._until(start + agent.luck.below(4 * times.MINUTE))
        pool.log_in(agent)
        rest = start + agent.luck.below(max(1, end - start - 30 * times.MINUTE))
        yield self._until(rest)
        pool.log_out(agent)
        yield self.env.timeout(10 * times.MINUTE)
        if self.env.now < end:
            pool.log_in(agent)
        yield self._until(end + 20 * times.MINUTE)
        pool.log_out(agent)
