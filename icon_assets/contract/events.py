"""The events of the contract: one struct a type, with every field, its JSON type and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from icon_assets.contract.times import END_MS, FIRST_MS

if TYPE_CHECKING:
    Time = int  # what the decoder leaves in the struct: epoch milliseconds
else:
    Time = Annotated[int, Meta(ge=FIRST_MS, lt=END_MS)] | str  # what a line may hold

Int = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Long = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Seq = Annotated[int, Meta(ge=1, le=2**31 - 1)]
# Epoch seconds; 0, which calling lists hold for "none", is allowed.
Seconds = Annotated[int, Meta(ge=0, lt=END_MS // 1000)]
Guid = Annotated[str, Meta(min_length=1, max_length=64)]
# The vendor's columns of CTI GUIDs hold 50 characters; a longer one cannot be kept as it came.
CallId = Annotated[str, Meta(min_length=1, max_length=50)]
Text = Annotated[str, Meta(max_length=255)]
ContactInfo = Annotated[str, Meta(max_length=128)]
TimeZone = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_+/-]+\Z")]
Code = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[!-~]+\Z")]
Person = Annotated[str, Meta(max_length=64)]
Role = Annotated[str, Meta(max_length=32)]

State = Literal["connected", "disconnected"]
CallChange = Literal["created", "terminated", "merged"]
Media = Literal["voice", "interaction"]
PartyChange = Literal["created", "changed", "terminated"]
PartyRole = Literal["agent", "destination", "ivr", "queue", "route"]
PartyState = Literal["queued", "dialing", "ringing", "connected", "held", "acw", "released"]
DataChange = Literal["added", "updated", "deleted"]
Status = Literal["active", "deleted"]
Kind = Literal[
    "tenant", "switch", "campaign", "group", "calling_list", "field", "format", "agent", "application",
    "campaign_list", "campaign_group", "format_field",
]  # fmt: skip


class Event(Struct, frozen=True, kw_only=True, gc=False, tag_field="type"):
    """What every line has. ts: the source's clock; in a decoded event epoch milliseconds, as all times."""

    ts: Time
    dsseq: Int | None = None


class Connection(Event, frozen=True, kw_only=True, gc=False, tag="connection"):
    """ICON's connection to the source was made or lost."""

    dsconn_type: Int
    state: State


class Campaign(Event, frozen=True, kw_only=True, gc=False, tag="campaign"):
    """A campaign session entered a state."""

    sessid: Guid
    campaignid: Int
    groupid: Int
    seq: Seq
    state: Int
    prevstate: Int | None = None
    prevts: Time | None = None
    cause: Int | None = None
    dialmode: Int | None = None
    optimmode: Int | None = None
    optimvalue: Int | None = None


class CampaignProperty(Event, frozen=True, kw_only=True, gc=False, tag="campaign_property"):
    """A dial mode or optimization target of a campaign session changed."""

    sessid: Guid
    seq: Seq
    dialmode: Int | None = None
    prevdialmode: Int | None = None
    prevdmts: Time | None = None
    optimmode: Int | None = None
    optimvalue: Int | None = None
    prevoptimmode: Int | None = None
    prevoptimvalue: Int | None = None


class Chain(Event, frozen=True, kw_only=True, gc=False, tag="chain"):
    """A chain entered a state, or repeats it with a late result."""

    chainguid: Guid
    sessid: Guid
    campaignid: Int
    groupid: Int
    callinglistid: Int
    switchid: Int | None = None
    seq: Seq
    state: Int
    prevstate: Int | None = None
    prevts: Time | None = None
    cause: Int | None = None
    recordhandle: Int | None = None
    callattid: Guid | None = None
    cpdresult: Int | None = None
    agentresult: Int | None = None


class Record(Event, frozen=True, kw_only=True, gc=False, tag="record"):
    """A record of a chain as the calling list holds it."""

    chainguid: Guid
    recordhandle: Int
    switchid: Int | None = None
    chainseq: Int
    recordid: Int
    chainid: Int
    chainn: Int
    recordtype: Int
    recordstatus: Int
    contactinfo: ContactInfo
    contactinfotype: Int
    callresult: Int
    attempt: Int
    dialschedtime: Seconds | None = None
    calltime: Seconds | None = None
    dailyfrom: Int | None = None
    dailytill: Int | None = None
    tzname: TimeZone | None = None
    agentid: Int | None = None


class Field(Event, frozen=True, kw_only=True, gc=False, tag="field"):
    """A custom field of a record was set.

    oldvalue and newvalue may be longer than the 4000 characters that the IDB keeps: the loader cuts them.
    """

    chainguid: Guid
    recordhandle: Int
    switchid: Int | None = None
    fieldid: Int
    seq: Seq
    chainhistseq: Int
    callattid: Guid | None = None
    oldvalue: str | None = None
    newvalue: str | None = None
    prevts: Time | None = None


class ChainCall(Event, frozen=True, kw_only=True, gc=False, tag="chain_call"):
    """A call that OCS made for an attempt."""

    chainguid: Guid
    switchid: Int | None = None
    callattid: Guid
    callid: CallId | None = None


class Metric(Event, frozen=True, kw_only=True, gc=False, tag="metric"):
    """A figure that OCS calculated: a count, or milliseconds where the name ends in _ms."""

    metric: Code
    value: Long
    switchid: Int | None = None
    campaignid: Int | None = None
    groupid: Int | None = None
    callinglistid: Int | None = None
    callattid: Guid | None = None
    callid: CallId | None = None


class Call(Event, frozen=True, kw_only=True, gc=False, tag="call"):
    """A call or interaction was created, merged or ended."""

    callid: CallId
    cseq: Int
    change: CallChange
    switchid: Int
    calltype: Int | None = None
    connid: CallId | None = None
    irid: CallId | None = None
    parentcallid: CallId | None = None
    mergecallid: CallId | None = None
    media: Media | None = None


class Party(Event, frozen=True, kw_only=True, gc=False, tag="party"):
    """A party of a call entered a state."""

    partyid: CallId
    callid: CallId
    pseq: Int
    cseq: Int
    change: PartyChange
    partytype: Int
    role: PartyRole | None = None
    state: PartyState
    endpointdn: Text | None = None
    agentid: Int | None = None


class UserData(Event, frozen=True, kw_only=True, gc=False, tag="userdata"):
    """A key of a call's user data changed."""

    callid: CallId
    partyid: CallId | None = None
    cseq: Int
    change: DataChange
    keyname: Text
    value: Text | None = None
    secure: bool | None = None


class Object(Event, frozen=True, kw_only=True, gc=False, tag="object"):
    """A configuration object or association; REQUIRED_BY_KIND says what each kind must have."""

    kind: Kind
    status: Status
    dbid: Int | None = None
    name: Text | None = None
    tenantid: Int | None = None
    icon_attribute: Int | None = None
    formatid: Int | None = None
    switchid: Int | None = None
    role: Role | None = None
    primary: Int | None = None
    employeeid: Person | None = None
    firstname: Person | None = None
    lastname: Person | None = None
    campaignid: Int | None = None
    callinglistid: Int | None = None
    groupid: Int | None = None
    fieldid: Int | None = None


REQUIRED_BY_KIND: dict[str, tuple[str, ...]] = {
    "campaign_list": ("campaignid", "callinglistid"),
    "campaign_group": ("campaignid", "groupid"),
    "format_field": ("formatid", "fieldid"),
}
REQUIRED_OF_OBJECTS = ("dbid", "name")

_OCS = (Connection, Campaign, CampaignProperty, Chain, Record, Field, ChainCall, Metric)
_CTI = (Connection, Call, Party, UserData)
ALLOWED: dict[str, tuple[type[Event], ...]] = {"ocs": _OCS, "tserver": _CTI, "ixn": _CTI, "config": (Object,)}
"""Which events each source may send."""

TYPES: dict[str, type[Event]] = {
    str(cls.__struct_config__.tag): cls for cls in (*_OCS, Call, Party, UserData, Object)
}
"""Every event type by its name in the contract."""

GUID_FIELDS = frozenset(
    field.name
    for cls in TYPES.values()
    for field in msgspec.structs.fields(cls)
    if field.type in (Guid, CallId, Guid | None, CallId | None)
)
TIME_FIELDS = frozenset({"ts", "prevts", "prevdmts"})
