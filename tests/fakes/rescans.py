"""Reference sets that grow and shrink, shards that share text with them in every way that is judged, and scans: carried over, and made anew."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from provenance.audit.scan import Finders, ScanOutcome, scan_registered, target_of
from provenance.audit.tools import Tools
from provenance.bootstrap import make_suspects
from provenance.engines.serial import SerialEngine
from provenance.ingest.listing import FileListing
from provenance.ingest.reader import Reader
from provenance.ingest.record_stream import KeyReader
from provenance.matching.cascade import open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.packfile import add_pack, write_pack
from provenance.matching.stopwords import STOP_FILE
from provenance.model.dataset import Dataset, DatasetVersion
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.ports import Matcher
from provenance.registry.evidence import EvidenceFolder
from tests.conftest import ROOT
from tests.fakes.clock import FixedClock
from tests.fakes.journal import MemoryJournal
from tests.fakes.matching import PlainReference
from tests.fakes.registry import InMemoryUnitOfWork
from tests.fakes.world import CountingProgress, NoReferences, version_of

SAMPLE = ROOT / "examples" / "sample"
LICENSE = [p for p in (ROOT / "LICENSE").read_text(encoding="utf-8").split("\n\n") if len(p.split()) > 30]
Chunk = tuple[PlainReference, ...]
"""References that are added together: one segment."""


@dataclass(frozen=True)
class Pool:
    """What may be added to one set, in this order."""

    kind: ReferenceKind
    chunks: tuple[Chunk, ...]
    is_pack: bool = False
    one_in: int | None = None


class Lab:
    """A workspace of which the references change."""

    def __init__(self, folder: Path, pools: Mapping[str, Pool]) -> None:
        self.folder, self.pools = folder, pools
        self.store = ReferenceStore(folder / "references")
        self.held: dict[str, int] = {}
        """How many chunks of its pool each set holds."""
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.reader = Reader(folder)
        self.units, self.evidence = InMemoryUnitOfWork(FixedClock()), EvidenceFolder(folder / "evidence")
        self.version: DatasetVersion | None = None
        self._anew = 0

    def add(self, name: str) -> None:
        """Add the next chunk to a set."""
        pool, number = self.pools[name], self.held.get(name, 0)
        chunk = pool.chunks[number]
        if pool.is_pack:
            aside = ReferenceStore(self.folder / "aside")
            aside.add(f"{name}-{number}", chunk, kind=pool.kind)
            target = self.folder / f"{name}-{number}.pack"
            write_pack(aside, f"{name}-{number}", target, one_in=2)
            add_pack(self.store, name, target, kind=pool.kind)
            aside.remove(f"{name}-{number}")
        else:
            self.store.add(name, chunk, kind=pool.kind, one_in=pool.one_in)
        self.held[name] = number + 1

    def remove(self, name: str) -> None:
        """Remove a set."""
        self.store.remove(name)
        del self.held[name]

    def register(self, dataset: Dataset) -> None:
        """Register all files of the data folder."""
        listing = FileListing({"data": self.data}, self.reader)
        paths = sorted(p.relative_to(self.data).as_posix() for p in self.data.rglob("*") if p.is_file())
        shards = (listing.describe(p, root="data", text_field=dataset.text_field, tokenizer=dataset.tokenizer) for p in paths)
        self.version = version_of(dataset, *shards)

    def matcher(self, names: Sequence[str] | None = None) -> Matcher:
        """Open the sets of these names; all of them by default."""
        return open_matcher(self.store, names or [s.name for s in self.store.sets()])

    def scan(self, matcher: Matcher) -> list[ScanOutcome]:
        """Scan with all that earlier scans left."""
        return self._scan(matcher, self._tools(self.units, self.evidence))

    def scan_anew(self, matcher: Matcher) -> list[ScanOutcome]:
        """Scan as if for the first time."""
        self._anew += 1
        return self._scan(matcher, self._tools(InMemoryUnitOfWork(FixedClock()), EvidenceFolder(self.folder / f"anew-{self._anew}")))

    def _scan(self, matcher: Matcher, tools: Tools) -> list[ScanOutcome]:
        assert self.version is not None
        finders = Finders(matcher, tools.suspects)
        targets = [target_of(self.version, shard, tools.listing) for shard in self.version.shards]
        outcomes = scan_registered(targets, finders, tools)
        with tools.units.read() as registry:
            kept = registry.scan_results([o.result.id for o in outcomes if o.result is not None])
        assert [kept[o.result.id][0] for o in outcomes if o.result is not None] == [o.result for o in outcomes]
        return outcomes

    def _tools(self, units: InMemoryUnitOfWork, evidence: EvidenceFolder) -> Tools:
        return Tools(
            reader=self.reader,
            clock=FixedClock(),
            progress=CountingProgress(),
            listing=FileListing({"data": self.data}, self.reader),
            units=units,
            evidence=evidence,
            actor="tester",
            journal=MemoryJournal(),
            suspects=make_suspects(),
            records=KeyReader(self.reader),
            references=NoReferences(),
            engine=SerialEngine(),
        )


def sample_pools() -> dict[str, Pool]:
    """Return the references of the committed sample, cut into chunks, with others that explain them."""
    cumulus, stratus = (_answers(SAMPLE / "references" / f"{name}-outputs.jsonl") for name in ("cumulus", "stratus"))
    book = (SAMPLE / "references" / "the-man-who-was-thursday.txt").read_text(encoding="utf-8")
    parts = _parts(book, 5)
    quoting = [f"{opening} {_sentences(parts[0])[30]} So it was written, and so it was read out. {LICENSE[i]}" for i, opening in enumerate(_OPENINGS)]
    works = [_work(f"part-{i}", text, title=f"Part {i}") for i, text in enumerate(parts)]
    works += [_work(f"quoting-{i}", text, title=f"Another book {i}") for i, text in enumerate(quoting)]
    edition = _work("edition", parts[1].replace("that", "which"), title="Part 1")
    others = [replace_model(r, "echo", f"{_sentences(r.text)[0]} {' '.join(reversed(_sentences(r.text)[1:]))}") for r in cumulus[:40:2]]
    others += [
        _answer("repeats", f"Here it is, as you asked. {_ASKED}", prompt=f"Say this again: {_ASKED}"),
        _answer("wrapped", f"{_NOTICE} {_ASKED[:60]}"),
    ]
    habits = [
        PlainReference(ReferenceRecord(id=f"habit-{i}", kind=ReferenceKind.BACKGROUND), " ".join(_sentences(r.text)[:2]))
        for i, r in enumerate(cumulus)
    ]
    licences = [PlainReference(ReferenceRecord(id=f"license-{i}", kind=ReferenceKind.LICENSE_TEXT), text) for i, text in enumerate(LICENSE)]
    return {
        "answers": Pool(ReferenceKind.API_OUTPUT, (*_chunks(cumulus, 20), tuple(others))),
        "background": Pool(ReferenceKind.BACKGROUND, _chunks(habits, 30)),
        "books": Pool(ReferenceKind.WORK, (*((w,) for w in works[:5]), tuple(works[5:7]), (works[7], edition))),
        "handed-out": Pool(ReferenceKind.API_OUTPUT, _chunks(stratus, 8), is_pack=True),
        "licenses": Pool(ReferenceKind.LICENSE_TEXT, _chunks(licences, 12)),
    }


_ASKED = " ".join(json.loads((SAMPLE / "data/prose/prose.jsonl").read_text(encoding="utf-8").splitlines()[90])["text"].split()[:90])
_NOTICE = next(p for p in STOP_FILE.read_text(encoding="utf-8").split("%% boilerplate\n")[1:] if len(p.split()) > 40)
_OPENINGS = ("A preface begins here, as prefaces do.", "The chronicle of the second year opens so.", "In the third volume somebody says this aloud.")


def replace_model(reference: PlainReference, model: str, text: str) -> PlainReference:
    """Return what another provider's model said to the same prompt."""
    return PlainReference(replace(reference.record, id=f"{model}-{reference.record.id}", model=model, provider=f"maker of {model}"), text)


def write_shards(folder: Path, references: Iterable[PlainReference], *, seed: int, records: int) -> None:
    """Write a shard of plain texts and one of chats that quote, copy, edit, shuffle and repeat the references, between text of nobody."""
    mixer = Mixer(tuple(references), seed)
    texts = [{"id": f"t{i}", "text": text} for i, text in enumerate([mixer.text() for _ in range(records)] + mixer.special())]
    texts += [{"id": f"j{i}", "text": json.dumps(mixer.turns())} for i in range(records // 6)]  # its turns are rows after all others of the batch
    lines = ("\n".join(json.dumps(f"\u00e9 {mixer.text()}") for _ in range(3)) for _ in range(records // 12))
    texts += [{"id": f"k{i}", "text": text} for i, text in enumerate(lines)]  # lines of JSON are three rows of one name
    mixer.shuffle(texts)
    chats = [{"messages": mixer.turns()} for _ in range(records)]
    for name, rows in (("texts.jsonl", texts), ("chats.jsonl", chats)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class Mixer:
    """Makes training text."""

    def __init__(self, references: tuple[PlainReference, ...], seed: int) -> None:
        self._chance = random.Random(seed)
        self._references = references
        self._filler = _sentences(" ".join(json.loads(line)["text"] for line in (SAMPLE / "data/prose/prose.jsonl").read_text().splitlines()[:80]))

    def text(self) -> str:
        """Return a document: mostly text of nobody, sometimes a passage or several."""
        chance = self._chance
        parts = [self._plain() for _ in range(chance.randrange(1, 4))]
        if chance.random() < 0.5:
            parts.insert(chance.randrange(len(parts) + 1), self._shared())
        if chance.random() < 0.2:
            parts.append(self._shared())
        return chance.choice((" ", "\n\n")).join(parts)

    def shuffle(self, rows: list[dict[str, str]]) -> None:
        """Put rows in another order."""
        self._chance.shuffle(rows)

    def special(self) -> list[str]:
        """Return a text that repeats its prompt, one that holds a notice, and one that quotes."""
        book = next(r for r in self._references if r.record.kind is ReferenceKind.WORK)
        quoted = next(s for s in _sentences(book.text) if 26 < len(s.split()) < 50 and s[0].isalpha() and '"' not in s)
        plain = " ".join(self._filler[:8])
        return [f"{self._plain()} {_ASKED}", f"{self._plain()} {_NOTICE}", f"{plain} “{quoted}” {plain}"]

    def turns(self) -> list[dict[str, str]]:
        """Return a chat; some answers are a reference's, whole or in pieces over several turns, some prompts are its prompt."""
        chance, turns = self._chance, []
        for _ in range(chance.randrange(1, 4)):
            reference = chance.choice(self._references)
            asked = reference.record.prompt if chance.random() < 0.4 and reference.record.prompt else self._plain()
            turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": self._answer(reference)}]
        if chance.random() < 0.15:  # pieces of one reference, each too short by itself
            words = chance.choice(self._references).text.split()
            at = chance.randrange(max(len(words) - 90, 1))
            turns += [{"role": "assistant", "content": f"{self._plain()} {' '.join(words[at + 20 * i : at + 20 * i + 18])}"} for i in range(4)]
        return turns

    def _answer(self, reference: PlainReference) -> str:
        kind = self._chance.random()
        if kind < 0.15:
            return reference.text[:3000]
        if kind < 0.25:  # a near-duplicate without a passage
            sentences = _sentences(reference.text[:3000])
            self._chance.shuffle(sentences)
            return " ".join(sentences)
        if kind < 0.3:
            return f"{reference.record.prompt or ''} {self._shared()}"
        if kind < 0.33:
            return "As an AI language model, I cannot say that."
        return self._plain() if kind < 0.7 else f"{self._plain()} {self._shared()}"

    def _plain(self) -> str:
        at = self._chance.randrange(len(self._filler) - 6)
        return " ".join(self._filler[at : at + self._chance.randrange(1, 6)])

    def _shared(self) -> str:
        chance = self._chance
        words = chance.choice(self._references).text.split()
        length = chance.choice((6, 9, 14, 22, 30, 45, 80, 160))
        at = chance.randrange(max(len(words) - length, 1))
        passage = words[at : at + length]
        edits = chance.choice((0.0, 0.0, 0.05, 0.15))
        text = " ".join("something" if chance.random() < edits else word for word in passage)
        if chance.random() < 0.15:
            return f"“{text}”"
        return " ".join([text] * 9) if chance.random() < 0.05 else text


def _answers(file: Path) -> list[PlainReference]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        PlainReference(
            ReferenceRecord(
                id=r["id"], kind=ReferenceKind.API_OUTPUT, prompt=r["prompt"], provider=r.get("provider", file.stem), model=r.get("model", file.stem)
            ),
            r["output"],
        )
        for r in rows
    ]


def _answer(name: str, text: str, *, prompt: str = "Say something.") -> PlainReference:
    return PlainReference(ReferenceRecord(id=name, kind=ReferenceKind.API_OUTPUT, prompt=prompt, provider="maker of echo", model="echo"), text)


def _work(name: str, text: str, *, title: str) -> PlainReference:
    return PlainReference(ReferenceRecord(id=name, kind=ReferenceKind.WORK, title=title), text)


def _chunks(references: Sequence[PlainReference], size: int) -> tuple[Chunk, ...]:
    return tuple(tuple(references[i : i + size]) for i in range(0, len(references), size))


def _parts(text: str, count: int) -> list[str]:
    size = len(text) // count
    return [text[i * size : (i + 1) * size] for i in range(count)]


def _sentences(text: str) -> list[str]:
    return [s.strip() + "." for s in text.split(".") if s.strip()]
