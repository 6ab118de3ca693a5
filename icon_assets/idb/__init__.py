"""The Interaction Database: its catalogue, tables, migrations and codes. No events, no Dagster."""
