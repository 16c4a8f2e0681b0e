"""Small corpora in which everything happens at once: few words, phrases too short for a passage, lines again and again, copies in pieces."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from provenance.model.reference import ReferenceKind
from tests.fakes.matching import PlainReference, make_reference

KINDS = (ReferenceKind.WORK, ReferenceKind.API_OUTPUT, ReferenceKind.LICENSE_TEXT, ReferenceKind.BACKGROUND)
RATES = (1, 2, 4, 16)
"""Every how many windows of a reference is a seed; the last is so sparse that near-duplicates may hold none."""


@dataclass(frozen=True)
class Corpus:
    """Phrases of which references and training texts are made."""

    chance: random.Random
    phrases: tuple[str, ...]
    filler: tuple[str, ...]

    def reference(self, name: str, kind: ReferenceKind) -> PlainReference:
        """Return a reference of a few phrases, now and then again and again."""
        prompt = self._text(3) if kind is ReferenceKind.API_OUTPUT else None
        model = f"m{self.chance.randrange(4)}" if kind is ReferenceKind.API_OUTPUT else "UNKNOWN"
        return make_reference(name, self._text(self.chance.choice((1, 3, 8, 20))), kind=kind, prompt=prompt, model=model)

    def text(self, references: Sequence[PlainReference]) -> str:
        """Return a training text: a reference whole, in part, in another order, quoted or many times over, or phrases, or nothing of it."""
        words = self.chance.choice(references).text.split()
        at, length = self.chance.randrange(len(words)), self.chance.choice((4, 6, 7, 9, 20, 60))
        part = " ".join(words[at : at + length])
        pieces = [" ".join(words[i : i + 8]) for i in range(0, len(words), 8)]
        self.chance.shuffle(pieces)
        plain = " ".join(self.chance.choices(self.filler, k=self.chance.choice((0, 5, 40))))
        kinds = (
            " ".join(words),
            part,
            f"{plain} {part} {plain}",
            " ".join(pieces),
            f"{plain} “{part}” {plain}",
            f"{part}\n" * 30,
            self._text(8),
            plain,
        )
        return self.chance.choice(kinds)

    def _text(self, phrases: int) -> str:
        some = self.chance.choices(self.phrases, k=phrases)
        if self.chance.random() < 0.15:
            some *= self.chance.choice((3, 20))
        edits = self.chance.choice((0.0, 0.0, 0.1))
        return " ".join(self.chance.choice(self.filler) if self.chance.random() < edits else word for phrase in some for word in phrase.split())


def make_corpus(seed: int) -> Corpus:
    """Return phrases of three to twelve words, of few different words or of many."""
    chance = random.Random(seed)
    vocabulary = [f"w{i}" for i in range(chance.choice((3, 12, 60, 2000)))]
    phrases = tuple(" ".join(chance.choices(vocabulary, k=chance.choice((3, 5, 6, 7, 8, 12)))) for _ in range(chance.choice((4, 15, 60))))
    return Corpus(chance, phrases, tuple(f"p{i}" for i in range(5000)))
