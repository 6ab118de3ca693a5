"""Which history table each event goes to, and the set-based statements that put it there once.

One statement inserts the lines whose key is not there yet, in the order of the key. Only when it
inserts fewer lines than were staged is the stage compared with the table: the rest are known (same
content) or in conflict (same key, other content), and leave the stage, which then holds exactly
what is new.

`offset 0` makes each look-up in a large table one by index, a staged row at a time. Left to itself
the planner at times read the whole history (1.2 s instead of 1 ms on 0.1 million metrics).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

from icon_assets.idb.catalogue import Table, catalogue
from icon_assets.idb.schema import NULLABLE_KEYS

_TIMES = {"added": "ts", "prevsenter": "prevts", "preventer": "prevts", "prevdmenter": "prevdmts"}
_SYSTEM = {
    "gsys_domain": "%(domain)s",
    "gsys_partition": "s.ts_ymd",
    "gsys_seq": "%(batch_id)s",
    "gsys_useq": "%(batch_id)s",
}


def _code(enumeration: str, expression: str, default: str = "null") -> str:
    """SQL that turns the contract's word into the code of an enumeration."""
    codes = catalogue().enumerations[enumeration]
    cases = " ".join(f"when '{name}' then {code}" for code, name in codes.items())
    return f"case {expression} {cases} else {default} end"


@dataclass(frozen=True)
class History:
    """Where the lines of one event type go; `columns` are SQL expressions over the stage row `s`."""

    table: str
    type: str
    columns: dict[str, str] = field(default_factory=dict)
    same: tuple[str, ...] = ()
    join: str = ""
    where: str = "true"

    @property
    def catalogued(self) -> Table:
        """The table's entry in the catalogue."""
        return catalogue().tables[self.table]

    def expressions(self) -> dict[str, str]:
        """Column name to SQL expression, for every column that the insert fills."""
        found: dict[str, str] = {}
        for column in self.catalogued.columns:
            base = column.name.removesuffix("_ts").removesuffix("_tcode")
            if column.name in self.columns:
                found[column.name] = self.columns[column.name]
            elif column.name in self.same:
                found[column.name] = f"s.{column.name}"
            elif column.name in _SYSTEM:
                found[column.name] = _SYSTEM[column.name]
            elif base in _TIMES and (base != "added" or "added" not in self.columns):
                time = _TIMES[base]
                suffix = column.name[len(base) :]
                found[column.name] = {
                    "": f"s.{time}",
                    "_ts": f"s.{time}_s",
                    "_tcode": f"s.{time}_s / 300 * 300",
                }[suffix]
        return found

    def _match(self) -> str:
        """Row `h` of the table has the key of stage row `s`; equality first, so that the index serves."""
        nullable = NULLABLE_KEYS.get(self.table, ())
        expressions = self.expressions()
        return " and ".join(
            f"h.{name} {'is not distinct from' if name in nullable else '='} {expressions[name]}"
            for name in self.catalogued.key
        )

    def _stage_key(self) -> str:
        expressions = self.expressions()
        return ", ".join(expressions[name] for name in self.catalogued.key if "%(" not in expressions[name])

    def insert(self) -> str:
        """Inserts the staged lines whose key is not known; of lines that share a key, the first."""
        expressions = self.expressions()
        key = self._stage_key()
        return f"""
            insert into idb.{self.table} ({", ".join(expressions)})
            select distinct on ({key}) {", ".join(expressions.values())}
            from stage_{self.type} as s {self.join}
            where {self.where} and not exists (select from idb.{self.table} as h where {self._match()} offset 0)
            order by {key}, s.line
        """

    def remove_known(self) -> str:
        """Takes the lines that were not inserted out of the stage; returns line, whether in conflict."""
        expressions = self.expressions()
        key = self._stage_key()
        content = [
            name for name in expressions if not name.startswith("gsys_") and not name.endswith("_tcode")
        ]
        return f"""
            with inserted as (
                select distinct on ({key}) s.line
                from stage_{self.type} as s {self.join}
                where {self.where}
                order by {key}, s.line
            ),
            known as (
                select
                    s.line,
                    ({", ".join(expressions[name] for name in content)})
                    is distinct from ({", ".join(f"h.{name}" for name in content)}) as conflict
                from stage_{self.type} as s {self.join}
                cross join lateral (select * from idb.{self.table} as h where {self._match()} offset 0) as h
                where
                    {self.where}
                    and not (h.gsys_seq = %(batch_id)s and s.line in (select i.line from inserted as i))
            )
            delete from stage_{self.type} as s using known as k
            where s.line = k.line
            returning k.line, k.conflict
        """


_OCS = {"ocsid": "%(dbid)s"}
_RECORD = [
    "chainguid",
    "recordhandle",
    "chainseq",
    "recordid",
    "chainid",
    "chainn",
    "recordtype",
    "recordstatus",
    "contactinfo",
    "contactinfotype",
    "callresult",
    "attempt",
    "dialschedtime",
    "calltime",
    "dailyfrom",
    "dailytill",
    "tzname",
    "agentid",
]
_FIELD = ("chainguid", "recordhandle", "fieldid", "seq", "chainhistseq", "callattid")
_ROUTE = "left join field_route as r on r.fieldid = s.fieldid and s.ts >= r.from_ts and s.ts < r.to_ts"
_CUT = "(length(s.oldvalue) > 4000 or length(s.newvalue) > 4000)::integer"
_USERDATA = ("callid", "cseq", "keyname", "partyid", "value")


@cache
def histories() -> dict[str, tuple[History, ...]]:
    """Event type to the tables that share its lines out among them: each line goes to one of them."""
    userdata = {"changetype": _code("USERDATA_CHANGETYPE", "s.change")}
    return {
        "connection": (
            History(
                "g_dss_connection",
                "connection",
                {"source": "%(source)s", "ds_dbid": "%(dbid)s", "icon_dbid": "%(feed)s"},
                ("state", "dsconn_type", "dsseq"),
            ),
        ),
        "object": (
            History(
                "gc_object_hist",
                "object",
                {
                    "dbid": "coalesce(s.dbid, s.campaignid, s.formatid)",
                    "dbid2": "case when s.dbid is not null then 0 else coalesce(s.callinglistid, s.groupid, s.fieldid) end",
                    "status": "case s.status when 'active' then 1 else 2 end",
                    "primaryid": "s.primary",
                },
                tuple(
                    [
                        "kind",
                        "name",
                        "tenantid",
                        "icon_attribute",
                        "formatid",
                        "switchid",
                        "role",
                        "employeeid",
                        "firstname",
                        "lastname",
                    ]
                ),
            ),
        ),
        "campaign": (
            History(
                "go_campaignhistory",
                "campaign",
                {**_OCS, "isproperty": "0"},
                ("sessid", "seq", "campaignid", "groupid", "state", "prevstate", "cause"),
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
                ("sessid", "seq"),
            ),
        ),
        "chain": (
            History(
                "go_chainrec_hist",
                "chain",
                _OCS,
                tuple(
                    [
                        "chainguid",
                        "seq",
                        "recordhandle",
                        "state",
                        "prevstate",
                        "callattid",
                        "cause",
                        "cpdresult",
                        "agentresult",
                    ]
                ),
            ),
        ),
        "record": (History("go_record_hist", "record", _OCS, tuple(_RECORD)),),
        "field": (
            History(
                "go_fieldhist",
                "field",
                {
                    **_OCS,
                    "oldvalue": "left(s.oldvalue, 4000)",
                    "newvalue": "left(s.newvalue, 4000)",
                    "valuecut": _CUT,
                },
                _FIELD,
                _ROUTE,
                "r.attribute = 1",
            ),
            History(
                "go_sec_fieldhist",
                "field",
                {
                    **_OCS,
                    "oldvalue": "left(s.oldvalue, 255)",
                    "newvalue": "left(s.newvalue, 255)",
                    "oldrest": "nullif(substr(s.oldvalue, 256, 3745), '')",
                    "newrest": "nullif(substr(s.newvalue, 256, 3745), '')",
                    "valuecut": _CUT,
                },
                _FIELD,
                _ROUTE,
                "coalesce(r.attribute, 2) not in (0, 1)",
            ),
        ),
        "chain_call": (History("gox_chain_call", "chain_call", _OCS, ("chainguid", "callattid", "callid")),),
        "metric": (
            History(
                "go_metrics",
                "metric",
                {**_OCS, "dsseq": "case when %(duplicate_metrics)s then s.dsseq end"},
                tuple(["metric", "value", "campaignid", "groupid", "callinglistid", "callattid", "callid"]),
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
                tuple(
                    [
                        "callid",
                        "cseq",
                        "switchid",
                        "calltype",
                        "connid",
                        "irid",
                        "parentcallid",
                        "mergecallid",
                        "media",
                    ]
                ),
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
                ("partyid", "callid", "pseq", "cseq", "endpointdn", "agentid"),
            ),
        ),
        "userdata": (
            History("g_userdata_history", "userdata", userdata, _USERDATA, where="s.secure is not true"),
            History("g_secure_userdata_history", "userdata", userdata, _USERDATA, where="s.secure"),
        ),
    }


_PROPERTIES = ("sessid", "seq", "dialmode", "optimmode", "optimvalue")


@cache
def properties() -> dict[str, History]:
    """Event type to the second table of its lines: a property that came with a campaign notice."""
    bare = dict.fromkeys(("prevdmenter", "prevdmenter_ts", "prevdmenter_tcode"), "null")
    return {
        "campaign": History(
            "go_campprop_hist",
            "campaign",
            {**_OCS, **bare},
            _PROPERTIES,
            where="coalesce(s.dialmode, s.optimmode, s.optimvalue) is not null",
        ),
        "campaign_property": History(
            "go_campprop_hist",
            "campaign_property",
            _OCS,
            (*_PROPERTIES, "prevdialmode", "prevoptimmode", "prevoptimvalue"),
        ),
    }
