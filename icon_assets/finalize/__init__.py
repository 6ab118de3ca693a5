"""What has ended, by day of termination: final tables, dirty days, artificial closes. No Dagster here."""
