"""What the environment may say, and what is said about what it may not."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from icon_assets.errors import UserError
from icon_assets.settings import Settings


def test_defaults() -> None:
    assert Settings.from_env({}) == Settings(
        var=Path("var").absolute(),
        landing_url=str(Path("var").absolute() / "landing"),
        database_url=None,
        first_day=date(2000, 1, 1),
        wait=timedelta(hours=1),
        chain_silence=timedelta(hours=8),
        session_silence=timedelta(hours=24),
        finalize_delay=timedelta(0),
        keep_days=None,
        keep_run_days=30,
    )


def test_an_empty_variable_counts_as_unset() -> None:
    names = (
        *("ICON_VAR", "ICON_LANDING_URL", "ICON_DATABASE_URL", "ICON_FIRST_DAY", "ICON_WAIT"),
        *("ICON_CHAIN_SILENCE", "ICON_SESSION_SILENCE", "ICON_KEEP_DAYS", "ICON_DEPLOYMENT"),
        "ICON_CTI_DATABASE_URL",
        *("ICON_FINALIZE_DELAY", "ICON_KEEP_RUN_DAYS"),
    )
    assert Settings.from_env(dict.fromkeys(names, "")) == Settings.from_env({})


def test_every_variable() -> None:
    settings = Settings.from_env(
        {
            "ICON_VAR": "/srv/icon",
            "ICON_LANDING_URL": "s3://bucket/landing",
            "ICON_DATABASE_URL": "postgresql://u:p@db/icon",
            "ICON_FIRST_DAY": "2024-03-01",
            "ICON_WAIT": "60",
            "ICON_CHAIN_SILENCE": "12",
            "ICON_SESSION_SILENCE": "72",
            "ICON_FINALIZE_DELAY": "300",
            "ICON_KEEP_DAYS": "400",
            "ICON_KEEP_RUN_DAYS": "90",
            "ICON_DEPLOYMENT": "/srv/icon/deployment.yaml",
            "ICON_CTI_DATABASE_URL": "postgresql://u:p@db/cti",
        }
    )
    assert settings == Settings(
        Path("/srv/icon"),
        "s3://bucket/landing",
        "postgresql://u:p@db/icon",
        date(2024, 3, 1),
        timedelta(minutes=1),
        timedelta(hours=12),
        timedelta(hours=72),
        timedelta(minutes=5),
        400,
        90,
        Path("/srv/icon/deployment.yaml"),
        "postgresql://u:p@db/cti",
    )


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("ICON_FIRST_DAY", "1.3.2024", "Write it as"),
        ("ICON_WAIT", "-1", "whole number of seconds"),
        ("ICON_WAIT", "1h", "whole number of seconds"),
        ("ICON_CHAIN_SILENCE", "8h", "whole number of hours"),
        ("ICON_SESSION_SILENCE", "99999999999", "whole number of hours"),
        ("ICON_KEEP_DAYS", "a year", "whole number of days"),
        ("ICON_DATABASE_URL", "mysql://root:secret@db/icon", "Write postgresql://"),
        ("ICON_CTI_DATABASE_URL", "mysql://root:secret@db/icon", "unset it to take calls by file only"),
        ("ICON_CTI_DATABASE_URL", "postgresql://root:secret%zz@db/icon", "of the password as %XX"),
    ],
)
def test_an_error_names_the_variable_and_the_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(UserError, match=remedy) as raised:
        Settings.from_env({name: value})
    assert name in str(raised.value)
    assert "secret" not in str(raised.value)
