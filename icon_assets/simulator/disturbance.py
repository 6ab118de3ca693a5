"""What can go wrong: faults of the servers during the simulation, and harms done to the batches after it.

In a fault `at` is `HH:MM` UTC of the first day, or `D HH:MM` of day D (1 is the first); servers are named by
their place in the scenario, from 0.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class _Fault(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="fault"):
    at: str


class OcsRestart(_Fault, frozen=True, kw_only=True, tag="ocs_restart"):
    """An OCS without a standby dies and is back after `minutes`; its groups are loaded as new sessions."""

    ocs: int = 0
    minutes: int = 5


class Switchover(_Fault, frozen=True, kw_only=True, tag="switchover"):
    """The standby of an OCS takes over after `seconds`, in the same campaign sessions or in new ones."""

    ocs: int = 0
    seconds: int = 20
    same_session: bool = True


class Disconnect(_Fault, frozen=True, kw_only=True, tag="disconnect"):
    """An ICON loses an OCS or a T-Server for `minutes`; what that says meanwhile is lost to this ICON."""

    server: Literal["ocs", "tserver"] = "ocs"
    place: int = 0
    icon: int = 0
    minutes: int = 15


class SwitchLink(_Fault, frozen=True, kw_only=True, tag="switch_link"):
    """A T-Server loses its switch for `minutes` and reports nothing; then it is connected anew (type 4)."""

    tserver: int = 0
    minutes: int = 5


class IconRestart(_Fault, frozen=True, kw_only=True, tag="icon_restart"):
    """An ICON is shut down for `minutes`; it reads the configuration of fields again when it starts."""

    icon: int = 0
    minutes: int = 10


class Logout(_Fault, frozen=True, kw_only=True, tag="logout"):
    """Each agent of a campaign logs out with the next preview on the desktop, and is back after `minutes`."""

    campaign: int = 0
    minutes: int = 20


class Reconfigure(_Fault, frozen=True, kw_only=True, tag="reconfigure"):
    """A custom field (by place) of a campaign gets another icon_attribute."""

    campaign: int = 0
    field: int = 0
    attribute: int = 2


class Rename(_Fault, frozen=True, kw_only=True, tag="rename"):
    """A campaign gets another name."""

    campaign: int = 0
    name: str = "Renewals, second wave"


class Dismiss(_Fault, frozen=True, kw_only=True, tag="dismiss"):
    """The configuration object of an agent (by place) of a campaign is deleted."""

    campaign: int = 0
    agent: int = 0


class ClockStep(_Fault, frozen=True, kw_only=True, tag="clock_step"):
    """The clock of an OCS is set forward or back."""

    ocs: int = 0
    seconds: int = -90


Fault = (
    OcsRestart
    | Switchover
    | Disconnect
    | SwitchLink
    | IconRestart
    | Logout
    | Reconfigure
    | Rename
    | Dismiss
    | ClockStep
)


class _Harm(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="harm"):
    """`source`: only batches of this kind of source, or of all."""

    source: Literal["ocs", "tserver", "ixn", "config"] | None = None


class Reorder(_Harm, frozen=True, kw_only=True, tag="reorder"):
    """The lines of `batches` batches in a row come in any order, in any of them."""

    batches: int = 4


class Delay(_Harm, frozen=True, kw_only=True, tag="delay"):
    """`percent` of lines come in batches of their own, at least `batches` batches later."""

    percent: float = 5
    batches: int = 6


class LateSource(_Harm, frozen=True, kw_only=True, tag="late_source"):
    """All batches go to the sub-folder `zz-late`, from where a test may deliver them later."""


class Split(_Harm, frozen=True, kw_only=True, tag="split"):
    """Batches are cut at other places, into pieces of 1 to `largest` lines."""

    largest: int = 200


class DuplicateLines(_Harm, frozen=True, kw_only=True, tag="duplicate_lines"):
    """`percent` of lines come again, in the same batch or in the next."""

    percent: float = 3


class DuplicateBatches(_Harm, frozen=True, kw_only=True, tag="duplicate_batches"):
    """`percent` of batches come again: as the same file under another name, or as another batch."""

    percent: float = 10


class UnknownFields(_Harm, frozen=True, kw_only=True, tag="unknown_fields"):
    """`percent` of lines carry a field that the contract does not know."""

    percent: float = 2


class BadLines(_Harm, frozen=True, kw_only=True, tag="bad_lines"):
    """Beside `percent` of lines stands a spoilt copy that no reader may take for an event."""

    percent: float = 1


class Conflicts(_Harm, frozen=True, kw_only=True, tag="conflicts"):
    """After `percent` of chain notices comes another with the same key and other content."""

    percent: float = 1


class AlteredBatches(_Harm, frozen=True, kw_only=True, tag="altered_batches"):
    """`percent` of batches come once more under their own identity, with one line missing."""

    percent: float = 5


class LoseLines(_Harm, frozen=True, kw_only=True, tag="lose_lines"):
    """`percent` of lines never come."""

    percent: float = 1


class LoseBatches(_Harm, frozen=True, kw_only=True, tag="lose_batches"):
    """`percent` of batches never come."""

    percent: float = 5


class Skew(_Harm, frozen=True, kw_only=True, tag="skew"):
    """The clock of each such source is wrong by `ms` from the beginning."""

    ms: int = 90_000


Harm = (
    Reorder
    | Delay
    | LateSource
    | Split
    | DuplicateLines
    | DuplicateBatches
    | UnknownFields
    | BadLines
    | Conflicts
    | AlteredBatches
    | LoseLines
    | LoseBatches
    | Skew
)
LOSSLESS = (
    Reorder,
    Delay,
    LateSource,
    Split,
    DuplicateLines,
    DuplicateBatches,
    UnknownFields,
    BadLines,
    Conflicts,
    AlteredBatches,
)
"""Harms after which the same tables must come out as without them."""
