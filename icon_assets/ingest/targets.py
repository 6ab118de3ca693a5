"""Which history table or tables the lines of each event type go to, and what becomes of their fields."""

from __future__ import annotations

from functools import cache

from icon_assets.idb.catalogue import catalogue
from icon_assets.ingest.fields import ROUTE
from icon_assets.ingest.history import History

_OCS = {"ocsid": "%(dbid)s"}
_RECORD = (
    "chainguid recordhandle chainseq recordid chainid chainn recordtype recordstatus contactinfo "
    "contactinfotype callresult attempt dialschedtime calltime dailyfrom dailytill tzname agentid"
)
_FIELD = "chainguid recordhandle fieldid seq chainhistseq"
# The vendor's field histories hold 50 characters of the attempt's GUID, all other tables 64.
_ATTEMPT = "left(s.callattid, 50)"
_CUT = "coalesce(greatest(length(s.oldvalue), length(s.newvalue)) > 4000, false)::integer"
_USERDATA = "callid cseq keyname partyid value"


def _code(enumeration: str, expression: str, default: str = "null") -> str:
    """SQL that turns the contract's word into the code of an enumeration."""
    codes = catalogue().enumerations[enumeration]
    cases = " ".join(f"when '{name}' then {code}" for code, name in codes.items())
    return f"case {expression} {cases} else {default} end"


def _by_kind(other: str, campaign_list: str, campaign_group: str, format_field: str) -> str:
    """SQL that picks one part of the key of an association, or of any other object."""
    return (
        f"case s.kind when 'campaign_list' then {campaign_list} when 'campaign_group' then {campaign_group} "
        f"when 'format_field' then {format_field} else {other} end"
    )


def _property(type_: str, columns: dict[str, str], same: str = "", where: str = "true") -> History:
    return History(
        "go_campprop_hist",
        type_,
        {**_OCS, **columns},
        f"sessid seq dialmode optimmode optimvalue {same}",
        where=where,
    )


@cache
def histories() -> dict[str, tuple[History, ...]]:
    """Event type to the tables that share its lines out among them: each line goes to one of them."""
    userdata = {"changetype": _code("USERDATA_CHANGETYPE", "s.change")}
    not_told = dict.fromkeys(("prevdmenter", "prevdmenter_ts", "prevdmenter_tcode"), "null")
    return {
        "connection": (
            History(
                "g_dss_connection",
                "connection",
                {"source": "%(source)s", "ds_dbid": "%(dbid)s", "icon_dbid": "%(feed)s"},
                "state dsconn_type dsseq",
            ),
        ),
        "object": (
            History(
                "gc_object_hist",
                "object",
                {
                    "dbid": _by_kind("s.dbid", "s.campaignid", "s.campaignid", "s.formatid"),
                    "dbid2": _by_kind("0", "s.callinglistid", "s.groupid", "s.fieldid"),
                    "status": "case s.status when 'active' then 1 else 2 end",
                    "primaryid": "s.primary",
                },
                "kind name tenantid icon_attribute formatid switchid role employeeid firstname lastname",
            ),
        ),
        "campaign": (
            History(
                "go_campaignhistory",
                "campaign",
                {**_OCS, "isproperty": "0"},
                "sessid seq campaignid groupid state prevstate cause",
                also=_property(
                    "campaign",
                    not_told,
                    where="coalesce(s.dialmode, s.optimmode, s.optimvalue) is not null",
                ),
            ),
        ),
        "campaign_property": (
            History(
                "go_campaignhistory",
                "campaign_property",
                {
                    **_OCS,
                    "isproperty": "1",
                    "prevsenter": "null",
                    "prevsenter_ts": "null",
                    "prevsenter_tcode": "null",
                },
                "sessid seq",
                also=_property("campaign_property", {}, "prevdialmode prevoptimmode prevoptimvalue"),
            ),
        ),
        "chain": (
            History(
                "go_chainrec_hist",
                "chain",
                _OCS,
                "chainguid seq recordhandle state prevstate callattid cause cpdresult agentresult",
            ),
        ),
        "record": (History("go_record_hist", "record", _OCS, _RECORD),),
        "field": (
            History(
                "go_fieldhist",
                "field",
                {
                    **_OCS,
                    "callattid": _ATTEMPT,
                    "oldvalue": "left(s.oldvalue, 4000)",
                    "newvalue": "left(s.newvalue, 4000)",
                    "valuecut": _CUT,
                },
                _FIELD,
                ROUTE,
                "r.attribute = 1",
                may_move="r.is_ambiguous",
            ),
            History(
                "go_sec_fieldhist",
                "field",
                {
                    **_OCS,
                    "callattid": _ATTEMPT,
                    "oldvalue": "left(s.oldvalue, 255)",
                    "newvalue": "left(s.newvalue, 255)",
                    "oldrest": "nullif(substr(s.oldvalue, 256, 3745), '')",
                    "newrest": "nullif(substr(s.newvalue, 256, 3745), '')",
                    "valuecut": _CUT,
                },
                _FIELD,
                ROUTE,
                "coalesce(r.attribute, 2) = 2",
            ),
        ),
        "chain_call": (History("gox_chain_call", "chain_call", _OCS, "chainguid callattid callid"),),
        "metric": (
            History(
                "go_metrics",
                "metric",
                {**_OCS, "dsseq": "case when %(duplicate_metrics)s then s.dsseq end"},
                "metric value campaignid groupid callinglistid callattid callid",
            ),
        ),
        "call": (
            History(
                "g_call_history",
                "call",
                {
                    "changetype": _code("CALL_CHANGETYPE", "s.change"),
                    "refid": "case when s.change = 'merged' then s.mergecallid end",
                },
                "callid cseq switchid calltype connid irid parentcallid mergecallid media",
            ),
        ),
        "party": (
            History(
                "g_party_history",
                "party",
                {
                    "changetype": _code("PARTY_CHANGETYPE", "s.change"),
                    "type": "s.partytype",
                    "prole": _code("PARTY_ROLE", "s.role", "0"),
                    "state": _code("PARTY_STATE", "s.state"),
                },
                "partyid callid pseq cseq endpointdn agentid",
            ),
        ),
        "userdata": (
            History(
                "g_userdata_history",
                "userdata",
                userdata,
                _USERDATA,
                where="s.secure is not true",
                may_move="true",
                moved_differs=True,
            ),
            History("g_secure_userdata_history", "userdata", userdata, _USERDATA, where="s.secure"),
        ),
    }
