"""Harms to the content: lines that are no events, that contradict others, that say more than the contract."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from icon_assets.simulator import disturbance as plans
from icon_assets.simulator.chain import Chain
from icon_assets.simulator.feed import Batch, Feed, Line
from icon_assets.simulator.files import BatchFiles, Written
from icon_assets.simulator.harms.harming import Harming, HarmLog
from icon_assets.simulator.randomness import Stream

_TIME = re.compile(r'"ts":("[^"]+"|\d+)')
# Ways to spoil a good line; each must be quarantined by any reader of the contract.
_SPOILT: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[: len(text) // 2],
    "no_json": lambda text: f"ERROR {text[1:40]}",
    "array": lambda text: f"[{text}]",
    "two_documents": lambda text: text + text,
    "trailing_comma": lambda text: f"{text[:-1]},}}",
    "no_type": lambda text: re.sub(r'"type":"\w+",', "", text, count=1),
    "unknown_type": lambda text: re.sub(r'"type":"\w+"', '"type":"weather"', text, count=1),
    "no_time": lambda text: _TIME.sub('"when":0', text, count=1),
    "time_in_seconds": lambda text: _TIME.sub('"ts":1741000000', text, count=1),
    "time_without_zone": lambda text: _TIME.sub('"ts":"2025-03-03T09:00:00.000"', text, count=1),
    "time_in_1970": lambda text: _TIME.sub('"ts":"1970-01-01T00:00:00.000Z"', text, count=1),
    "number_as_text": lambda text: re.sub(r'"(seq|cseq|value|dsconn_type|dbid)":(\d+)', r'"\1":"\2"', text),
    "not_a_number": lambda text: re.sub(r'"(seq|cseq|value|dsconn_type|dbid)":\d+', r'"\1":NaN', text),
    "duplicate_key": lambda text: _TIME.sub(r"\g<0>,\g<0>", text, count=1),
    "invalid_utf8": lambda text: text[:-1] + ',"name":"\udcff"}',
    "nul_character": lambda text: text[:-1] + ',"endpointdn":"\\u0000","oldvalue":"\\u0000"}',
    "blank_guid": lambda text: re.sub(r'"(\w*guid|sessid|callid|callattid)":"\w+"', r'"\1":""', text),
}


class BadLines(Harming[plans.BadLines]):
    """Puts a spoilt copy behind some lines; the good ones stay."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The batch with spoilt copies."""
        luck = self.luck(batch.feed)
        lines: list[Line] = []
        bad: list[Line] = []
        kinds: Counter[str] = Counter()
        for line in batch.lines:
            lines.append(line)
            if luck.chance(self.plan.percent):
                kind = luck.choice(list(_SPOILT))
                text = _SPOILT[kind](line.text)
                if text == line.text:  # the line has nothing that this spoils
                    kind, text = "cut", _SPOILT["cut"](line.text)
                kinds[kind] += 1
                bad.append(Line(line.ts, 0, text))
                lines.append(bad[-1])
        self.log.add("bad_lines", batch.feed, bad, kinds=dict(sorted(kinds.items())))
        self.log.expect("quarantined", len(bad))
        return [batch._replace(lines=lines)]


class Conflicts(Harming[plans.Conflicts]):
    """Puts a contradiction behind some chain notices: the same key, another cause."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The batch with contradictions."""
        luck = self.luck(batch.feed)
        lines: list[Line] = []
        doubted: list[Line] = []
        for line in batch.lines:
            lines.append(line)
            plain = line.text.startswith('{"type":"chain",') and '"cause"' not in line.text
            if plain and luck.chance(self.plan.percent):
                lines.append(Line(line.ts, line.dsseq, f'{line.text[:-1]},"cause":65535}}', line.owner))
                doubted.append(line)
        self.log.add("conflicts", batch.feed, doubted)
        self.log.expect("quarantined", sum(_is_taken(line, batch.feed) for line in doubted))
        return [batch._replace(lines=lines)]


def _is_taken(line: Line, feed: Feed) -> bool:
    """Whether a chain's line is of a switch that the feed's ICON takes; others are left out as they come."""
    return isinstance(line.owner, Chain) and (
        feed.switches is None or line.owner.session.switch in feed.switches
    )


class UnknownFields(Harming[plans.UnknownFields]):
    """Gives some lines a field that the contract does not know."""

    def harm(self, batch: Batch) -> list[Batch]:
        """The batch with longer lines."""
        luck = self.luck(batch.feed)
        lines: list[Line] = []
        changed: list[Line] = []
        for line in batch.lines:
            if luck.chance(self.plan.percent):
                text = f'{line.text[:-1]},"vendor_extra":{{"build":[8,1,5]}}}}'
                changed.append(Line(line.ts, line.dsseq, text, line.owner))
                lines.append(changed[-1])
            else:
                lines.append(line)
        self.log.add("unknown_fields", batch.feed, changed)
        self.log.expect("unknown_fields", len(changed))
        return [batch._replace(lines=lines)]


def altered_files(plan: plans.AlteredBatches, seed: int, log: HarmLog) -> Written:
    """Some batches once more under their own identity, with other content."""
    luck = Stream(seed, "altered_files")

    def alter(name: str, files: BatchFiles, batch: Batch) -> None:
        wanted = plan.source in (None, batch.feed.source.kind) and len(batch.lines) > 1
        if wanted and luck.chance(plan.percent):
            files.write(f"{name}_altered", name, batch, batch.lines[:-1])
            log.add("altered_batches", batch.feed, batch.lines, batch=name)
            log.expect("refused", 1)

    return alter
