"""The numbers that OCS uses, as far as the simulator needs them."""

from __future__ import annotations

from enum import IntEnum


class CampaignState(IntEnum):
    """States of a campaign group."""

    NULL = 0
    LOADED = 1
    STARTED = 2
    UNLOADING = 3


class ChainState(IntEnum):
    """States of a chain."""

    NULL = 0
    SCHEDULED = 1
    PROCESSING = 2
    PROCESSED = 3


class DialMode(IntEnum):
    """Dial modes."""

    PREDICTIVE = 1
    PROGRESSIVE = 2
    PREVIEW = 3
    PROGRESSIVE_SEIZING = 4
    PREDICTIVE_SEIZING = 5
    POWER = 6
    POWER_SEIZING = 7
    PUSH_PREVIEW = 8
    PROGRESSIVE_GVP = 9
    PREDICTIVE_GVP = 10
    POWER_GVP = 11

    @property
    def seizing(self) -> bool:
        """An agent is engaged on a line before the customer is dialled."""
        return self in (DialMode.PROGRESSIVE_SEIZING, DialMode.PREDICTIVE_SEIZING, DialMode.POWER_SEIZING)

    @property
    def preview(self) -> bool:
        """An agent sees the record before the call, and places it."""
        return self in (DialMode.PREVIEW, DialMode.PUSH_PREVIEW)

    @property
    def needs_agent(self) -> bool:
        """An attempt begins only when there is an agent for it."""
        return self.seizing or self.preview

    @property
    def to_ivr(self) -> bool:
        """Answered calls go to an IVR port, not to an agent."""
        return self in (DialMode.PROGRESSIVE_GVP, DialMode.PREDICTIVE_GVP, DialMode.POWER_GVP)

    @property
    def reports_call(self) -> bool:
        """OCS places the call itself and can name it (guide: not in preview, push preview, power GVP)."""
        return self not in (DialMode.PREVIEW, DialMode.PUSH_PREVIEW, DialMode.POWER_GVP)


class Optimization(IntEnum):
    """What a predictive dialler aims at."""

    NONE = 0
    BUSY_FACTOR = 1
    OVERDIAL_RATE = 2
    WAIT_TIME = 3
    DISTRIBUTION_TIME = 4
    MAXIMUM_GAIN = 5


class Result(IntEnum):
    """Call results; the ones the simulator gives."""

    OK = 0
    GENERAL_ERROR = 3
    BUSY = 6
    NO_ANSWER = 7
    MACHINE = 9
    TRUNKS_BUSY = 10
    SIT_INVALID = 11
    SIT_VACANT = 12
    SIT_INTERCEPT = 13
    SIT_UNKNOWN = 14
    SIT_NO_CIRCUIT = 15
    SIT_REORDER = 16
    FAX = 17
    ABANDONED = 21
    DROPPED = 26
    UNKNOWN = 28
    ANSWER = 33
    WRONG_PARTY = 40
    DIAL_ERROR = 41
    STALE = 46
    AGENT_CALLBACK_ERROR = 47
    DO_NOT_CALL = 51
    CANCEL = 52
    WRONG_NUMBER = 53


# A person was on the line, whoever said so (the flag is_human of the seed of call results must agree).
PERSON = frozenset(
    {
        Result.OK,
        Result.ABANDONED,
        Result.DROPPED,
        Result.ANSWER,
        Result.WRONG_PARTY,
        Result.DO_NOT_CALL,
        Result.WRONG_NUMBER,
    }
)


class RecordType(IntEnum):
    """What a record of a calling list is waiting for."""

    GENERAL = 2
    CAMPAIGN_RESCHEDULED = 3
    PERSONAL_CALLBACK = 5
    CAMPAIGN_CALLBACK = 6
    NO_CALL = 7


class RecordStatus(IntEnum):
    """What became of a record."""

    READY = 1
    RETRIEVED = 2
    UPDATED = 3
    STALE = 4
    CANCELLED = 5
    CHAIN_UPDATED = 7
    MISSED_CALLBACK = 8


class ContactType(IntEnum):
    """Kinds of numbers."""

    HOME = 1
    BUSINESS = 2
    MOBILE = 4


class Cause(IntEnum):
    """Why a chain or a session ended; the vendor's own numbers are not published.

    The low eight bits are the cause, the next eight who did it (1 agent, 2 system).
    """

    FINISHED = 1 + (2 << 8)
    AGENT_FINISHED = 1 + (1 << 8)
    UNLOADED = 2 + (2 << 8)
    FORCED = 3 + (2 << 8)
    AGENT_CANCELLED = 4 + (1 << 8)
    DO_NOT_CALL = 5 + (1 << 8)
    EXHAUSTED = 6 + (2 << 8)


class PartyType(IntEnum):
    """Kinds of parties of a call."""

    INTERNAL = 1
    EXTERNAL = 2
    MULTIMEDIA_PLACE = 3


class CallType(IntEnum):
    """Kinds of calls."""

    OUTBOUND = 3
    CONSULT = 4


class Connected(IntEnum):
    """DSCONN_TYPE of a connection."""

    FIRST = 1
    RECONNECT = 2
    RESTARTED = 3
    SWITCH_RECONNECTED = 4
    SWITCHOVER = 5
