"""What is loaded: the real campaign where ICON_BANK_TOOL is set, simulated days, and more of the same."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.measure import say
from icon_assets.simulator import resize, scenarios, simulate

# GUIDs by their fields, and the one in the value of a call's user data.
_GUID = re.compile(
    rb'("(?:chainguid|sessid|callid|callattid|partyid|irid|connid|parentcallid|mergecallid)":"'
    rb'|"keyname":"GSW_CALL_ATTEMPT_GUID","value":")([^"]+)'
)


def bank_batches(var: Path) -> Path | None:
    """The real campaign, made by the tool that ICON_BANK_TOOL names; None without it."""
    tool = os.environ.get("ICON_BANK_TOOL")
    out = var / "bench-bank"
    if not tool:
        return None
    if not (out / "truth.json").exists():
        say("making the batches of the real campaign")
        subprocess.run([sys.executable, tool, str(out)], check=True, stdout=subprocess.DEVNULL)
    return out


def simulated(var: Path) -> Path:
    """A day of forty agents in each of ten campaigns, a seventh of the simulator's benchmark."""
    out = var / "bench-simulated"
    if not (out / "truth.json").exists():
        say("simulating")
        day = msgspec.structs.replace(scenarios()["benchmark"], days=1)
        simulate(resize(day, 500), 1, str(out))
    return out


def some_of(landing: Path, out: Path, events: int) -> Path:
    """The first files of each source in turn, until they hold so many events."""
    taken = 0
    for file in _in_turn(landing):
        target = out / file.relative_to(landing)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
        taken += _parts(file)[0]["events"]
        if taken >= events:
            break
    return out


def cut(landing: Path, out: Path, events: int, batches: int) -> list[Path]:
    """So many batches of at most so many events each, in the order in which they are to be loaded."""
    out.mkdir(parents=True, exist_ok=True)
    files: list[Path] = []
    for file in _in_turn(landing):
        header, text = _parts(file)
        lines = text.splitlines(keepends=True)
        for start in range(0, len(lines), events):
            part = lines[start : start + events]
            number = len(files)
            told = {**header, "batch": f"{header['batch']}/{number}", "events": len(part)}
            files.append(out / f"{number:06d}.jsonl.gz")
            _write(files[-1], told, b"".join(part))
            if len(files) == batches:
                return files
    return files


def another(landing: Path, out: Path, number: int) -> Path:
    """The same events under other GUIDs, in batches of another identity: as new as the first were.

    A mark at their end leaves GUIDs as scattered as they are: at the start it would put all of a load in one
    place of each index.
    """
    mark = f"z{number:02d}"  # in small letters, which no GUID has
    for file in sorted(landing.rglob("*.jsonl.gz")):
        header, text = _parts(file)
        told = {**header, "batch": f"{header['batch']}/{mark}"}
        target = out / file.relative_to(landing)
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, told, _GUID.sub(rb"\g<1>\g<2>" + mark.encode(), text))
    return out


def large(out: Path, events: int) -> Path:
    """One batch of so many notices of chains, ten each."""
    out.mkdir(parents=True, exist_ok=True)
    header = {
        "type": "batch", "contract": "ocs-events/1", "batch": f"large-{events}", "source": "ocs",
        "dbid": 101, "release": "8.1.5", "events": events,
    }  # fmt: skip
    with gzip.open(out / f"large-{events}.jsonl.gz", "wt", compresslevel=1) as file:
        file.write(json.dumps(header) + "\n")
        file.writelines(
            f'{{"type":"chain","ts":"2026-11-{n % 20 + 1:02d}T09:20:00.000Z",'
            f'"chainguid":"{n // 10 + 1:032d}","sessid":"{n // 10 % 7 + 1:032d}",'
            f'"campaignid":5001,"groupid":5101,"callinglistid":6001,'
            f'"seq":{n % 10 + 1},"state":{n % 3 + 1},"prevstate":1,"recordhandle":{n},"cause":1}}\n'
            for n in range(events)
        )
    return out


def _in_turn(landing: Path) -> list[Path]:
    """The files of its folders: the first of each, the second of each, and so on."""
    by_folder = [
        sorted(folder.rglob("*.jsonl.gz")) for folder in sorted(landing.iterdir()) if folder.is_dir()
    ]
    return [file for files in zip_longest(*by_folder) for file in files if file]


def _parts(file: Path) -> tuple[dict[str, Any], bytes]:
    """Header and event lines."""
    header, text = gzip.decompress(file.read_bytes()).split(b"\n", 1)
    return json.loads(header), text


def _write(file: Path, header: dict[str, Any], text: bytes) -> None:
    # A file appears under its name when it is whole.
    part = file.with_name(f".{file.name}")
    part.write_bytes(gzip.compress(json.dumps(header).encode() + b"\n" + text, 1))
    part.rename(file)
