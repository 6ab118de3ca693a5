"""What Dagster runs: assets, checks, jobs, schedules, sensors. The work itself is the library's."""
