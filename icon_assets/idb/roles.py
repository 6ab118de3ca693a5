"""The database's roles as data: owners of tables, a login for each stage, and those that people read with."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from icon_assets.errors import UserError
from icon_assets.files import locked, write_private
from icon_assets.idb.migrate import head

ALL_SCHEMAS = ("idb", "final", "ops", "marts_staging", "marts_intermediate", "marts")

# Customers' numbers and protected values, and the key of their tokens: by table the columns, or all of them.
SECRETS: dict[str, tuple[str, ...]] = {
    **{
        f"{schema}.{table}": columns
        for schema in ("idb", "final")
        for table, columns in {
            "go_record": ("contactinfo",),
            "go_record_hist": ("contactinfo",),
            "go_secure_fields": ("value", "valuerest"),
            "go_sec_fieldhist": ("oldvalue", "newvalue", "oldrest", "newrest"),
        }.items()
    },
    "idb.g_secure_userdata_history": (),
    "idb.g_party": ("endpointdn",),
    "idb.g_party_history": ("endpointdn",),
    "ops.quarantine": ("raw",),
    "ops.token_key": (),
}


@dataclass(frozen=True)
class Role:
    """A role, and all that it may do. Names are of schemas (all that is in them) or `schema.table`.

    guarded: read but for SECRETS. writes: right to tables; `uses` sequences, `calls` functions. of_database:
    rights to the database. acts_as: the role that its sessions become.
    """

    name: str
    may_log_in: bool = True
    owns: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    guarded: tuple[str, ...] = ()
    writes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    acts_as: str = ""
    of_database: tuple[str, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()

    def fingerprint(self, password: str) -> str:
        """Kept as the role's comment: says in one look whether the server has it as we mean it."""
        return f"icon-assets {_digest(_meant())} {password_digest(password)}"


def _of(schema: str, names: str) -> tuple[str, ...]:
    return tuple(f"{schema}.{name}" for name in names.split())


# Every notice has a row, and keeps it.
HISTORIES = _of(
    "idb",
    "go_campaignhistory go_campprop_hist go_chainrec_hist go_record_hist go_fieldhist go_sec_fieldhist "
    "gox_chain_call go_metrics g_call_history g_party_history g_userdata_history g_secure_userdata_history "
    "g_dss_connection gc_object_hist g_timecode",
)
# One row an object, as it is now.
CURRENT = _of(
    "idb",
    "go_campaign go_chain go_record go_custom_fields go_secure_fields g_call g_party g_ir "
    "g_dss_gos_provider g_dss_gcc_provider g_dss_gud_provider gc_tenant gc_campaign gc_group "
    "gc_calling_list gc_field gc_format gc_agent gc_switch gc_application gcx_camplist_info "
    "gcx_campgroup_info gcx_format_field",
)
# What is purged from idb, and comes back from final.
CHAIN_TABLES = (
    "go_chain go_chainrec_hist go_record go_record_hist go_custom_fields go_fieldhist go_secure_fields "
    "go_sec_fieldhist gox_chain_call"
)

# A stage names schemas in full, so nothing that others put in its way can be meant.
_STAGE = (("search_path", ""), ("timezone", "UTC"))
_READER = (("default_transaction_read_only", "on"), ("timezone", "UTC"))

OWNER = "owner"
DAGSTER = "dagster"

ROLES = (
    Role(OWNER, may_log_in=False, owns=("idb", "final", "ops"), of_database=("create", "temporary")),
    Role(
        "marts_owner",
        may_log_in=False,
        owns=("marts_staging", "marts_intermediate", "marts"),
        reads=(
            "idb",
            "final",
            *_of("ops", "batch sequence_run cti_database final_day open_chain open_session synthetic_close"),
            *_of("ops", "marts_day marts_window marts_run token_key"),
        ),
        writes={
            "insert": _of("ops", "marts_day marts_window marts_run"),
            "update": _of("ops", "marts_day marts_run"),
            "delete": _of("ops", "marts_window"),
        },
        of_database=("temporary",),
    ),
    Role(
        "loader",
        reads=(
            "idb",
            *_of("final", CHAIN_TABLES),
            *_of("ops", "alembic_version batch landing_file quarantine purged_chain purged_key cti_database"),
            *_of("ops", "ended_chain ended_session final_day"),
        ),
        writes={
            "insert": (
                *HISTORIES,
                *CURRENT,
                *_of("ops", "batch sequence_run landing_file quarantine dirty_day cti_database"),
            ),
            "update": (*CURRENT, *_of("ops", "landing_file quarantine cti_database")),
            # Values of fields move, or go, when the configuration says so; an interaction may end in another.
            "delete": (
                *_of("idb", "go_fieldhist go_sec_fieldhist go_custom_fields go_secure_fields g_ir"),
                "ops.purged_chain",
            ),
        },
        uses=("ops.batch_batch_id_seq",),
        of_database=("temporary",),
        settings=_STAGE,
    ),
    Role(
        "finalizer",
        reads=(
            "idb",
            "final",
            *_of("ops", "batch dirty_day final_day marts_day synthetic_close set_aside purged_chain"),
            *_of("ops", "alembic_version ended_chain ended_session"),
        ),
        writes={
            "insert": _of("ops", "dirty_day final_day synthetic_close set_aside purged_chain purged_key"),
            "update": _of("ops", "dirty_day final_day synthetic_close"),
            "delete": (*_of("idb", CHAIN_TABLES), "ops.set_aside"),
        },
        uses=("ops.final_version",),
        calls=("final.make_month", "final.collect", "final.swap"),
        of_database=("temporary",),
        settings=_STAGE,
    ),
    Role("builder", acts_as="marts_owner", of_database=("temporary",), settings=_STAGE),
    Role(
        "housekeeper",
        reads=_of("ops", "landing_file dirty_day marts_run"),
        writes={"insert": ("ops.dirty_day",), "delete": _of("ops", "landing_file dirty_day marts_run")},
        settings=_STAGE,
    ),
    Role("secure_reader", reads=ALL_SCHEMAS, settings=_READER),
    # Not marts_staging: its views read the tables of idb with their owner's rights.
    Role(
        "operator",
        reads=("marts_intermediate", "marts"),
        guarded=("idb", "final", "ops"),
        settings=_READER,
    ),
    Role("analyst", reads=("marts",), settings=_READER),
    # In Dagster's database, where it makes the tables itself; in ours it has no rights at all.
    Role(DAGSTER, owns=("public",), of_database=("temporary",)),
)
READERS = tuple(role.name for role in ROLES if role.settings == _READER)
LOGINS = tuple(role.name for role in ROLES if role.may_log_in)


@cache
def _meant() -> str:
    return f"{ROLES!r} {SECRETS!r} {head()}"


def password_digest(password: str) -> str:
    """The last word of a fingerprint. A password of 256 random bits cannot be found from it."""
    return _digest(password)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def server_name(prefix: str, role: str) -> str:
    """Name of a role on the server: two databases of one server have roles of their own."""
    return f"{prefix}_{role}"


def passwords(var: Path) -> dict[str, str]:
    """The logins' passwords, by role; made at first use and kept in a file that only its owner reads."""
    path = var / "passwords.json"
    if (known := _read(path)).keys() >= {*LOGINS}:
        return known
    with locked(var / "passwords.lock"):
        known = _read(path)
        fresh = {name: secrets.token_urlsafe(32) for name in LOGINS}
        write_private(path, json.dumps({**fresh, **known}, indent=2) + "\n")
    return {**fresh, **known}


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise UserError(f"{path} belongs to another user. Run icon-assets as that user.") from error
