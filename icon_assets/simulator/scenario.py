"""What a scenario may say: the types of scenarios.yaml, and how one is loaded."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec
import yaml

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


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything a scenario may say: a name that is not known is an error."""


class Run(Plan):
    """One stay of the campaign group in the dialler on each day, in UTC; `unload` ends it."""

    load: str = "08:30"
    start: str = "09:00"
    stop: str = "17:00"
    unload: Literal["graceful", "forced"] = "graceful"


class Change(Plan):
    """A property changed while the group runs, each day at `at`."""

    at: str
    mode: Mode | None = None
    target: Target | None = None
    value: int | None = None


class Campaign(Plan):
    """A campaign with its list, its group of agents and the way it is dialled.

    `chains` customers in the list, of one to four numbers (`numbers`: shares); `hours`: the daily window of
    each record in its own zone; `value`: the target, in percent, or in seconds for the two times; `ports`
    IVR ports for GVP modes; `rate` calls a minute for power modes; `late`, `transfer`, `consult`: percent of
    handled calls; `false_positive` and `false_negative`: percent of persons taken for machines and of
    machines taken for persons.
    """

    name: str = "Renewals"
    mode: Mode = "predictive"
    target: Target = "overdial_rate"
    value: int = 3
    chains: int = 60
    agents: int = 4
    ports: int = 4
    rate: int = 4
    numbers: tuple[int, int, int, int] = (35, 35, 20, 10)
    zones: tuple[str, ...] = ("Europe/London", "Europe/Paris", "Europe/Athens")
    hours: tuple[str, str] = ("08:00", "20:00")
    runs: tuple[Run, ...] = (Run(),)
    changes: tuple[Change, ...] = ()
    cpd: Literal["server", "sip", "none"] = "server"
    false_positive: float = 3
    false_negative: float = 6
    late: float = 2
    transfer: float = 3
    consult: float = 2
    custom_fields: int = 4
    fresh_list: bool = False
    switch: int = 0
    ocs: int = 0


class Ocs(Plan):
    """One OCS; `backup` gives it a warm standby with an application of its own."""

    release: str = "8.1.5"
    backup: bool = False


class Icon(Plan):
    """One ICON and what it is connected to; indexes of `ocs` and `switches`. `feed`: its batches name it."""

    ocs: tuple[int, ...] = (0,)
    tservers: tuple[int, ...] = ()
    role: str = "all"
    feed: bool = False


class Scenario(Plan):
    """A contact centre, how long it runs, what goes wrong.

    `days` days from `start`; `switches`: how many sites, each with its T-Server; a batch is cut at
    `batch_events` lines or every `batch_minutes`.
    """

    about: str
    start: date = date(2026, 3, 2)
    days: int = 1
    switches: int = 1
    ocs: tuple[Ocs, ...] = (Ocs(),)
    icons: tuple[Icon, ...] = (Icon(),)
    campaigns: tuple[Campaign, ...] = (Campaign(),)
    batch_events: int = 2_000
    batch_minutes: int = 60


@cache
def scenarios() -> dict[str, Scenario]:
    """All scenarios by name, in the order of the file."""
    text = (files(__package__) / "scenarios.yaml").read_bytes()
    return msgspec.convert(yaml.safe_load(text), dict[str, Scenario])


def resize(scenario: Scenario, chains: int) -> Scenario:
    """The same scenario with that many chains in each list."""
    smaller = tuple(msgspec.structs.replace(campaign, chains=chains) for campaign in scenario.campaigns)
    return msgspec.structs.replace(scenario, campaigns=smaller)
