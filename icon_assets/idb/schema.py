"""SQLAlchemy Core tables: those of the schemas idb and final are made of the catalogue; ops has its own."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import sqlalchemy as sa

from icon_assets.idb.catalogue import SYSTEM_BLOCK, Column, Table, catalogue
from icon_assets.idb.ops import metadata as metadata

# The files of functions and views, in the order in which they need each other.
OBJECTS = ("objects", "observed", "transitions")

# What is finalized together: by SESSID, and by OCSID with CHAINGUID. The first of each is the base.
FINAL_TABLES = {
    "campaign": ("go_campaign", "go_campaignhistory", "go_campprop_hist"),
    "chain": (
        "go_chain",
        "go_chainrec_hist",
        "go_record",
        "go_record_hist",
        "go_custom_fields",
        "go_fieldhist",
        "go_secure_fields",
        "go_sec_fieldhist",
        "gox_chain_call",
    ),
}

_BASE = {tables[0] for tables in FINAL_TABLES.values()}
_INTERVALS = {"go_campaignhistory", "go_chainrec_hist"}
# Histories of chains, whose rows may have to go back to idb as the source gave them.
_DERIVED = {"go_chainrec_hist", "go_fieldhist", "go_sec_fieldhist"}


def _type(column: Column, in_key: bool) -> sa.types.TypeEngine[Any]:
    if column.type.startswith("varchar"):
        length = int(column.type[len("varchar(") : -1])
        # GUIDs are opaque bytes, and collation "C" compares fastest. All of them have it: an index
        # of another collation does not serve a look-up.
        is_guid = in_key or column.name.endswith(("guid", "id"))
        return sa.String(length, collation="C" if is_guid else None)
    types: dict[str, sa.types.TypeEngine[Any]] = {
        "integer": sa.Integer(),
        "bigint": sa.BigInteger(),
        "bigserial": sa.BigInteger(),
        "timestamp": sa.DateTime(),
        "numeric(20)": sa.Numeric(20),
    }
    return types[column.type]


def _column(column: Column, table: Table, *, serial: bool = True) -> sa.Column[Any]:
    in_key = column.name in table.key
    default = [sa.Identity(always=False)] if column.type == "bigserial" and serial else []
    nullable = not default and (not in_key or column.name in NULLABLE_KEYS.get(table.name, ()))
    return sa.Column(column.name, _type(column, in_key), *default, nullable=nullable, comment=column.comment)


# Key columns that may be null; their tables have a unique constraint with nulls equal for a key.
NULLABLE_KEYS = {
    "gox_chain_call": ("callid",),
    "go_metrics": ("campaignid", "groupid", "callinglistid", "callattid", "callid", "dsseq"),
    "g_dss_connection": ("icon_dbid",),
}


def _key(table: Table, extra: tuple[str, ...] = ()) -> sa.Constraint:
    columns = (*extra, *table.key)
    if table.name in NULLABLE_KEYS:
        return sa.UniqueConstraint(*columns, postgresql_nulls_not_distinct=True)
    return sa.PrimaryKeyConstraint(*columns)


def _idb_table(table: Table) -> sa.Table:
    return sa.Table(
        table.name,
        metadata,
        *(_column(column, table) for column in table.columns),
        _key(table),
        schema="idb",
        comment=table.purpose,
    )


def _final_table(table: Table) -> sa.Table:
    columns = [c for c in table.columns if c.name != "id" and not c.name.startswith(SYSTEM_BLOCK.lower())]
    extras: list[sa.Column[Any]] = []
    if table.name in _BASE:
        extras.append(
            sa.Column(
                "synthetic_close", sa.String(16), comment="Why the end was made up, null for a real one."
            )
        )
    if table.name in _INTERVALS:
        extras.append(
            sa.Column("duration_ms", sa.BigInteger, comment="Time until the next notice; null for the last.")
        )
    if table.name in _DERIVED:
        extras.append(
            sa.Column(
                "derived",
                sa.Integer,
                nullable=False,
                comment="What the source did not tell: 1 PREVSTATE, 2 PREVSENTER or PREVENTER, 3 both.",
            )
        )
    return sa.Table(
        table.name,
        metadata,
        sa.Column("final_day", sa.Date, nullable=False, comment="Day (UTC) on which the object ended."),
        *(_column(column, table, serial=False) for column in columns),
        *extras,
        _key(table, ("final_day",)),
        schema="final",
        comment=f"{table.purpose} Ended objects only, by day of termination.",
        postgresql_partition_by="RANGE (final_day)",
    )


for _table in catalogue().tables.values():
    _idb_table(_table)
for _names in FINAL_TABLES.values():
    for _name in _names:
        _final_table(catalogue().tables[_name])


def idb(name: str) -> sa.Table:
    """The table `name` of schema idb."""
    return metadata.tables[f"idb.{name}"]


def final(name: str) -> sa.Table:
    """The table `name` of schema final."""
    return metadata.tables[f"final.{name}"]


# Look-ups that the main path needs; everything else is left to the marts, which are indexed for readers.
sa.Index(
    "go_chain_terminated", idb("go_chain").c.terminated, postgresql_where=sa.text("terminated is not null")
)
sa.Index(
    "go_campaign_terminated",
    idb("go_campaign").c.terminated,
    postgresql_where=sa.text("terminated is not null"),
)
# Open chains are few: what is lost is looked for among them at each run.
sa.Index("go_chain_open", idb("go_chain").c.chainguid, postgresql_where=sa.text("terminated is null"))
sa.Index("go_chain_sessid", idb("go_chain").c.sessid)
sa.Index(
    "go_chainrec_hist_callattid",
    idb("go_chainrec_hist").c.callattid,
    postgresql_where=sa.text("callattid is not null"),
)
sa.Index(
    "gox_chain_call_callid", idb("gox_chain_call").c.callid, postgresql_where=sa.text("callid is not null")
)
sa.Index(
    "go_metrics_callattid", idb("go_metrics").c.callattid, postgresql_where=sa.text("callattid is not null")
)
sa.Index("g_call_irid", idb("g_call").c.irid, postgresql_where=sa.text("irid is not null"))
sa.Index("g_party_callid", idb("g_party").c.callid)
sa.Index("g_party_history_callid", idb("g_party_history").c.callid)
for _name in ("g_userdata_history", "g_secure_userdata_history"):
    sa.Index(
        f"{_name}_attempt",
        sa.text("btrim(value)"),
        postgresql_where=sa.text("upper(keyname) = 'GSW_CALL_ATTEMPT_GUID'"),
        _table=idb(_name),
    )
# What one batch brought, for a database that takes its calls from this one. Rows come in the order of their
# batches, so that block ranges tell them apart, at next to no cost.
for _name in ("g_call_history", "g_party_history", "g_userdata_history", "g_secure_userdata_history"):
    sa.Index(
        f"{_name}_gsys_seq",
        idb(_name).c.gsys_seq,
        postgresql_using="brin",
        postgresql_with={"autosummarize": True},
    )


@sa.event.listens_for(metadata, "after_create")
def _create_objects(_target: sa.MetaData, connection: sa.Connection, **_: Any) -> None:
    """Functions and views come with the tables."""
    # On the driver's own connection: SQLAlchemy would read a colon or a percent sign as a parameter.
    cursor = connection.connection.cursor()
    for name in OBJECTS:
        cursor.execute((files(__package__) / f"{name}.sql").read_text())
