"""The IDB, its final copy and the bookkeeping of ops."""

from alembic import op

from icon_assets.idb.catalogue import catalogue
from icon_assets.idb.definers import definers
from icon_assets.idb.schema import idb, metadata

revision = "0001"
down_revision = None

SCHEMAS = {
    "idb": "The Interaction Database, as ICON would store it.",
    "final": "What has ended, by day of termination (UTC).",
    "ops": "The ledger, quarantine and dirty days: how the data came to be.",
    "marts_staging": "dbt: one view a source table.",
    "marts_intermediate": "dbt: joins between staging and marts.",
    "marts": "What analysts read.",
}


def upgrade() -> None:
    """Makes everything."""
    for schema, meaning in SCHEMAS.items():
        op.execute(f"create schema if not exists {schema}")
        op.execute(f"comment on schema {schema} is '{meaning}'")
    metadata.create_all(op.get_bind())
    # On the driver's own connection: SQLAlchemy would read a percent sign as a parameter.
    op.get_bind().connection.cursor().execute(definers())
    op.bulk_insert(
        idb("g_dictionary"),
        [
            {"type": enumeration, "code": code, "name": name}
            for enumeration, codes in catalogue().enumerations.items()
            for code, name in codes.items()
        ],
    )
