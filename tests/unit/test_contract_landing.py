"""The landing zone: which files are seen, which are refused unread, and what happens when they change."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from icon_assets.contract import landing as landing_module
from icon_assets.contract.decode import Decoder
from icon_assets.contract.landing import Landing, LandingFile
from icon_assets.contract.reasons import FileProblem, Incomplete, LandingError, Reason, Refused, Unreadable
from tests.corpus.contract import NOW, batch, event, header, line

TEXT = batch([line(event("chain", seq=seq)) for seq in range(1, 20_001)])
SMALL = batch([line(event("chain"))])


def put(folder: Path, name: str, data: bytes = SMALL) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def paths(landing: Landing) -> list[str]:
    return [file.path for file in landing.list()]


def only(landing: Landing) -> LandingFile:
    (file,) = landing.list()
    return file


def events(landing: Landing, file: LandingFile) -> int:
    with landing.open(file) as opened:
        return sum(len(chunk.events) for chunk in Decoder(opened, NOW).chunks())


def outcome(landing: Landing, file: LandingFile) -> tuple[type[FileProblem], str]:
    with pytest.raises(FileProblem) as problem:
        events(landing, file)
    return type(problem.value), str(problem.value.reason)


def test_batches_are_listed_by_name_in_all_folders(tmp_path: Path) -> None:
    names = ["a.jsonl", "b/2026-11-22/x.jsonl.gz", "b/y.jsonl.zst", "c.jsonl"]
    for name in reversed(names):
        put(tmp_path, name)
    landing = Landing(str(tmp_path))
    assert paths(landing) == names
    assert [file.size for file in landing.list()] == [len(SMALL)] * 4
    assert not any(file.problem for file in landing.list())


@pytest.mark.parametrize("url", ["{}", "{}/", "file://{}"])
def test_a_folder_may_be_named_in_many_ways(tmp_path: Path, url: str) -> None:
    put(tmp_path, "sub/a.jsonl")
    landing = Landing(url.format(tmp_path))
    assert paths(landing) == ["sub/a.jsonl"]
    assert events(landing, only(landing)) == 1


@pytest.mark.parametrize(
    "name",
    [
        ".a.jsonl", ".a.jsonl.part", "a.jsonl.part", "a.jsonl.tmp", "a.jsonl~", ".a.jsonl.swp",
        ".nfs0000000012.jsonl", ".hidden/a.jsonl", "a.json", "truth.json", "a.jsonl.bz2", "jsonl",
    ],
)  # fmt: skip
def test_temporary_and_other_names_are_left_alone_f39(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    assert paths(Landing(str(tmp_path))) == []


@pytest.mark.threat("S14")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("-rf.jsonl", id="F35-dash"),
        pytest.param("a\nb.jsonl", id="F35-newline"),
        pytest.param("a\x1b[31m.jsonl", id="F35-escape"),
        pytest.param("a\u202egpj.jsonl", id="F35-RTL"),
        pytest.param("é.jsonl", id="F35-NFC"),
        pytest.param("e\u0301.jsonl", id="F35-NFD"),
        pytest.param("x" * 120 + ".jsonl", id="F35-126"),
        pytest.param("a b.jsonl", id="F35-space"),
        pytest.param("a b/x.jsonl", id="F35-folder"),
        pytest.param("'; drop table x; --.jsonl", id="F36-SQL"),
        pytest.param("$(reboot).jsonl", id="F36-shell"),
        pytest.param("<script>alert(1)<script>.jsonl", id="F36-HTML"),
        pytest.param("[x](y).jsonl", id="F36-Markdown"),
        pytest.param("{{x}}.jsonl", id="F36-Jinja"),
    ],
)
def test_a_bad_name_is_refused_and_shown_safely(tmp_path: Path, name: str) -> None:
    put(tmp_path, name)
    landing = Landing(str(tmp_path))
    file = only(landing)
    assert file.problem is not None
    assert file.problem.reason is Reason.BAD_NAME
    assert file.path == ascii(name)
    assert file.path.isascii()
    assert file.path.isprintable()
    assert outcome(landing, file) == (Refused, "bad_name")


def test_a_name_that_is_no_unicode_is_refused_f35(tmp_path: Path) -> None:
    put(tmp_path, os.fsdecode(b"\xff.jsonl"))
    file = only(Landing(str(tmp_path)))
    assert file.problem is not None
    file.path.encode()


def test_names_that_differ_in_case_are_two_files_f35(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl")
    put(tmp_path, "A.jsonl")
    assert paths(Landing(str(tmp_path))) == ["A.jsonl", "a.jsonl"]


@pytest.mark.threat("S3")
@pytest.mark.parametrize(
    "path", ["../a.jsonl", "sub/../../a.jsonl", "/etc/a.jsonl", "sub//a.jsonl", "a.txt", ""]
)
def test_no_path_leads_out_of_the_landing_zone_f35(tmp_path: Path, path: str) -> None:
    put(tmp_path, "a.jsonl")
    put(tmp_path, "zone/sub/b.jsonl")
    assert outcome(Landing(str(tmp_path / "zone")), LandingFile(path, 1, "v")) == (Refused, "bad_name")


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Path]:
    """A landing zone with everything in it that is no file of its own."""
    zone = tmp_path / "zone"
    outside = put(tmp_path, "outside.jsonl")
    put(zone, "good.jsonl")
    (zone / "folder.jsonl").mkdir()
    put(zone, "folder.jsonl/inner.jsonl")
    (zone / "link.jsonl").symlink_to(outside)
    (zone / "loop.jsonl").symlink_to("loop.jsonl")
    (zone / "up").symlink_to(zone)
    os.link(outside, zone / "hard.jsonl")
    os.mkfifo(zone / "pipe.jsonl")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(zone)  # a socket's path is limited to some 100 bytes
        server.bind("socket.jsonl")
        os.chdir(here)
        yield zone


def test_links_pipes_and_folders_are_refused_f37(odd: Path) -> None:
    found = {file.path: file.problem for file in Landing(str(odd)).list()}
    names = ("folder", "hard", "link", "loop", "pipe", "socket")
    assert set(found) == {"good.jsonl", *(f"{name}.jsonl" for name in names)}
    assert found.pop("good.jsonl") is None
    assert {str(problem.reason) for problem in found.values() if problem} == {"not_regular"}
    assert None not in found.values()


@pytest.mark.threat("S13", "S3")
@pytest.mark.parametrize("name", ["folder", "hard", "link", "loop", "pipe", "socket"])
def test_a_file_swapped_for_a_link_or_pipe_after_the_listing_is_refused_f37(odd: Path, name: str) -> None:
    assert outcome(Landing(str(odd)), LandingFile(f"{name}.jsonl", 1, "v")) == (Refused, "not_regular")


def test_a_folder_swapped_for_a_link_is_refused_f37(odd: Path) -> None:
    assert outcome(Landing(str(odd)), LandingFile("up/good.jsonl", 1, "v")) == (Refused, "not_regular")


def test_a_device_is_refused_f37(tmp_path: Path) -> None:
    assert landing_module._kind_problem(Path("/dev/null").stat()) is not None


def test_the_version_changes_with_the_file(tmp_path: Path) -> None:
    path = put(tmp_path, "a.jsonl")
    landing = Landing(str(tmp_path))
    before = only(landing).version
    assert only(landing).version == before
    path.write_bytes(SMALL.replace(b"42", b"43"))
    assert only(landing).version != before


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_that_grows_while_it_is_read_waits_f10(tmp_path: Path, packed: bool) -> None:
    path = put(tmp_path, "a.jsonl", gzip.compress(TEXT) if packed else TEXT)
    landing = Landing(str(tmp_path))
    with landing.open(only(landing)) as opened:
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(Incomplete) as problem:
            list(Decoder(opened, NOW).chunks())
    assert problem.value.reason is Reason.FILE_GREW


def test_a_file_replaced_while_it_is_read_is_tried_again_f11(tmp_path: Path) -> None:
    put(tmp_path, "a.jsonl", TEXT)
    other = put(tmp_path, "b", SMALL)
    landing = Landing(str(tmp_path))
    with landing.open(only(landing)) as opened:
        other.rename(tmp_path / "a.jsonl")
        with pytest.raises(Unreadable) as problem:
            opened.skip()
    assert problem.value.reason is Reason.REPLACED


def test_damage_in_a_file_that_changed_is_not_held_against_it_f10(tmp_path: Path) -> None:
    path = put(tmp_path, "a.jsonl", TEXT + b"{}\n")
    landing = Landing(str(tmp_path))
    with landing.open(only(landing)) as opened:
        os.truncate(path, len(TEXT) - 5)
        with pytest.raises(Incomplete):
            list(Decoder(opened, NOW).chunks())


def test_a_file_that_vanished_is_tried_again_f12(tmp_path: Path) -> None:
    path = put(tmp_path, "sub/a.jsonl")
    landing = Landing(str(tmp_path))
    file = only(landing)
    path.unlink()
    assert outcome(landing, file) == (Unreadable, "gone")
    path.parent.rmdir()
    assert outcome(landing, file) == (Unreadable, "gone")


def test_a_system_error_while_reading_is_tried_again_f38(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "a.jsonl")
    landing = Landing(str(tmp_path))
    file = only(landing)

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "secret path")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Unreadable) as problem, landing.open(file):
        pass
    assert (problem.value.reason, problem.value.detail) == (Reason.OS_ERROR, "EACCES")


def test_a_folder_that_cannot_be_read_does_not_hide_the_others_f38(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/x.jsonl", "b/x.jsonl", "c/x.jsonl"):
        put(tmp_path, name)
    scandir = os.scandir

    def refuse(folder: str) -> object:
        if folder.endswith("b"):
            raise PermissionError(13, "secret path")
        if folder.endswith("c"):
            raise FileNotFoundError(2, "removed meanwhile")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    landing = Landing(str(tmp_path))
    good, bad = landing.list()
    assert events(landing, good) == 1
    assert outcome(landing, bad) == (Unreadable, "os_error")


def test_a_missing_landing_zone_is_said_clearly_f42(tmp_path: Path) -> None:
    for zone in (tmp_path / "nowhere", put(tmp_path, "file")):
        with pytest.raises(LandingError, match="ICON_LANDING_URL"):
            paths(Landing(str(zone)))


def test_an_unknown_scheme_is_said_clearly_and_shows_no_password() -> None:
    with pytest.raises(LandingError) as problem:
        Landing("nosuch://user:hunter2@host/path")
    assert "hunter2" not in str(problem.value)
    assert "ICON_LANDING_URL" in str(problem.value)


@pytest.fixture
def store() -> Iterator[fsspec.AbstractFileSystem]:
    store = fsspec.filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    yield store
    store.store.clear()


def test_an_object_store_is_read_like_a_folder(store: fsspec.AbstractFileSystem) -> None:
    for name, data in (
        ("b/x.jsonl.gz", gzip.compress(TEXT)), ("a.jsonl", SMALL), (".a.jsonl", b""), ("b/a b.jsonl", SMALL),
        ("truth.json", b"{}"), ("../zone/c.jsonl.tmp", b""),
    ):  # fmt: skip
        store.pipe_file(f"/zone/{name}", data)
    landing = Landing("memory://zone")
    found = {file.path: file for file in landing.list()}
    assert list(found) == ["a.jsonl", "'b/a b.jsonl'", "b/x.jsonl.gz"]
    assert events(landing, found["a.jsonl"]) == 1
    assert events(landing, found["b/x.jsonl.gz"]) == 20_000
    assert outcome(landing, found["'b/a b.jsonl'"]) == (Refused, "bad_name")
    assert outcome(landing, LandingFile("gone.jsonl", 1, "v")) == (Unreadable, "gone")


def test_an_empty_object_store_is_no_error(store: fsspec.AbstractFileSystem) -> None:
    assert paths(Landing("memory://zone")) == []


def test_a_fault_of_an_object_store_is_tried_again_f38(
    store: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoreError(Exception):
        """Drivers have exceptions of their own, with no errno and with addresses in their text."""

    def fail(*_: object, **__: object) -> None:
        raise StoreError("https://user:password@host")

    store.pipe_file("/zone/a.jsonl", SMALL)
    landing = Landing("memory://zone")
    file = only(landing)
    monkeypatch.setattr(type(store), "info", fail)
    with pytest.raises(Unreadable, match="StoreError"):
        events(landing, file)
    monkeypatch.setattr(type(store), "find", fail)
    with pytest.raises(LandingError, match="StoreError") as problem:
        paths(landing)
    assert "password" not in str(problem.value)


def test_an_object_replaced_while_it_is_read_is_tried_again_f11(store: fsspec.AbstractFileSystem) -> None:
    store.pipe_file("/zone/a.jsonl", TEXT)
    landing = Landing("memory://zone")
    before = only(landing)
    with landing.open(before) as opened:
        store.pipe_file("/zone/a.jsonl", header(0))
        with pytest.raises(Unreadable):
            opened.skip()
    assert only(landing).version != before.version
