"""What Dagster sees: names that people and dashboards rely on, and a lineage without a gap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from icon_assets.errors import UserError
from icon_assets.instance import ROOT
from icon_assets.marts.dbt_cli import manifest_path
from icon_assets.orchestration.assets.landing import EVENT_BATCHES
from icon_assets.settings import Settings

SNAPSHOT = Path(__file__).with_name("definitions.json")
# dbt's models have their own tests; their names change with every mart.
DBT_GROUPS = {"seeds", "staging", "intermediate", "marts"}


def seen(defs: dg.Definitions) -> dict[str, Any]:
    """Everything by name, as the snapshot keeps it."""
    repository = defs.get_repository_def()
    graph = defs.resolve_asset_graph()
    nodes = {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}
    return {
        "assets": {
            name: {
                "group": node.group_name,
                "kinds": sorted(node.kinds),
                "pools": sorted(node.pools or ()),
                "partitions": repr(node.partitions_def) if node.partitions_def else None,
                "checks": sorted(check.name for check in node.check_keys),
            }
            for name, node in sorted(nodes.items())
            if node.group_name not in DBT_GROUPS
        },
        "jobs": sorted(job.name for job in repository.get_all_jobs() if not job.name.startswith("__")),
        "schedules": {
            schedule.name: {
                "job": schedule.job_name,
                "cron": schedule.cron_schedule,
                "zone": schedule.execution_timezone,
                "status": schedule.default_status.value,
            }
            for schedule in repository.schedule_defs
        },
        "sensors": {
            sensor.name: {
                "job": sensor.job_name if sensor.targets else None,
                "seconds": sensor.minimum_interval_seconds,
                "status": sensor.default_status.value,
            }
            for sensor in repository.sensor_defs
        },
    }


def test_they_load_and_are_as_recorded(defs: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(defs)
    now = seen(defs)
    if os.environ.get("UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(json.dumps(now, indent=2) + "\n")
    assert now == json.loads(SNAPSHOT.read_text()), "if it is meant: UPDATE_SNAPSHOT=1 pytest, and commit"


def test_lineage_runs_unbroken_from_landing_zone_to_mart(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        # Known to the graph only because another asset names it: a source that nothing here makes.
        assert node.group_name != "default", f"{key} is no asset of ours"
    facts = [key for key in graph.get_all_asset_keys() if key.path[-1].startswith(("fct_", "brg_", "mart_"))]
    assert len(facts) >= 7
    for key in facts:
        upstream = ancestors(graph, key)
        assert EVENT_BATCHES in upstream, key
        assert upstream & {dg.AssetKey(["final", "go_chain"]), dg.AssetKey(["final", "go_campaign"])}, key


def ancestors(graph: Any, key: dg.AssetKey) -> set[dg.AssetKey]:
    found: set[dg.AssetKey] = set()
    ahead = [key]
    while ahead:
        new = graph.get(ahead.pop()).parent_keys - found
        found |= new
        ahead += new
    return found


def test_every_source_view_and_helper_is_read_by_a_model(settings: Settings) -> None:
    manifest = json.loads(manifest_path(settings).read_text())
    below = [*manifest["sources"], *(name for name, node in manifest["nodes"].items() if is_below(node))]
    assert len(below) > 60
    unread = {
        name for name in below if not any(made.startswith("model.") for made in manifest["child_map"][name])
    }
    assert unread == set()


def is_below(node: dict[str, Any]) -> bool:
    """Whether it is a model that the marts are made of."""
    return node["resource_type"] == "model" and node["schema"] != "marts"


def test_days_begin_with_the_setting_and_end_today(settings: Settings, defs: dg.Definitions) -> None:
    days = defs.resolve_asset_graph().get(dg.AssetKey(["final", "go_chain"])).partitions_def
    keys = days.get_partition_keys(current_time=datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert keys[0] == settings.first_day.isoformat()
    assert keys[-1] == "2026-03-01"


def test_a_missing_manifest_says_what_to_do(tmp_path: Path) -> None:
    from icon_assets.definitions import build_defs

    settings = Settings(var=tmp_path, landing_url=str(tmp_path / "landing"))
    with pytest.raises(UserError, match=r"no dbt manifest at .*: icon-assets dev"):
        build_defs(settings)


def test_importing_the_definitions_opens_nothing(settings: Settings) -> None:
    """The code server, each worker and each command import it; only the manifest may be read."""
    code = (
        "import socket, subprocess, icon_assets.definitions as d\n"
        "def refuse(*_, **__): raise AssertionError('not at import')\n"
        "socket.socket.connect = subprocess.Popen.__init__ = refuse\n"
        "d.build_defs().get_repository_def()\n"
    )
    environment = {**os.environ, "ICON_VAR": str(settings.var), "ICON_LANDING_URL": "/nowhere"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_only_the_marts_import_dagster_dbt() -> None:
    package = ROOT / "icon_assets"
    importers = {
        str(path.relative_to(package)) for path in package.rglob("*.py") if "dagster_dbt" in path.read_text()
    }
    assert importers == {"orchestration/assets/marts.py", "orchestration/assets/translator.py"}
