"""Faults of servers and links, and changes of the configuration, at their times."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event, Process

from icon_assets.simulator import dialling, times
from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.agents import Agent
from icon_assets.simulator.codes import Connected
from icon_assets.simulator.feed import Feed
from icon_assets.simulator.ocs import Ocs
from icon_assets.simulator.world import World

Work = Generator[Event, object, None]


class Faults:
    """Makes the faults of a scenario happen; `living`: by GUID the processes of sessions."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._env = world.env
        self.living: dict[str, Process] = {}

    def schedule(self) -> None:
        """One process a fault, and one for each ICON that is started later."""
        for fault in self._world.plan.faults:
            self._env.process(self._at(fault.at, self._happen(fault)))
        for place, icon in enumerate(self._world.plan.icons):
            if icon.since is not None:
                self._env.process(self._at(icon.since, self._start_icon(place)))

    def _at(self, moment: str, work: Work) -> Work:
        day, _, clock = moment.rpartition(" ")
        ms = self._world.first + (int(day or 1) - 1) * times.DAY + times.clock(clock)
        yield self._env.timeout(max(0, ms - int(self._env.now)))
        yield from work

    def _happen(self, fault: plans.Fault) -> Work:
        match fault:
            case plans.OcsRestart():
                yield from self._ocs_restart(fault)
            case plans.Switchover():
                yield from self._switchover(fault)
            case plans.Disconnect():
                yield from self._disconnect(fault)
            case plans.SwitchLink():
                feeds = self._world.tservers[fault.tserver].feeds
                yield from self._silence(feeds, fault.minutes, Connected.SWITCH_RECONNECTED)
            case plans.IconRestart():
                feeds = [feed for feed in self._world.feeds.get(fault.icon, []) if feed.connected]
                yield from self._silence(feeds, fault.minutes, Connected.FIRST)
                self._read_fields()
            case plans.Logout():
                yield from self._logout(fault)
            case _:
                self._change(fault)

    def _change(self, fault: plans.Fault) -> None:
        """What happens at once."""
        match fault:
            case plans.Reconfigure():
                field = self._world.units[fault.campaign].calling_list.fields[fault.field]
                field.attribute = fault.attribute
                self._world.say.field(field)
            case plans.Rename():
                self._world.say.object("campaign", self._world.units[fault.campaign].dbid, fault.name)
            case plans.Dismiss():
                self._world.say.agent(self._world.units[fault.campaign].agents.agents[fault.agent], "deleted")
            case plans.ClockStep():
                self._world.ocs[fault.ocs].source.skew_ms += fault.seconds * times.SECOND

    def _read_fields(self) -> None:
        for unit in self._world.units:
            for field in unit.calling_list.fields:
                field.in_force = field.attribute

    def _start_icon(self, place: int) -> Work:
        for feed in self._world.feeds.get(place, []):
            feed.connect(Connected.FIRST)
        yield from ()

    def _silence(self, feeds: list[Feed], minutes: int, why: Connected) -> Work:
        for feed in feeds:
            feed.disconnect()
        yield self._env.timeout(minutes * times.MINUTE)
        for feed in feeds:
            feed.connect(why)

    def _disconnect(self, fault: plans.Disconnect) -> Work:
        servers = self._world.tservers
        source = servers[fault.place] if fault.server == "tserver" else self._world.ocs[fault.place].source
        feeds = [feed for feed in self._world.feeds.get(fault.icon, []) if feed.source is source]
        yield from self._silence(feeds, fault.minutes, Connected.RECONNECT)

    def _die(self, ocs: Ocs) -> None:
        ocs.up = False
        for session in ocs.sessions.values():
            session.lose_ocs()
        for feed in ocs.source.feeds:
            feed.disconnect()

    def _ocs_restart(self, fault: plans.OcsRestart) -> Work:
        ocs = self._world.ocs[fault.ocs]
        self._die(ocs)
        self._end_sessions(ocs)
        yield self._env.timeout(fault.minutes * times.MINUTE)
        ocs.up = True
        ocs.life += 1
        for feed in ocs.source.feeds:
            feed.connect(Connected.RESTARTED)

    def _end_sessions(self, ocs: Ocs) -> None:
        for session in ocs.sessions.values():
            session.dead = True
            ocs.books.open_session(session)
            self.living[session.guid].interrupt()
        ocs.sessions.clear()

    def _switchover(self, fault: plans.Switchover) -> Work:
        ocs = self._world.ocs[fault.ocs]
        backup = ocs.backup
        if backup is None:
            raise ValueError(f"the scenario gives OCS {fault.ocs} no backup to switch over to")
        self._die(ocs)
        for unit in self._world.units:
            if unit.ocs is ocs:
                unit.ocs = backup
        backup.up = False
        if not fault.same_session:
            self._end_sessions(ocs)
        yield self._env.timeout(fault.seconds * times.SECOND)
        backup.up = True
        for feed in backup.source.feeds:
            feed.connect(Connected.SWITCHOVER)
        for session in list(ocs.sessions.values()):
            session.taken_over(backup)
            if session.dialling:
                self._env.process(dialling.run(session))
        ocs.sessions.clear()

    def _logout(self, fault: plans.Logout) -> Work:
        pool = self._world.units[fault.campaign].agents
        staying = [agent for agent in pool.agents if agent.logged_in]
        gone: list[Agent] = []
        while staying:
            yield self._env.timeout(times.SECOND)
            for agent in [agent for agent in staying if agent.desk is not None or not agent.logged_in]:
                staying.remove(agent)
                if agent.desk is not None and not agent.desk.triggered:
                    gone.append(agent)
                    pool.log_out(agent)
                    agent.desk.succeed()
        yield self._env.timeout(fault.minutes * times.MINUTE)
        for agent in gone:
            pool.log_in(agent)
