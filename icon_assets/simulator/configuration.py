"""What the Configuration Server tells of the objects of a simulation."""

from __future__ import annotations

from icon_assets.simulator import lines
from icon_assets.simulator.feed import Source
from icon_assets.simulator.lines import text
from icon_assets.simulator.session import CampaignGroup

TENANT = 1
FIELD_NAMES = ("segment", "outcome", "balance", "reference")


class Configuration:
    """Says each object once, active; changes are said by their causes."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def object(
        self, kind: str, dbid: int, name: str, *, status: str = "active", **more: int | str | None
    ) -> None:
        """An object as it is now."""
        tenant = {} if kind == "tenant" else {"tenantid": TENANT}
        self._source.emit(
            "object",
            f'"kind":"{kind}","dbid":{dbid},"name":{text(name)},"status":"{status}"'
            + lines.optional(**tenant, **more),
        )

    def relation(self, kind: str, **dbids: int) -> None:
        """An association of two objects."""
        self._source.emit("object", f'"kind":"{kind}","status":"active"' + lines.optional(**dbids))

    def campaign(self, unit: CampaignGroup) -> None:
        """A campaign with its list, format, fields, group and agents."""
        plan, calling_list = unit.plan, unit.calling_list
        self.object("campaign", unit.dbid, plan.name)
        self.object("group", unit.group, f"{plan.name}, team")
        self.relation("campaign_group", campaignid=unit.dbid, groupid=unit.group)
        self.object("format", calling_list.format_id, f"{plan.name}, format")
        for place, dbid in enumerate(calling_list.field_ids):
            self.object("field", dbid, field_name(place), icon_attribute=icon_attribute(place))
            self.relation("format_field", formatid=calling_list.format_id, fieldid=dbid)
        self.object("calling_list", calling_list.dbid, calling_list.name, formatid=calling_list.format_id)
        self.relation("campaign_list", campaignid=unit.dbid, callinglistid=calling_list.dbid)
        for agent in unit.pool.agents:
            self.object(
                "agent",
                agent.dbid,
                f"agent{agent.dbid}",
                employeeid=f"A{agent.dbid}",
                firstname="Agent",
                lastname=str(agent.dbid),
            )


def field_name(place: int) -> str:
    return FIELD_NAMES[place] if place < len(FIELD_NAMES) else f"field_{place + 1}"


def icon_attribute(place: int) -> int:
    """The third field is secure, the fourth is not tracked, the others are open."""
    return {2: 2, 3: 0}.get(place, 1)
