"""What has ended on the days under way: table `ended`, which every query of rows reads; what is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

# As Info Mart: a treatment that redials without end makes histories that no report wants.
LONGEST_HISTORY = 5_000
ENDED = {"campaign": "ops.ended_session", "chain": "ops.ended_chain"}

# With the default, made for disks that turn, a day's histories are found by reading all histories: twice the
# time of a day of the real campaign, and more with each year. A portion of all its days is planned as before.
_PLANNING = "set local random_page_cost = 1.1"


def collect(connection: sa.Connection, entity: str, days: Sequence[date]) -> None:
    """Fills `ended` with the objects in idb that ended on these days, for the rest of the transaction."""
    connection.execute(sa.text(_PLANNING))
    connection.execute(
        sa.text("select final.collect(:entity, :days)"), {"entity": entity, "days": list(days)}
    )


def leave_out(connection: sa.Connection, entity: str) -> list[dict[str, Any]]:
    """Takes the chains with too long a history out of `ended`; returns them as rows of ops.set_aside."""
    if entity != "chain":
        return []
    left_out = connection.execute(sa.text(_LEAVE_OUT), {"limit": LONGEST_HISTORY}).mappings()
    return [dict(row) for row in left_out]


_NOTICES, _FIELDS, _SECURE_FIELDS = (
    f"(select count(*) from idb.{table} as h where h.chainguid = e.chainguid and h.ocsid = e.ocsid)"
    for table in ("go_chainrec_hist", "go_fieldhist", "go_sec_fieldhist")
)
# SEQ tells without counting which chain can have too many notices; of fields only a count does. A count for
# each chain costs half of one over all, which would have to group by CHAINGUID.
_LEAVE_OUT = f"""
    delete from ended as e
    using (
        select
            e.chainguid,
            e.ocsid,
            greatest(
                case when c.lastseq - c.firstseq >= :limit then {_NOTICES} end,
                {_FIELDS},
                {_SECURE_FIELDS}
            ) as rows
        from ended as e
        inner join idb.go_chain as c on c.chainguid = e.chainguid and c.ocsid = e.ocsid
        offset 0
    ) as l
    where l.rows > :limit and l.chainguid = e.chainguid and l.ocsid = e.ocsid
    returning e.final_day, e.chainguid, e.ocsid, l.rows
"""


def count_objects(connection: sa.Connection, entity: str, days: Sequence[date]) -> dict[date, int]:
    """How many objects each day has: those in `ended`, and those that only final holds."""
    only_final = "union all select final_day from ops.purged_chain where final_day = any(:days)"
    query = f"""
        select final_day, count(*)
        from (select final_day from ended {only_final if entity == "chain" else ""}) as o
        group by final_day
    """
    values = {"days": list(days)} if entity == "chain" else {}
    return dict(connection.execute(sa.text(query), values).tuples().all())
