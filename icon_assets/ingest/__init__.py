"""Batches become rows of the IDB, or quarantine, each whole or not at all. No Dagster here."""
