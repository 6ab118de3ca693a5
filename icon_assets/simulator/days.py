"""The days of a contact centre: when groups are loaded and unloaded, when agents come and go."""

from __future__ import annotations

from collections.abc import Generator

import simpy
from simpy import Event

from icon_assets.simulator import dialling, scenario, times
from icon_assets.simulator.agents import Agent, AgentPool
from icon_assets.simulator.faults import Faults
from icon_assets.simulator.session import CampaignGroup, Session
from icon_assets.simulator.world import World

Work = Generator[Event, object, None]
_LAST_WORDS = 4 * times.HOUR  # calls that outlive a forced unload, late results
_BREAK = 10 * times.MINUTE


class Days:
    """Drives a world through its days."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._env = world.env
        self._faults = Faults(world)

    def run(self) -> Work:
        """Everything from the opening to the last word."""
        world, env = self._world, self._env
        for ocs in world.ocs:
            env.process(ocs.metrics())
            if ocs.backup:
                env.process(ocs.backup.metrics())
        env.process(self._cut_batches())
        self._faults.schedule()
        yield env.all_of([env.process(self._campaign(unit)) for unit in world.units])
        yield env.timeout(_LAST_WORDS)
        self._flush()

    def _flush(self) -> None:
        for source in self._world.sources:
            for feed in source.feeds:
                feed.flush()

    def _cut_batches(self) -> Work:
        while True:
            yield self._env.timeout(self._world.plan.batch_minutes * times.MINUTE)
            self._flush()

    def _until(self, ms: int) -> Event:
        return self._env.timeout(max(0, ms - int(self._env.now)))

    def _campaign(self, unit: CampaignGroup) -> Work:
        for day in range(self._world.plan.days):
            midnight = self._world.first + day * times.DAY
            if unit.plan.fresh_list and day:
                unit.calling_list.refill()
            for run in unit.plan.runs:
                yield self._until(midnight + times.clock(run.load))
                start, stop = midnight + times.clock(run.start), midnight + times.clock(run.stop)
                for agent in unit.agents.agents:
                    self._env.process(self._shift(unit.agents, agent, start - 5 * times.MINUTE, stop))
                yield from self._sessions(unit, run, midnight)

    def _sessions(self, unit: CampaignGroup, run: scenario.Run, midnight: int) -> Work:
        """One session; another one each time that an OCS dies and nobody takes the session over."""
        stop = midnight + times.clock(run.stop)
        while self._env.now < stop:
            while not unit.ocs.up:
                yield self._env.timeout(times.SECOND)
            session = Session(unit)
            living = self._env.process(self._session(session, run, midnight))
            self._faults.living[session.guid] = living
            try:
                yield living
            except simpy.Interrupt:
                continue
            finally:
                del self._faults.living[session.guid]
            return

    def _session(self, session: Session, run: scenario.Run, midnight: int) -> Work:
        start, stop = midnight + times.clock(run.start), midnight + times.clock(run.stop)
        session.load()
        yield self._until(start)
        yield from self._ocs_lives(session)
        session.start()
        self._env.process(dialling.run(session))
        for change in session.plan.changes:
            moment = midnight + times.clock(change.at)
            if start < moment < stop and moment > self._env.now:
                yield self._until(moment)
                yield from self._ocs_lives(session)
                session.change(change)
        yield self._until(stop)
        yield from self._ocs_lives(session)
        session.stop()
        yield self._env.timeout(times.MINUTE)
        yield from session.unload(graceful=run.unload == "graceful")

    def _ocs_lives(self, session: Session) -> Work:
        """While one OCS takes over from another, the group's commands wait."""
        while not session.ocs.up:
            yield self._env.timeout(times.SECOND)

    def _shift(self, pool: AgentPool, agent: Agent, start: int, end: int) -> Work:
        """Logs in around the start, takes one break, leaves after the end of the run."""
        yield self._until(start + agent.luck.below(4 * times.MINUTE))
        pool.log_in(agent)
        yield self._until(start + agent.luck.below(max(1, end - start - 3 * _BREAK)))
        pool.log_out(agent)
        yield self._env.timeout(_BREAK)
        if self._env.now < end:
            pool.log_in(agent)
        yield self._until(end + 2 * _BREAK)
        pool.log_out(agent)
