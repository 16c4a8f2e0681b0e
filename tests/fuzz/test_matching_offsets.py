"""Offsets through normalisation: whatever is done to a passage that normalisation undoes, it is found, and both spans cut out exactly its words.

The oracle reads text slowly, by ``unicodedata``, ``html`` and ``re`` alone. 400 passages in the short tier, 160,000 in the full one.
"""

from __future__ import annotations

import html
import html.entities
import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from provenance.ingest.reader import Reader
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from tests.conftest import ROOT
from tests.fakes.matching import make_batch, make_reference

BOOK = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
WORDS = 60
"""Of a passage: far more than any rule asks for."""
ROWS_PER_BATCH = 100
LANGUAGES = ("english", "german", "french", "russian", "greek", "korean", "chinese", "japanese")
REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,7}|[0-9a-zA-Z]+);")
BREAK = re.compile(r"(?<=[^\W\d_])[-\u2010\u00ad][ \t]*(?:\r\n|\r|\n)[ \t]*(?=[a-z\u00df-\U0010ffff])")
APOSTROPHES = "'\u2018\u2019\u02bc\uff07`\u00b4"
VOICING = "\u3099\u309a"
DISGUISES = {"a": "\u0430", "e": "\u0435", "o": "\u043e", "p": "\u0440", "c": "\u0441", "x": "\u0445"}
"""Latin letters and the Cyrillic ones that look the same in both cases."""
UNDISGUISED = {other: letter for letter, other in DISGUISES.items()}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MARKS = "\u0300\u0301\u0308\u0323\u0335\u0338\u20dd\ufe0f"
GAPS = (" ", " ", " ", "\n", "\r\n", "\t", "\0", "\u00a0", "\u2003", "\u3000", "\u2028", ", ", " — ", "; ", " \u200b ", "&nbsp;", "&#8212;", "&amp; ")
ODD_GAPS = (
    " \U0001f600 ",
    " \U0001f469\u200d\U0001f4bb ",
    " \U0001f1eb\U0001f1f7 ",
    "\u202e ",
    " \ud83d ",
    " \udfff ",
    " \ue000 ",
    " \ufffd ",
    " \uffff ",
    " \x1b ",
)


def letters_of(character: str) -> str:
    """A character's compatible form without case."""
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())


def is_alone(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(("CJK UNIFIED", "HIRAGANA", "KATAKANA"))


def unescaped(text: str) -> str:
    for _ in range(3):
        text = REFERENCE.sub(lambda m: html.unescape(m[0]) if m[0][1] == "#" or m[0][1:] in html.entities.html5 else m[0], text)
    return BREAK.sub("", text)


def read_slowly(text: str) -> list[str]:
    """The words of a text in their normal form."""
    words = [""]
    for character in unescaped(text):
        if unicodedata.category(character) == "Cf" or character in APOSTROPHES:
            continue
        for part in letters_of(character):
            kind = unicodedata.category(part)[0]
            if kind == "M":
                words[-1] += part if part in VOICING and words[-1] else ""
            elif kind not in "LN":
                words.append("")
            elif is_alone(part) or (words[-1] and is_alone(words[-1][0])):
                words.append(part)
            else:
                words[-1] += UNDISGUISED.get(part, part)
    return [word for word in words if word]


@cache
def book_words() -> list[str]:
    return re.findall(r"[A-Za-z]+(?:[’'][A-Za-z]+)*", BOOK.read_text(encoding="utf-8"))


def made_words(alphabet: str, count: int, chance: random.Random, *, longest: int = 9) -> list[str]:
    return ["".join(chance.choices(alphabet, k=chance.randint(1, longest))) for _ in range(count)]


def plain_words(language: str, chance: random.Random) -> list[str]:
    """A passage as nobody has changed it."""
    alphabets = {
        "german": "abcdefghiklmnoprstuwzäöüß",
        "french": "abcdefghijlmnopqrstuvxyzàâçéèêëîïôœùû",
        "russian": "абвгдежзийклмнопрстуфхцчшщъыьэюя",
        "greek": "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώ",
        "korean": "가나다라마바사아자차카타파하각난닫랄맘밥삿앙잊찾켰튼핖흩",
    }
    if language == "english":
        first = chance.randrange(len(book_words()) - WORDS)
        return book_words()[first : first + WORDS]
    if language == "chinese":
        return [chr(chance.randrange(0x4E00, 0x9FA0)) for _ in range(WORDS)]
    if language == "japanese":
        return chance.choices("あいうえおかがきぎくぐけげこごさざただはばぱ日本語文字山川アイウエオカガサザハバパ", k=WORDS)
    return made_words(alphabets[language], WORDS, chance)


def joined(word: str, chance: random.Random, extra: str, share: float = 0.5) -> str:
    """A word with something after some of its characters. A soft hyphen at its end might break the next line."""
    return "".join(c + (chance.choice(extra) if chance.random() < share else "") for c in word).rstrip("\u00ad")


def wide(word: str, _: random.Random) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in word)


def bold(word: str, _: random.Random) -> str:
    """Mathematical letters, which stand beyond the first 65,536 characters."""
    return "".join(chr(0x1D400 + ord(c) - 65) if "A" <= c <= "Z" else chr(0x1D41A + ord(c) - 97) if "a" <= c <= "z" else c for c in word)


def tied(word: str, _: random.Random) -> str:
    for plain, ligature in (("ffi", "ﬃ"), ("ffl", "ﬄ"), ("ff", "ﬀ"), ("fi", "ﬁ"), ("fl", "ﬂ"), ("st", "ﬆ"), ("lj", "ǉ")):
        word = word.replace(plain, ligature)
    return word


def disguised(word: str, chance: random.Random) -> str:
    return "".join(DISGUISES.get(c, c) if chance.random() < 0.5 else c for c in word)


def apostrophes(word: str, chance: random.Random) -> str:
    return "".join(chance.choice(APOSTROPHES[:5]) if c in "'’" else c for c in word)


def escaped(word: str, chance: random.Random) -> str:
    """Character references of every kind for some characters."""
    made = []
    for c in word:
        named = html.entities.codepoint2name.get(ord(c))
        forms = [f"&#{ord(c)};", f"&#x{ord(c):x};", f"&#X{ord(c):X};", f"&amp;#{ord(c)};", *([f"&{named};"] if named else [])]
        made.append(chance.choice(forms) if chance.random() < 0.4 else c)
    return "".join(made)


def broken(word: str, chance: random.Random) -> str:
    """A word over two lines."""
    places = [i for i in range(1, len(word)) if word[i - 1].isalpha() and word[i].isalpha() and word[i].islower()]
    if not places:
        return word
    at = chance.choice(places)
    return (
        word[:at]
        + chance.choice(["-", "\u2010", "\u00ad"])
        + chance.choice(["", " "])
        + chance.choice(["\n", "\r\n", "\r"])
        + chance.choice(["", "  ", "\t"])
        + word[at:]
    )


Change = Callable[[str, random.Random], str]
LETTERS: tuple[Change, ...] = (
    lambda w, _: w,
    lambda w, _: w.upper(),
    lambda w, _: w.title() if w.isascii() else w,
    lambda w, _: w.swapcase(),
    lambda w, _: unicodedata.normalize("NFD", w),
    lambda w, _: unicodedata.normalize("NFKC", w),
    wide,
    bold,
    tied,
    disguised,
    apostrophes,
)
INSERTIONS: tuple[Change, ...] = (
    lambda w, _: w,
    lambda w, c: joined(w, c, INVISIBLE),
    lambda w, c: c.choice(INVISIBLE) + w + c.choice(INVISIBLE[6:]),
    lambda w, c: joined(w, c, MARKS),
    lambda w, c: w + c.choice(MARKS) * c.randint(1, 40),
)
SPELLINGS: tuple[Change, ...] = (lambda w, _: w, lambda w, _: w, escaped, broken)


def changed(word: str, chance: random.Random, pools: Sequence[Sequence[Change]]) -> str:
    for pool in pools:
        word = chance.choice(pool)(word, chance)
    return word


@dataclass(frozen=True)
class Case:
    """A passage, and a text in which it stands changed."""

    plain: tuple[str, ...]
    shown: str
    text: str

    @property
    def words(self) -> list[str]:
        return read_slowly(" ".join(self.plain))


def make_case(number: int) -> Case:
    chance = random.Random(number)
    plain = plain_words(LANGUAGES[number % len(LANGUAGES)], chance)
    pools = [chance.sample(pool, chance.randint(1, len(pool))) for pool in (LETTERS, INSERTIONS, SPELLINGS)]
    gaps = GAPS + (ODD_GAPS if chance.random() < 0.5 else ())
    dense = number % len(LANGUAGES) >= LANGUAGES.index("chinese") and chance.random() < 0.7
    shown = [changed(word, chance, pools) for word in plain]
    separators = ["" if dense and chance.random() < 0.9 else chance.choice(gaps) for _ in plain[1:]]
    passage = "".join(part for pair in zip(shown, [*separators, ""], strict=True) for part in pair)
    around = ["".join(changed(w, chance, pools) + chance.choice(gaps) for w in made_words("jqvwyz", 40, chance)) for _ in "ab"]
    return Case(tuple(plain), passage, f"{around[0]} . {passage} . {around[1]}")


def check_span(text: str, start: int, end: int, words: list[str]) -> None:
    """The span holds these words, and does not cut any."""
    assert 0 <= start < end <= len(text)
    assert read_slowly(text[start:end]) == words
    assert [*read_slowly(text[:start]), *words, *read_slowly(text[end:])] == read_slowly(text)


def check(case: Case, found: Sequence[Match], text: str, references: dict[str, str]) -> None:
    assert len(found) == 1
    (match,) = found
    check_span(text, match.start, match.end, case.words)
    check_span(references[match.reference], match.reference_start, match.reference_end, case.words)
    assert match.words == match.aligned_words == match.longest_run == len(case.words)


def batches(count: int) -> Iterator[dict[str, Case]]:
    for first in range(0, count, ROWS_PER_BATCH):
        yield {f"r{i}": make_case(i) for i in range(first, first + ROWS_PER_BATCH)}


def opened(folder: Path, references: dict[str, str]) -> CascadeMatcher:
    store = ReferenceStore(folder / "references")
    if store.sets():
        store.remove("s")
    store.add("s", [make_reference(name, text) for name, text in references.items()], kind=ReferenceKind.WORK)
    return open_matcher(store, ["s"])


def by_record(matches: Sequence[Match], count: int) -> list[list[Match]]:
    return [[m for m in matches if m.record == i] for i in range(count)]


def plain_text(case: Case) -> str:
    """A passage as it was, between words that stand nowhere else."""
    return f"Xkk xkm xkn. {' '.join(case.plain)} Xkp xkr xks."


@pytest.mark.parametrize("side", ["training", "reference"])
def test_a_changed_passage_is_found_with_exact_spans_on_both_sides(tmp_path: Path, loops: int, side: str) -> None:
    for cases in batches(2 * ROWS_PER_BATCH * loops * loops):
        plain, shown = {n: plain_text(c) for n, c in cases.items()}, {n: c.text for n, c in cases.items()}
        references, rows = (plain, shown) if side == "training" else (shown, plain)
        matches = opened(tmp_path, references).match_batch(make_batch(list(rows.values())), path="p")
        for (name, case), found in zip(cases.items(), by_record(matches, len(cases)), strict=True):
            check(case, found, rows[name], references)


def in_record(case: Case, number: int, chance: random.Random) -> tuple[dict[str, Any], str]:
    """A record with the passage in one of its fields, and that field's name as matches give it."""
    other = " ".join(made_words("jqvwyz", 30, chance))
    forms: tuple[Callable[[], tuple[dict[str, Any], str]], ...] = (
        lambda: ({"id": str(number), "text": case.text}, "text"),
        lambda: ({"title": other, "text": case.text, "summary": other}, "text"),
        lambda: ({"prompt": other, "completion": case.text}, "completion"),
        lambda: ({"messages": [{"role": "user", "content": other}, {"role": "assistant", "content": case.text}]}, "messages[1].content"),
        lambda: ({"conversations": [{"from": "human", "value": case.text}, {"from": "gpt", "value": other}]}, "conversations[0].value"),
        lambda: ({"text": other, "meta": {"notes": [{"body": case.text}]}}, "meta.notes[0].body"),
    )
    return forms[number % len(forms)]()


def field_of(record: Any, name: str) -> str:
    """The text of a field, such as ``messages[1].content``, read as Python reads it."""
    value = json.loads(json.dumps(record))
    for key in re.findall(r"[^.\[\]]+", name):
        value = value[int(key) if key.isdigit() else key]
    assert isinstance(value, str)
    return value


def test_spans_hold_in_fields_and_turns_that_were_read_from_a_file(tmp_path: Path, loops: int) -> None:
    for number, cases in enumerate(batches(ROWS_PER_BATCH * loops)):
        chance = random.Random(number)
        references = {n: plain_text(c) for n, c in cases.items()}
        records = [in_record(case, i, chance) for i, case in enumerate(cases.values())]
        shard = tmp_path / f"{number}.jsonl"
        shard.write_text("".join(json.dumps(record) + "\n" for record, _ in records), encoding="ascii")
        matcher = opened(tmp_path, references)
        matches = [m for batch in Reader().open(str(shard)) for m in matcher.match_batch(batch, path="p")]
        for case, (record, field), found in zip(cases.values(), records, by_record(matches, len(cases)), strict=True):
            assert [m.field for m in found] == [field]
            check(case, found, field_of(record, field), references)
