"""What the Configuration Server tells of the objects of a simulation."""

from __future__ import annotations

from icon_assets.simulator.agents import Agent
from icon_assets.simulator.feed import Source
from icon_assets.simulator.lines import optional, text
from icon_assets.simulator.lists import CallingList, Field
from icon_assets.simulator.session import CampaignGroup


class Configuration:
    """Says objects as they are, at the beginning and when they change."""

    def __init__(self, source: Source, tenant: int) -> None:
        self._source = source
        self._tenant = tenant

    def tenant(self) -> None:
        """The tenant of everything else."""
        self.object("tenant", self._tenant, "Anywhere plc")

    def object(
        self, kind: str, dbid: int, name: str, *, status: str = "active", **more: int | str | None
    ) -> None:
        """An object as it is now."""
        tenant = None if kind == "tenant" else self._tenant
        self._source.emit(
            "object",
            f'"kind":"{kind}","dbid":{dbid},"name":{text(name)},"status":"{status}"'
            + optional(tenantid=tenant, **more),
        )

    def relation(self, kind: str, **dbids: int) -> None:
        """An association of two objects."""
        self._source.emit("object", f'"kind":"{kind}","status":"active"' + optional(**dbids))

    def field(self, field: Field) -> None:
        """A custom field; ICON reads it when it starts, the IDB keeps it at once."""
        self.object("field", field.dbid, field.name, icon_attribute=field.attribute)

    def calling_list(self, found: CallingList) -> None:
        """A list with its format and fields."""
        self.object("format", found.format_id, f"{found.name}, format")
        for field in found.fields:
            self.field(field)
            self.relation("format_field", formatid=found.format_id, fieldid=field.dbid)
        self.object("calling_list", found.dbid, found.name, formatid=found.format_id)

    def campaign(self, unit: CampaignGroup) -> None:
        """A campaign with its group, list and agents."""
        self.object("campaign", unit.dbid, unit.plan.name)
        self.object("group", unit.group, f"{unit.plan.name}, team")
        self.relation("campaign_group", campaignid=unit.dbid, groupid=unit.group)
        self.relation("campaign_list", campaignid=unit.dbid, callinglistid=unit.calling_list.dbid)
        for agent in unit.agents.agents:
            self.agent(agent)

    def agent(self, agent: Agent, status: str = "active") -> None:
        """A person."""
        name, last = f"agent{agent.dbid}", str(agent.dbid)
        self.object(
            "agent",
            agent.dbid,
            name,
            status=status,
            employeeid=f"A{agent.dbid}",
            firstname="Agent",
            lastname=last,
        )
