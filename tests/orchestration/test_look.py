"""What the UI shows of an asset: whose it is, its columns, where they come from, charts, links to pages."""

from __future__ import annotations

import re
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from icon_assets.database import Database
from icon_assets.idb.roles import SECRETS
from icon_assets.marts.column_lineage import column_lineage, read_column_lineage
from icon_assets.orchestration.glance import chart, glance
from icon_assets.orchestration.metadata import page_link
from icon_assets.pages import docs_page, serve
from icon_assets.settings import Settings

# Pages, files, a summary, and the codes, whose columns are their header.
WITHOUT_COLUMNS = {"docs", "landing", "health", "seeds"}


def nodes(defs: dg.Definitions) -> list[Any]:
    graph = defs.resolve_asset_graph()
    return [graph.get(key) for key in graph.get_all_asset_keys()]


def test_every_asset_says_what_it_is_and_whose(defs: dg.Definitions) -> None:
    for node in nodes(defs):
        name = node.key.to_user_string()
        assert node.kinds, name
        assert node.description, name
        assert {owner.partition(":")[0] for owner in node.owners} == {"team"}, name
        if node.group_name not in WITHOUT_COLUMNS:
            assert node.metadata["dagster/column_schema"].columns, name


def test_tables_with_customers_values_can_be_searched_for(defs: dg.Definitions) -> None:
    tagged = {node.key.to_user_string() for node in nodes(defs) if node.tags.get("icon/values") == "clear"}
    guarded = {name.replace(".", "/") for name in SECRETS if name.startswith("idb.")}
    assert tagged == guarded | {"final/go_chain"}


def test_what_is_final_comes_from_the_column_of_the_same_name(defs: dg.Definitions) -> None:
    chain = defs.resolve_asset_graph().get(dg.AssetKey(["final", "go_chain"]))
    lineage = chain.metadata["dagster/column_lineage"].deps_by_column
    columns = {column.name for column in chain.metadata["dagster/column_schema"].columns}
    assert lineage.keys() <= columns
    (origin,) = lineage["go_record.recordstatus"]
    assert (origin.asset_key.path, origin.column_name) == (["idb", "go_record"], "recordstatus")
    assert "final_day" not in lineage, "made here"


def test_columns_are_followed_through_unions_and_stars() -> None:
    def node(kind: str, schema: str, name: str, *parents: str, **more: Any) -> dict[str, Any]:
        return {
            "resource_type": kind,
            "schema": schema,
            "name": name,
            "relation_name": f'"icon"."{schema}"."{name}"',
            "depends_on": {"nodes": parents},
            "columns": {},
            **more,
        }

    manifest = {
        "sources": {
            "open": node("source", "ops", "open_chain", identifier="open_chain")
            | {"meta": {"dagster": {"asset_key": ["idb", "go_chain"]}}},
            "ended": node("source", "final", "go_chain", identifier="go_chain"),
        },
        "nodes": {
            "model.b": node("model", "marts", "b", "model.a"),
            "model.a": node("model", "marts", "a", "open", "ended"),
            "model.odd": node("model", "marts", "odd"),
        },
    }
    compiled = {
        "model.a": """
            with both as (
                select * from "icon"."final"."go_chain"
                union all
                select null, * from "icon"."ops"."open_chain"
            )
            select chainguid::text as chain_guid, count(*) filter (where state = 0) as ended
            from both
            group by 1
        """,
        "model.b": 'select a.*, ended > 1 as is_many from "icon"."marts"."a" as a',
        "model.odd": "select 1 from from",
    }
    found = column_lineage(manifest, compiled)
    assert ("ended", "chainguid") in found["model.a"]["chain_guid"]
    assert [source for source, _ in found["model.a"]["ended"]] == ["ended", "open"]
    assert found["model.b"] == {
        "chain_guid": [("model.a", "chain_guid")],
        "ended": [("model.a", "ended")],
        "is_many": [("model.a", "ended")],
    }
    assert found["model.odd"] == {}, "one model that cannot be read does not hide the others"


def test_no_build_no_lineage(tmp_path: Path) -> None:
    assert read_column_lineage(Settings(var=tmp_path, landing_url="")) == {}


def test_a_link_is_a_url_where_pages_are_served_and_else_a_path(settings: Settings) -> None:
    page = docs_page(settings)
    assert page_link(settings, page, "#!/model/x") == dg.MetadataValue.path(page)
    served = replace(settings, pages_url="http://127.0.0.1:1/")
    assert page_link(served, page, "#!/model/x").value == "http://127.0.0.1:1/docs/index.html#!/model/x"


def test_pages_are_served_and_nothing_beside_them(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.html").write_text("a page")
    (tmp_path / "passwords.json").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = serve(tmp_path / "pages", listening, until=subprocess.PIPE)
    with server:

        def get(path: str) -> bytes:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as answer:
                return bytes(answer.read())

        assert get("a.html") == b"a page"
        for path in ("../passwords.json", "%2e%2e/passwords.json", "/passwords.json"):
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(path)
        assert server.stdin
        server.stdin.close()
        assert server.wait(10) == 0, "it ends with whoever started it"


def test_a_chart_says_its_numbers_and_shows_them() -> None:
    shown = chart(["2025-03-03", "2025-03-04"], {"new": [30, 10], "known": [10, 0]})
    assert shown.startswith("![new, known, 2025-03-03 to 2025-03-04, at most 40](<data:image/svg+xml,")
    svg = urllib.parse.unquote(shown)
    assert re.findall(r"d='(.*?)'", svg) == ["M20 74v-45M60 74v-15", "M20 29v-15"], "stacked, in proportion"


def test_a_chart_is_short_enough_to_be_shown_at_once() -> None:
    days = [f"2025-03-{day:02}" for day in range(1, 15)]
    many = chart(days, {"human": [12_345] * 14, "machine": [2_345] * 14, "other": [45_678] * 14})
    assert len(many) < 1000


def test_a_glance_shows_the_newest_rows_first(database: Database) -> None:
    query = "select date '2025-03-01' + n - 1 as day, n from generate_series(1, 8) as n"
    seen = glance(database.engine, query, ["n"])
    rows = str(seen["newest"].value).splitlines()
    assert rows[:3] == ["| day | n |", "| --- | --- |", f"| {date(2025, 3, 8)} | 8 |"]
    assert len(rows) == 7
    assert glance(database.engine, f"{query} where false", ["n"]) == {}
