"""A load that outlives faults: tried again where they pass by themselves, and without the batch at fault."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from icon_assets.contract.reasons import FileProblem
from icon_assets.ingest.deployment import Deployment
from icon_assets.ingest.ledger import Source
from icon_assets.ingest.load import Loads, load

# What goes away by itself: lost or refused connections, shutdown, locks, deadlocks, serialization, read-only,
# and the limits of a loader that was stopped for a while.
_TRANSIENT = ("08", "40", "55P03", "57", "53300", "25006", "25P03", "25P04")
_ATTEMPTS = 5


class LoadError(Exception):
    """The database refused a batch. The message has the SQLSTATE only: PostgreSQL's own quotes values."""


def load_with_retries(
    engine: sa.Engine, sources: Sequence[Source], deployment: Deployment, *, attempts: int = _ATTEMPTS
) -> Loads:
    """Loads the first batches; after a fault the outcome may be unknown: the next attempt asks the ledger.

    What goes wrong with several is tried with the first half of them, so that none keeps the others out and
    the one at fault is soon found; the pauses are for all and for that one. Raises LoadError where the
    database refuses.
    """
    for attempt in range(attempts):
        try:
            with _driver_connection(engine) as connection:
                return load(connection, sources, deployment=deployment)
        except FileProblem as problem:  # of a file that was there when it was first read
            if len(sources) == 1:
                return Loads([problem])
            break
        except (psycopg.Error, sa.exc.DBAPIError) as error:
            cause = error.orig if isinstance(error, sa.exc.DBAPIError) else error
            state = getattr(cause, "sqlstate", None)
            lost = state is None and isinstance(cause, psycopg.OperationalError)
            if attempt < attempts - 1 and (lost or (state or "").startswith(_TRANSIENT)):
                time.sleep(0.5 * 2**attempt)
            elif len(sources) == 1:
                # `from None`: the original quotes rows.
                raise LoadError(f"{sources[0].path!r}: {type(cause).__name__}, SQLSTATE {state}") from None
            else:
                break
    half = sources[: len(sources) // 2]
    return load_with_retries(engine, half, deployment, attempts=_ATTEMPTS if len(half) == 1 else 1)


@contextmanager
def _driver_connection(engine: sa.Engine) -> Iterator[psycopg.Connection[Any]]:
    """The driver's own connection, for COPY; its transactions begin and end where the code says."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        yield driver
