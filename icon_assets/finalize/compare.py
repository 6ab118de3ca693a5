"""Which days of final have other rows than idb gives: by count and hash of each day and table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from icon_assets.idb.final_rows import kept, query
from icon_assets.idb.schema import FINAL_TABLES


def differing(connection: sa.Connection, entity: str, days: Sequence[date]) -> set[date]:
    """Compares the days with what the objects in `ended` give; what only final holds is left out."""
    found: set[date] = set()
    for table in FINAL_TABLES[entity] if days else ():
        held = (
            f"select f.* from final.{table} as f where f.final_day = any(:days) and not {kept(entity, 'f')}"
        )
        given = f"select q.* from ({query(table)}) as q where q.final_day = any(:days)"
        found |= set(
            connection.execute(
                sa.text(
                    f"select coalesce(i.final_day, f.final_day) from ({_fingerprint(given)}) as i "
                    f"full join ({_fingerprint(held)}) as f on f.final_day = i.final_day "
                    "where (i.n, i.hash) is distinct from (f.n, f.hash)"
                ),
                {"days": list(days)},
            ).scalars()
        )
    return found


def _fingerprint(rows: str) -> str:
    """A sum of hashes needs no order; hashing the record is three times as fast as hashing its text."""
    return (
        "select r.final_day, count(*) as n, sum(hash_record_extended(r, 0)) as hash "
        f"from ({rows}) as r group by r.final_day"
    )
