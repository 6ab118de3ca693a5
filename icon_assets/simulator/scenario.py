"""What a scenario may say: the types of scenarios.yaml, and how one is loaded."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
import yaml
from msgspec import Struct

from icon_assets.simulator.disturbance import Fault, Harm

Mode = Literal[
    "predictive",
    "progressive",
    "preview",
    "progressive_seizing",
    "predictive_seizing",
    "power",
    "power_seizing",
    "push_preview",
    "progressive_gvp",
    "predictive_gvp",
    "power_gvp",
]
Target = Literal["none", "busy_factor", "overdial_rate", "wait_time", "distribution_time", "maximum_gain"]


class Run(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One stay of a campaign group in the dialler on each day, in UTC (26:00 is 02:00 of the next day)."""

    load: str = "08:30"
    start: str = "09:00"
    stop: str = "17:00"
    unload: Literal["graceful", "forced"] = "graceful"


class Change(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A property changed while the group runs, each day at `at`."""

    at: str
    mode: Mode | None = None
    target: Target | None = None
    value: int | None = None


class Campaign(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A campaign with its list, its group of agents and the way it is dialled.

    The list: `chains` customers of one to four numbers (`numbers`: shares of each count) in `zones`, who may
    be called in `hours` of their own clock; `fresh_list` puts a new table in its place every day; `list_of`
    dials the list of another campaign (its place) instead. `custom_fields`: how many; `long_values` makes the
    last three of 255, 4000 and 4001 characters. `runaway`: the first customers are redialled without end,
    until their chains have exactly so many notices.

    The dialling: `value` of the target, in percent, or in seconds for the two times; `ports` of the IVR for
    GVP modes; `rate` calls a minute for power modes; `cpd`: a CPD Server listens, or only SIP Server tells
    when a call is answered, or nobody does.

    Percentages: persons taken for machines (`false_positive`), machines for persons (`false_negative`); of
    handled calls: result set long after the call (`late`), transferred, with a consultation; of previewed
    records: `cancel` without a call.
    """

    name: str = "Renewals"
    chains: int = 100
    numbers: tuple[int, int, int, int] = (35, 35, 20, 10)
    zones: tuple[str, ...] = ("Europe/London", "Europe/Paris", "Europe/Athens")
    hours: tuple[str, str] = ("08:00", "20:00")
    fresh_list: bool = False
    list_of: int | None = None
    custom_fields: int = 4
    long_values: bool = False
    runaway: tuple[int, ...] = ()
    mode: Mode = "predictive"
    target: Target = "overdial_rate"
    value: int = 3
    agents: int = 2
    ports: int = 4
    rate: int = 4
    cpd: Literal["server", "sip", "none"] = "server"
    false_positive: float = 3
    false_negative: float = 6
    late: float = 2
    transfer: float = 3
    consult: float = 2
    cancel: float = 4
    runs: tuple[Run, ...] = (Run(),)
    changes: tuple[Change, ...] = ()
    switch: int = 0
    ocs: int = 0


class Ocs(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One OCS; `backup`: it has a warm standby, of another DBID; `repeats`: percent of metrics said twice."""

    release: str = "8.1.5"
    backup: bool = False
    repeats: float = 0


class Icon(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ICON: its role, the places of the OCSs and T-Servers among its connections (None: all).

    `feed`: its batches name it; `since`: it is started only then, on the first day.
    """

    role: str = "all"
    ocs: tuple[int, ...] | None = None
    tservers: tuple[int, ...] | None = None
    feed: bool = False
    since: str | None = None


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A contact centre, how long it runs, what goes wrong in it and with its batches.

    `days` days from `start`; `switches`: how many sites, each with its T-Server; a batch is cut at
    `batch_events` lines or every `batch_minutes`. `dbids` is added to every DBID: with steps of 100,000, and
    a seed for each, scenarios share a database.
    """

    about: str
    start: date = date(2025, 3, 3)
    days: int = 1
    switches: int = 1
    ocs: tuple[Ocs, ...] = (Ocs(),)
    icons: tuple[Icon, ...] = (Icon(),)
    campaigns: tuple[Campaign, ...] = (Campaign(),)
    faults: tuple[Fault, ...] = ()
    harms: tuple[Harm, ...] = ()
    batch_events: int = 2_000
    batch_minutes: int = 60
    dbids: int = 0


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by name, in the order of the file."""
    text = (files(__package__) / "scenarios.yaml").read_bytes()
    return msgspec.convert(yaml.safe_load(text), dict[str, Scenario])


def resize(scenario: Scenario, chains: int) -> Scenario:
    """The same scenario with that many chains in each list."""
    smaller = tuple(msgspec.structs.replace(campaign, chains=chains) for campaign in scenario.campaigns)
    return msgspec.structs.replace(scenario, campaigns=smaller)


def harmed(scenario: Scenario, *harms: Harm) -> Scenario:
    """The same scenario, whose batches suffer these harms instead of its own."""
    return msgspec.structs.replace(scenario, harms=harms)
