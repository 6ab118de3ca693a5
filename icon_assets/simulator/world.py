"""A scenario made into objects: servers, feeds, campaigns, lists, agents."""

from __future__ import annotations

from typing import Any

import simpy

from icon_assets.simulator import scenario, times
from icon_assets.simulator.agents import Agent, AgentPool
from icon_assets.simulator.books.losses import Losses
from icon_assets.simulator.books.truth import Truth
from icon_assets.simulator.codes import Connected, DialMode
from icon_assets.simulator.configuration import Configuration
from icon_assets.simulator.disturbance import Skew
from icon_assets.simulator.feed import Feed, Sink, Source
from icon_assets.simulator.lists import CallingList
from icon_assets.simulator.ocs import Ocs
from icon_assets.simulator.randomness import Guids, Stream
from icon_assets.simulator.scenario import Icon, Scenario
from icon_assets.simulator.session import CampaignGroup

_TENANT, _SWITCH, _CONFIG, _OCS, _BACKUP, _TSERVER, _IXN, _ICON = 1, 7, 99, 101, 151, 201, 251, 301
_CAMPAIGN, _GROUP, _LIST, _FORMAT, _FIELD, _AGENT, _PORT = 5001, 5101, 6001, 7001, 8001, 9001, 50_001
_OPENS = 6 * times.HOUR


class World:
    """One contact centre: what its behaviours share.

    `feeds`: by ICON (its place, None for what is written although no ICON is connected to it).
    """

    def __init__(self, plan: Scenario, seed: int, sink: Sink, losses: Losses) -> None:
        self.plan = plan
        self.guids = Guids(seed)
        self.truth = Truth()
        self.first = times.midnight(plan.start)
        self.env = simpy.Environment(self.first + _OPENS)
        self._seed = seed
        self._sink = sink
        self._losses = losses
        self._switch = plan.dbids + _SWITCH
        self.config = self._source("config", _CONFIG)
        self.tservers = [self._source("tserver", _TSERVER + place) for place in range(plan.switches)]
        self.ixn = self._source("ixn", _IXN)
        self.ocs = [self._ocs(place, ocs) for place, ocs in enumerate(plan.ocs)]
        self.units: list[CampaignGroup] = []
        for place, campaign in enumerate(plan.campaigns):
            self.units.append(self._unit(place, campaign))
        self.say = Configuration(self.config, plan.dbids + _TENANT)
        self.feeds: dict[int | None, list[Feed]] = {}
        self._open()

    @property
    def sources(self) -> list[Source]:
        """All servers, in the order of their opening."""
        backups = [ocs.backup.source for ocs in self.ocs if ocs.backup]
        return [self.config, *(ocs.source for ocs in self.ocs), *backups, *self.tservers, self.ixn]

    # The deployment.

    def _stores(self, ocs: Ocs, switch: int) -> bool:
        """Whether an ICON takes outbound data of this switch from this OCS (guide: deployments)."""
        return any(
            self._hears(icon, ocs) and ((switches := self._switches(icon)) is None or switch in switches)
            for icon in self.plan.icons
        )

    def _switches(self, icon: Icon) -> frozenset[int] | None:
        """Of which an ICON takes outbound data: those of its T-Servers, or all (None) where it has none."""
        return frozenset(self._switch + place for place in icon.tservers) if icon.tservers else None

    def _hears(self, icon: Icon, ocs: Ocs) -> bool:
        if not {"all", "gos"} & set(icon.role.split(",")):
            return False
        return any(
            ocs in (own, own.backup)
            for place, own in enumerate(self.ocs)
            if icon.ocs is None or place in icon.ocs
        )

    def deployment(self) -> dict[str, list[dict[str, Any]]]:
        """The ICONs with their connections by DBID, in the words of the project's own deployment file."""
        return {"icons": [self._declared(place, icon) for place, icon in enumerate(self.plan.icons)]}

    def _declared(self, place: int, icon: Icon) -> dict[str, Any]:
        heard = {feed.source.dbid for feed in self.feeds.get(place, [])}
        return {
            "dbid": self.plan.dbids + _ICON + place,
            "role": icon.role,
            "ocs": [source.dbid for source in self.sources if source.kind == "ocs" and source.dbid in heard],
            "t-servers": {
                source.dbid: switch
                for switch, source in (*enumerate(self.tservers, self._switch), (self._switch, self.ixn))
                if source.dbid in heard
            },
        }

    # Building.

    def _source(self, kind: str, dbid: int, release: str = "8.1.5") -> Source:
        source = Source(self.env, kind, self.plan.dbids + dbid, self._losses, release)
        for harm in self.plan.harms:
            if isinstance(harm, Skew) and harm.source in (None, kind):
                source.skew_ms = harm.ms
        return source

    def _ocs(self, place: int, plan: scenario.Ocs) -> Ocs:
        backup = None
        if plan.backup:
            source = self._source("ocs", _BACKUP + place, plan.release)
            backup = Ocs(source, self.guids, self.truth, plan.repeats)
        source = self._source("ocs", _OCS + place, plan.release)
        return Ocs(source, self.guids, self.truth, plan.repeats, backup)

    def _unit(self, place: int, plan: scenario.Campaign) -> CampaignGroup:
        dbids = self.plan.dbids
        if plan.list_of is None:
            list_id, format_id, field = _LIST + place, _FORMAT + place, _FIELD + 20 * place
            found = CallingList(dbids + list_id, dbids + format_id, dbids + field, plan, self._seed)
        else:
            found = self.units[plan.list_of].calling_list
        agents = AgentPool(self.env, self._agents("agent", dbids + _AGENT + 500 * place, plan.agents))
        ports = AgentPool(self.env, self._agents("port", dbids + _PORT + 500 * place, plan.ports))
        for port in ports.agents:
            ports.log_in(port)
        campaign, group = dbids + _CAMPAIGN + place, dbids + _GROUP + place
        switch, ocs = self._switch + plan.switch, self.ocs[plan.ocs]
        return CampaignGroup(
            plan=plan,
            dbid=campaign,
            group=group,
            calling_list=found,
            agents=agents,
            ports=ports,
            switch=switch,
            tserver=self.tservers[plan.switch],
            ixn=self.ixn,
            ocs=ocs,
            stored=self._stores(ocs, switch),
        )

    def _agents(self, kind: str, first: int, count: int) -> list[Agent]:
        return [
            Agent(dbid, str(dbid - 2000), Stream(self._seed, kind, dbid))
            for dbid in range(first, first + count)
        ]

    def _open(self) -> None:
        """Feeds for each ICON; the configuration is told before any of them hears an OCS."""
        self._feed(None, self.config, icon=None)
        self._configure()
        modes = {campaign.mode for campaign in self.plan.campaigns}
        for place, icon in enumerate(self.plan.icons):
            number = self.plan.dbids + _ICON + place if icon.feed else None
            for at, ocs in enumerate(self.ocs):
                if icon.ocs is None or at in icon.ocs:
                    self._feed(place, ocs.source, number)
                    if ocs.backup:
                        self._feed(place, ocs.backup.source, number, connected=False)
            for at, source in enumerate(self.tservers):
                if icon.tservers is None or at in icon.tservers:
                    self._feed(place, source, number)
            if place == 0 and DialMode.PUSH_PREVIEW.name.lower() in modes:
                self._feed(place, self.ixn, number)
        for ocs in self.ocs:
            ocs.heard = any(self._hears(icon, ocs) for icon in self.plan.icons)
            if ocs.backup:
                ocs.backup.heard = ocs.heard
            if not ocs.source.feeds:
                self._feed(None, ocs.source, icon=None)

    def _feed(self, place: int | None, source: Source, icon: int | None, *, connected: bool = True) -> None:
        feed = Feed(source, icon, self.plan.batch_events, self._sink)
        feed.switches = frozenset() if place is None else self._switches(self.plan.icons[place])
        source.feeds.append(feed)
        self.feeds.setdefault(place, []).append(feed)
        if place is not None and self.plan.icons[place].since is not None:
            feed.mark_outage()
        elif connected:
            feed.connect(Connected.FIRST)

    def _configure(self) -> None:
        say = self.say
        say.tenant()
        for place, source in enumerate(self.tservers):
            switch = self._switch + place
            say.object("switch", switch, f"site-{place + 1}")
            say.object("application", source.dbid, f"sip-server-{place + 1}", role="tserver", switchid=switch)
        for place, ocs in enumerate(self.ocs):
            say.object("application", ocs.source.dbid, f"ocs-{place + 1}", role="ocs")
            if ocs.backup:
                name, primary = f"ocs-{place + 1}-backup", ocs.source.dbid
                say.object("application", ocs.backup.source.dbid, name, role="ocs", primary=primary)
        for place, icon in enumerate(self.plan.icons):
            say.object("application", self.plan.dbids + _ICON + place, f"icon-{place + 1}", role=icon.role)
        for unit in self.units:
            if unit.plan.list_of is None:
                say.calling_list(unit.calling_list)
        for unit in self.units:
            say.campaign(unit)
