"""Which ICONs one project instance stands for, and what each takes: ICON_DEPLOYMENT, read and applied.

Roles are parsed as the vendor does: lower case only, `all`, a list, `~cfg` for all but one. A role in upper
or mixed case silently means `all` there, which stores everything twice beside another ICON; here it warns.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec
import yaml

from icon_assets.contract.events import Event, Metric
from icon_assets.contract.header import Header
from icon_assets.errors import UserError

_log = logging.getLogger(__name__)

ROLES = frozenset({"cfg", "gcc", "gls", "gud", "gos", "lrm"})
SOURCE_ROLES: dict[str, tuple[str, ...]] = {
    "ocs": ("gos",),
    "tserver": ("gcc", "gud"),
    "ixn": ("gcc", "gud"),
    "config": ("cfg",),
}
"""The roles that store what a source sends."""

_ROLE = {"call": "gcc", "party": "gcc", "userdata": "gud"}  # the other types of each source have one role
Dbid = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


@dataclass(frozen=True)
class Icon:
    """One ICON: its roles, its connections and the options that decide what it writes."""

    dbid: int
    roles: frozenset[str] = ROLES
    ocs: frozenset[int] = frozenset()
    tservers: Mapping[int, int] = field(default_factory=dict)
    duplicate_metrics: bool = False
    dss_monitor: bool = True
    partition_type: int = 0

    def is_connected(self, source: str, dbid: int) -> bool:
        """Whether the application is among its connections; Configuration Server always is."""
        return source == "config" or dbid in (self.ocs if source == "ocs" else self.tservers)

    @property
    def switches(self) -> frozenset[int]:
        """Switches whose outbound data it takes; none named means all."""
        return frozenset(self.tservers.values())


@dataclass(frozen=True)
class Scope:
    """What the ICONs take of one batch. left_out: role to the reason why nobody takes its lines.

    switches: lines of other switches are left out; None takes every switch.
    """

    roles: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    switches: frozenset[int] | None = None
    duplicate_metrics: bool = False
    dss_monitor: bool = True
    partition_seconds: bool = False

    @property
    def leaves_out(self) -> bool:
        """Whether there may be lines that nobody takes."""
        return bool(self.left_out) or self.switches is not None

    def reason(self, event: Event) -> str | None:
        """Why nobody takes a line, if so: `role`, `connections` or `switch`."""
        return self._reason_of_type(str(event.__struct_config__.tag)) or self._reason_of_switch(event)

    def _reason_of_type(self, type_: str) -> str | None:
        """Connections go with any role."""
        role = _ROLE.get(type_)
        if role is None:
            return None if self.roles else next(iter(self.left_out.values()))
        return self.left_out.get(role)

    def _reason_of_switch(self, event: Event) -> str | None:
        """The figures of a group or list belong to no switch."""
        switchid = getattr(event, "switchid", None)
        if self.switches is None or switchid is None or switchid in self.switches:
            return None
        is_of_many = isinstance(event, Metric) and event.callattid is None and event.callid is None
        return None if is_of_many else "switch"


@dataclass(frozen=True)
class Deployment:
    """All ICONs that the project stands for. None declared: one that takes everything."""

    icons: tuple[Icon, ...] = ()

    def scope(self, header: Header) -> Scope:
        """What is taken of a batch: by the ICON that its feed names, or by any where it names none."""
        roles = SOURCE_ROLES[header.source]
        if not self.icons:
            return Scope(roles)
        icons = [icon for icon in self.icons if header.feed in (None, icon.dbid)]
        connected = [icon for icon in icons if icon.is_connected(header.source, header.dbid)]
        takers = [icon for icon in connected if icon.roles.intersection(roles)]
        taken = tuple(role for role in roles if any(role in icon.roles for icon in takers))
        reason = "role" if connected else "connections"
        all_switches = header.source != "ocs" or any(not icon.switches for icon in takers)
        return Scope(
            taken,
            {role: reason for role in roles if role not in taken},
            None if all_switches else frozenset().union(*(icon.switches for icon in takers)),
            any(icon.duplicate_metrics for icon in takers),
            any(icon.dss_monitor for icon in takers),
            any(_in_seconds(icon.partition_type, header.source) for icon in takers[:1]),
        )


def _in_seconds(partition_type: int, source: str) -> bool:
    """Whether GSYS_PARTITION is UTC seconds: type 1; type 2 is the date but for multimedia (inferred)."""
    return partition_type == 1 or (partition_type == 2 and source == "ixn")


EVERYTHING = Deployment()


def parse_role(text: str) -> frozenset[str]:
    """The roles that an ICON's `role` option gives it. Raises ValueError for a name that is no role."""
    names = text.replace(",", " ").split()
    if text != text.lower():
        _log.warning(
            "role %r is not in lower case: ICON takes it for 'all' and stores everything. "
            "Write it in lower case, unless that is what you want.",
            text,
        )
        return ROLES
    unknown = [name for name in names if name.removeprefix("~") not in ROLES | {"all"}]
    if unknown or not names or "~all" in names:
        raise ValueError(f"role {text!r}: write all, a list of {', '.join(sorted(ROLES))}, or ~ROLE")
    without = {name[1:] for name in names if name.startswith("~")}
    named = {name for name in names if not name.startswith("~")}
    return (ROLES if "all" in named or not named else frozenset(named)) - without


class _Icon(msgspec.Struct, forbid_unknown_fields=True, rename="kebab"):
    dbid: Dbid
    role: str = "all"
    ocs: list[Dbid] = []
    t_servers: dict[Dbid, Dbid] = {}
    gos_write_duplicate_metrics: bool = False
    use_dss_monitor: bool = True
    partition_type: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0

    def icon(self) -> Icon:
        return Icon(
            self.dbid,
            parse_role(self.role),
            frozenset(self.ocs),
            self.t_servers,
            self.gos_write_duplicate_metrics,
            self.use_dss_monitor,
            self.partition_type,
        )


class _File(msgspec.Struct, forbid_unknown_fields=True):
    icons: Annotated[list[_Icon], msgspec.Meta(min_length=1)]


def read_deployment(path: Path | None) -> Deployment:
    """The deployment that a YAML file declares; EVERYTHING without a file. Raises UserError."""
    if path is None:
        return EVERYTHING
    try:
        raw: Any = yaml.safe_load(path.read_text())
        icons = tuple(icon.icon() for icon in msgspec.convert(raw, _File).icons)
        if len({icon.dbid for icon in icons}) < len(icons):
            raise ValueError("two ICONs have one dbid")
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(
            f"ICON_DEPLOYMENT names {path}, which cannot be used: {error}. "
            "docs/deployment.yaml is an example with every setting."
        ) from error
    return Deployment(icons)
