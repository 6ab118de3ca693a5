"""What the software must do, by number: the requirements that are about calls, as the marts show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from icon_assets.database import Database
from icon_assets.ingest.cti import copy_calls
from tests.batches import DAY, T0, call, campaign, chain, chain_call, userdata
from tests.dbt.conftest import Marts
from tests.loading import Loader

pytestmark = pytest.mark.slow

PREDICTIVE, PREVIEW, PUSH_PREVIEW, POWER_GVP = 1, 3, 8, 11
Events = list[dict[str, Any]]


def attempt(guid: str, mode: int, *, day: int = 0, **last: Any) -> Events:
    """A chain with one attempt, in a session of its mode; it ends `day` days after T0."""
    start = T0 + day * DAY
    session = f"S{mode}-{day}"
    notices = chain(guid, 1, 2, 3, 0, start=start, sessid=session)
    notices[2] |= last
    return [*campaign(session, 1, 2, start=start - 600_000, dialmode=mode), *notices]


def dialled(callid: str, *guid: str, at: int = 2, day: int = 0, **more: Any) -> Events:
    """An outbound call, `at` seconds after T0, that names the attempt of chain `guid` in its user data."""
    start = T0 + day * DAY + 1000 * at
    created = {"calltype": 3, "media": "voice", **{k: v for k, v in more.items() if k != "secure"}}
    named = [userdata(callid, 2, f"{g}-1", ts=start, secure=more.get("secure", False)) for g in guid]
    return [call(callid, 1, ts=start, **created), *named]


OUTBOUND: Events = [
    *attempt("told", PREDICTIVE, cpdresult=33),
    chain_call("told", "K-told"),
    *attempt("both", PREDICTIVE, cpdresult=33),
    chain_call("both", "K-both"),
    *attempt("preview", PREVIEW),
    *attempt("pushed", PUSH_PREVIEW),
    *attempt("gvp", POWER_GVP),
    *attempt("secure", POWER_GVP),
    *attempt("redialled", PREVIEW),
    *attempt("cancelled", PREVIEW),
    *attempt("logged_out", PUSH_PREVIEW),
    *attempt("no_id", PREDICTIVE, cpdresult=7, day=1),
    chain_call("no_id", None),
    *attempt("no_call", PREDICTIVE, cpdresult=7, day=1),
    chain_call("no_call", "K-no-call"),
    *attempt("hidden_preview", PREVIEW, day=1),
    *attempt("hidden_push", PUSH_PREVIEW, day=1),
    *attempt("hidden_gvp", POWER_GVP, day=1),
]
CALLS: Events = [
    *dialled("K-told"),
    *dialled("K-both", "both"),
    *dialled("K-preview", "preview"),
    *dialled("I-pushed", "pushed", at=1, media="interaction", calltype=None),
    *dialled("K-pushed", "pushed"),
    *dialled("K-gvp", "gvp"),
    *dialled("K-secure", "secure", secure=True),
    # Dialled twice; then a third party is consulted and the call transferred: each copies the GUID.
    *dialled("K-first", "redialled"),
    *dialled("K-second", "redialled", at=9),
    *dialled("K-consult", "redialled", at=20, calltype=4, parentcallid="K-second"),
    *dialled("K-transfer", "redialled", at=30, calltype=2),
]


def statuses(marts: Marts) -> dict[object, object]:
    return dict(marts.rows("select chain_guid, match_status from marts.fct_contact_attempt"))


def bridge(marts: Marts, *guids: str) -> list[tuple[object, ...]]:
    chains = ", ".join(f"'{guid}'" for guid in guids)
    return marts.rows(
        "select chain_guid, call_guid, link_method, call_relation from marts.brg_attempt_call "
        f"where chain_guid in ({chains}) order by 1, call_created_ts, 2"
    )


@pytest.fixture(scope="module")
def built(marts: Marts) -> Marts:
    """Two days of attempts; the calls of the first."""
    loader = Loader(marts.database, marts.landing)
    loader(OUTBOUND)
    loader.tserver(*CALLS)
    loader(attempt("old", PREDICTIVE, cpdresult=33, day=2), release="7.2.001", dbid=77)
    loader([chain_call("old", "K-told")], release="7.2.001", dbid=77)
    marts.load()
    marts.build()
    return marts


def test_requirement_35_what_ocs_named_comes_before_user_data_and_the_method_is_told(built: Marts) -> None:
    assert bridge(built, "told", "both", "preview") == [
        ("both", "K-both", "gox_chain_call", "dialed"),
        ("preview", "K-preview", "user_data_guid", "dialed"),
        ("told", "K-told", "gox_chain_call", "dialed"),
    ]


def test_requirement_36_hidden_calls_match_by_the_guid_or_are_counted_by_mode(built: Marts) -> None:
    assert bridge(built, "gvp", "secure", "pushed") == [
        ("gvp", "K-gvp", "user_data_guid", "dialed"),
        ("pushed", "I-pushed", "user_data_guid", "preview"),
        ("pushed", "K-pushed", "user_data_guid", "dialed"),
        ("secure", "K-secure", "user_data_guid", "dialed"),
    ]
    assert built.rows(
        "select dialing_mode_key, attempts::int, dials_unknown::int from marts.mart_unmatched_attempts "
        "where match_status = 'mode_hides_call' order by 1"
    ) == [(PREVIEW, 1, 1), (PUSH_PREVIEW, 1, 1), (POWER_GVP, 1, 1)]


def test_requirement_37_many_calls_make_one_attempt_with_the_last_dialled_one(built: Marts) -> None:
    assert bridge(built, "redialled") == [
        ("redialled", "K-first", "user_data_guid", "dialed"),
        ("redialled", "K-second", "user_data_guid", "dialed"),
        ("redialled", "K-consult", "user_data_guid", "consult"),
        ("redialled", "K-transfer", "user_data_guid", "transfer"),
    ]
    assert built.rows(
        "select call_count::int, copied_call_count::int, last_call_guid from marts.fct_contact_attempt "
        "where chain_guid = 'redialled'"
    ) == [(2, 2, "K-second")]
    # A row a call is a setting; the model's unit tests have it both ways.
    assert built.rows(
        "select call_no::int, call_guid, is_anchor from marts.fct_attempt_call where chain_guid = 'redialled'"
    ) == [(2, "K-second", True)]
    ((attempts,),) = built.rows("select sum(attempts)::int from marts.mart_campaign_day")
    assert attempts == len({event["chainguid"] for event in OUTBOUND if "chainguid" in event}) + 1


def test_requirement_38_an_attempt_without_a_dial_stays_with_no_call(built: Marts) -> None:
    assert built.rows(
        "select chain_guid, is_dialed, call_count::int, match_status from marts.fct_contact_attempt "
        "where chain_guid in ('cancelled', 'logged_out') order by 1"
    ) == [("cancelled", False, 0, "no_call_made"), ("logged_out", False, 0, "no_call_made")]


def test_requirement_40_ocs_7_2_is_not_bridged_and_says_so(built: Marts) -> None:
    assert bridge(built, "old") == []
    assert statuses(built)["old"] == "ocs_7_2"


def test_requirement_39_what_is_pending_is_matched_when_it_comes(built: Marts) -> None:
    pending = ("no_id", "no_call", "hidden_gvp")
    before = statuses(built)
    assert [before[guid] for guid in pending] == ["call_id_pending", "call_pending", "mode_hides_call"]
    loader = Loader(built.database, built.landing)
    loader.names = 100
    loader([chain_call("no_id", "K-no-id")])
    loader.tserver(*dialled("K-no-id", day=1), *dialled("K-no-call", day=1), *dialled("K-late", day=1))
    loader.tserver(call("K-late", 8, "terminated", ts=T0 + DAY))
    loader.tserver(userdata("K-late", 9, " hidden_gvp-1 ", ts=T0 + DAY, keyname="gsw_Call_Attempt_Guid"))
    marked = built.rows("select distinct day::text from ops.dirty_day where finalized_at is null")
    assert marked == [("2025-11-23",)]
    built.load()
    built.build(tested=False)
    after = statuses(built)
    assert {after[guid] for guid in pending} == {"matched"}
    assert {guid for guid in after if after[guid] != before[guid]} >= set(pending)
    assert {guid: status for guid, status in after.items() if guid not in before} == {}


@pytest.fixture(scope="module")
def cti(new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory) -> Loader:
    """The database of the ICON that stores calls."""
    return Loader(new_database(), tmp_path_factory.mktemp("cti"))


@pytest.fixture(scope="module")
def outbound_only(
    new_database: Callable[[], Database], tmp_path_factory: pytest.TempPathFactory, dbt_var: Path
) -> Marts:
    """The project of the ICON that stores outbound data, and no calls."""
    marts = Marts(new_database(), tmp_path_factory.mktemp("outbound"), dbt_var)
    Loader(marts.database, marts.landing)(OUTBOUND)
    return marts


def test_requirement_41_calls_in_another_database_or_a_missing_one(outbound_only: Marts, cti: Loader) -> None:
    engine, url = outbound_only.database.loader, cti.database.url("secure_reader")
    cti.tserver(*CALLS)
    nowhere = url.replace(f":{cti.database.conninfo['port']}/", ":1/")

    assert copy_calls(engine, nowhere).fault
    outbound_only.load()
    outbound_only.build()
    ((chains, final),) = outbound_only.rows(
        "select (select count(*) from idb.go_chain)::int, (select count(*) from final.go_chain)::int"
    )
    assert chains == final > 0
    unmatched = dict(
        outbound_only.rows(
            "select match_status, sum(attempts)::int from marts.mart_unmatched_attempts group by 1"
        )
    )
    assert unmatched == {"cti_unreachable": chains}

    copied = copy_calls(engine, url)
    assert (copied.fault, copied.days) == (None, 2)
    outbound_only.load()
    outbound_only.build(tested=False)
    found = statuses(outbound_only)
    for guid in ("told", "both", "preview", "pushed", "gvp", "secure", "redialled"):
        assert found.pop(guid) == "matched"
    assert found == {
        **dict.fromkeys(("cancelled", "logged_out"), "no_call_made"),
        **dict.fromkeys(("hidden_preview", "hidden_push", "hidden_gvp"), "mode_hides_call"),
        "no_id": "call_id_pending",
        "no_call": "call_pending",
    }
