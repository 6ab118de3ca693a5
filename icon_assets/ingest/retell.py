"""A batch of calls that a database has loaded, told again by that database as text of the contract."""

from __future__ import annotations

from functools import cache

from icon_assets.contract.header import CONTRACT
from icon_assets.idb.catalogue import catalogue
from icon_assets.ingest.targets import histories


def retell(batch_id: int) -> str:
    """The statement that copies out what batch `batch_id` brought: its header, then a line for each row.

    JSON has no control characters, so CSV between two of them is the text itself.
    """
    return f"""
        copy (
            with b as (select * from ops.batch where batch_id = {batch_id:d}),
            lines as materialized ({" union all ".join(_events()).format(batch_id=batch_id)}),
            header as (
                select
                    'batch' as type,
                    '{CONTRACT}' as contract,
                    'copied/' || b.batch_id
                    || to_char(b.loaded_at at time zone 'UTC', '/YYYYMMDD"T"HH24MISS.US') as batch,
                    b.source,
                    b.dbid,
                    b.feed,
                    b.release,
                    (select count(*) from lines) as events,
                    b.first_dsseq,
                    b.last_dsseq
                from b
            )
            select line from (
                select 0 as place, json_strip_nulls(row_to_json(h))::text as line from header as h
                union all
                select 1, line from lines
            ) as t
            order by place, line collate "C"
        ) to stdout (format csv, delimiter e'\\x01', quote e'\\x02')
    """


@cache
def _events() -> tuple[str, ...]:
    """For each table the events that its rows of batch `b` came from, as lines."""
    call, party = histories()["call"][0], histories()["party"][0]
    connection, (userdata, secure) = histories()["connection"][0], histories()["userdata"]
    return (
        _event(call.table, "call", call.same, change=_word("CALL_CHANGETYPE", "changetype")),
        _event(
            party.table,
            "party",
            party.same,
            change=_word("PARTY_CHANGETYPE", "changetype"),
            partytype="h.type",
            role=_word("PARTY_ROLE", "prole"),
            state=_word("PARTY_STATE", "state"),
        ),
        _event(userdata.table, "userdata", userdata.same, change=_word("USERDATA_CHANGETYPE", "changetype")),
        _event(
            secure.table,
            "userdata",
            secure.same,
            change=_word("USERDATA_CHANGETYPE", "changetype"),
            secure="true",
        ),
        _event(connection.table, "connection", connection.same),
    )


def _event(table: str, type_: str, same: str, **others: str) -> str:
    fields = {
        "type": f"'{type_}'",
        "ts": "(extract(epoch from h.added) * 1000)::bigint",
        **{name: f"h.{name}" for name in same.split()},
        **others,
    }
    columns = ", ".join(f'{expression} as "{name}"' for name, expression in fields.items())
    return f"""
        select json_strip_nulls(row_to_json(e))::text as line
        from (select {columns} from idb.{table} as h where h.gsys_seq = {{batch_id:d}}) as e
    """


def _word(enumeration: str, column: str) -> str:
    """SQL that turns a code back into the contract's word; 0 stands for none."""
    codes = catalogue().enumerations[enumeration]
    cases = " ".join(f"when {code} then '{name}'" for code, name in codes.items() if code)
    return f"case h.{column} {cases} end"
