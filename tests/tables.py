"""Compares whole databases: every table's rows, but for what differs from load to load by its nature."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

# Row ids, the system block, and when and by which run a row was written.
_BY_NATURE = ("id", "chid", "phid", "dss_id", "fevent_itime", "levent_itime", "built_at", "run_id")
_TABLES = """
    select
        c.table_schema,
        c.table_name,
        string_agg(quote_ident(c.column_name), ', ' order by c.ordinal_position)
    from information_schema.columns as c
    inner join information_schema.tables as t
        on t.table_schema = c.table_schema and t.table_name = c.table_name and t.table_type = 'BASE TABLE'
    where
        c.table_schema = any(:schemas)
        and c.column_name <> all(:by_nature) and c.column_name not like 'gsys\\_%'
    group by 1, 2
    order by 1, 2
"""


def fingerprints(engine: sa.Engine, schemas: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Of each table of the schemas: how many rows, and a digest of them in any order."""
    found: dict[str, tuple[int, str]] = {}
    with engine.connect() as connection:
        tables = connection.execute(
            sa.text(_TABLES), {"schemas": list(schemas), "by_nature": list(_BY_NATURE)}
        ).all()
        for schema, table, columns in tables:
            count, digest = connection.execute(
                sa.text(
                    "select count(*), coalesce(md5(string_agg(md5(r::text), '' order by md5(r::text))), '') "
                    f"from (select {columns} from {schema}.{table}) as r"
                )
            ).one()
            found[f"{schema}.{table}"] = (count, digest)
    return found
