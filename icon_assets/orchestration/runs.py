"""What a run says of itself, to people and to whoever asks for the next one; runs that nobody ends."""

import dagster as dg

WHY = "icon/why"  # what a run was asked for, for the list of runs
# `process` marks its runs: one that was killed stays "started", and must not hold up the daemon.
BY_HAND = {"icon/by": "process"}

_AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
UNDER_WAY = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, *_AT_WORK]
ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def is_by_hand(run: dg.DagsterRun) -> bool:
    """Whether `process` started the run, rather than the daemon."""
    return run.tags.items() >= BY_HAND.items()


def end_orphans(instance: dg.DagsterInstance) -> None:
    """Closes the books on runs that stopped with their daemon, which nobody else would for two hours.

    Until then they would keep their pool, and the sensors waiting.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=_AT_WORK)):
        if not is_by_hand(run):
            instance.report_run_failed(run, "Dagster stopped while this run was under way.")
