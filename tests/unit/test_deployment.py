"""What deployment.yaml may say, how roles are parsed, and what is said about a file that cannot be used."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from icon_assets.errors import UserError
from icon_assets.ingest.deployment import EVERYTHING, ROLES, Icon, parse_role, read_deployment

EXAMPLE = Path(__file__).parents[2] / "docs" / "deployment.yaml"


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("all", ROLES),
        ("gos", {"gos"}),
        ("gcc,gud", {"gcc", "gud"}),
        ("gcc, gud", {"gcc", "gud"}),
        ("~cfg", ROLES - {"cfg"}),
        ("~cfg,~gos", ROLES - {"cfg", "gos"}),
        ("all,~gos", ROLES - {"gos"}),
    ],
)
def test_roles(text: str, roles: set[str]) -> None:
    assert parse_role(text) == roles


@pytest.mark.parametrize("text", ["GOS", "Gos", "gcc,GUD", "ALL", "~CFG"])
def test_another_case_means_all_with_a_loud_warning(text: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert parse_role(text) == ROLES
    assert f"role {text!r} is not in lower case: ICON takes it for 'all'" in caplog.text


@pytest.mark.parametrize("text", ["", "goss", "gos,outbound", "~all", "~x"])
def test_a_name_that_is_no_role_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write all, a list of cfg, gcc, gls, gos, gud, lrm"):
        parse_role(text)


def test_the_example_has_every_setting() -> None:
    first, second, third = read_deployment(EXAMPLE).icons
    cti = frozenset({"gcc", "gud", "gos"})
    assert first == Icon(301, cti, frozenset({101}), {201: 1}, False, True, 0)
    assert second == Icon(302, cti, frozenset({101}), {202: 2})
    assert third == Icon(303, frozenset({"cfg"}))


def test_without_a_file_one_icon_takes_everything() -> None:
    assert read_deployment(None) is EVERYTHING


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("icons: []", "length"),
        ("- 1", "Expected `object`"),
        ("icons: [{dbid: 0}]", ">= 1"),
        ("icons: [{role: gos}]", "dbid"),
        ("icons: [{dbid: 1, rolle: gos}]", "unknown field `rolle`"),
        ("icons: [{dbid: 1, role: goss}]", "role 'goss'"),
        ("icons: [{dbid: 1, partition-type: 3}]", "<= 2"),
        ("icons: [{dbid: 1}, {dbid: 1}]", "two ICONs have one dbid"),
        ("icons: [", "while parsing"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_reason(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=complaint):
        read_deployment(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="ICON_DEPLOYMENT names"):
        read_deployment(tmp_path / "none.yaml")
