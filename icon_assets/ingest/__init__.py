"""A batch becomes rows of the IDB, or quarantine, in one transaction. No Dagster here."""
