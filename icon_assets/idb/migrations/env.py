"""Alembic's entry: runs on the connection, and in the transaction, that idb.migrate opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema="ops",
)
context.run_migrations()
