"""Words of text against an oracle made of unicodedata alone."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import FingerprintError
from provenance.fingerprint.confusables import APOSTROPHES, FILLERS, LOOK_ALIKES
from provenance.fingerprint.spelling import normal_words
from provenance.fingerprint.tokens import Tokens, codepoint_offsets, count_words, normalize_word, tokenize

ALONE_NAMES = ("CJK UNIFIED", "CJK COMPAT", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "IDEOGRAPHIC", "TANGUT IDEO", "VERTICAL IDEO")
DECORATION = ("COMBINING", "HEBREW", "ARABIC", "SYRIAC", "VARIATION SELECTOR", "MONGOLIAN FREE")


def name(character: str) -> str:
    return unicodedata.name(character, "")


def is_latin(character: str) -> bool:
    return name(character).startswith("LATIN")


def pieces(text: str) -> list[str]:
    """Each character's NFKD parts that count, with their case kept."""
    found = []
    for character in text:
        if character in APOSTROPHES or character in FILLERS or unicodedata.category(character) == "Cf":
            continue
        found += [part for part in unicodedata.normalize("NFKD", character) if part not in APOSTROPHES and part not in FILLERS]
    # U+0345, the iota below a Greek letter, is a mark of which the small form is a letter: ᾳ is αι in either case.
    found = ["\u03b9" if part == "\u0345" else part for part in found]
    return [part for part in found if unicodedata.category(part) != "Cf"]


def folds(small: str) -> bool:
    return LOOK_ALIKES.get(small) is not None and LOOK_ALIKES[small] == LOOK_ALIKES.get(small.upper()) and not is_latin(small)


def spelled(word: Iterable[str]) -> str:
    """Read look-alikes of one case as Latin where every other letter is Latin."""
    plain, latin, seen_latin, seen_foreign, disguised = "", "", False, False, False
    for part in word:
        folded = unicodedata.normalize("NFKD", part.casefold())
        lone_case = len(folded) == 1 and part in LOOK_ALIKES and not is_latin(part) and not folds(folded)
        disguised |= lone_case
        for small in folded:
            category = unicodedata.category(small)
            if category[0] == "M":
                plain, latin = plain + small, latin + small
            elif category[0] in "LN":
                form = LOOK_ALIKES[small] if folds(small) or (is_latin(small) and small in LOOK_ALIKES) else small
                plain, latin = plain + form, latin + (LOOK_ALIKES[part] if lone_case else form)
                seen_latin |= is_latin(small)
                seen_foreign |= category[0] == "L" and not is_latin(small) and not folds(small) and not lone_case
    return latin if disguised and seen_latin and not seen_foreign else plain


def oracle(text: str) -> list[str]:
    words: list[list[str]] = [[]]
    alone = foreign = False
    for part in pieces(text):
        category = unicodedata.category(part)
        if category[0] == "M":
            decorates = category == "Me" or (category == "Mn" and name(part).startswith(DECORATION) and part not in "\u3099\u309a")
            if words[-1] and (alone or foreign) and not decorates:
                words[-1].append(part)
            continue
        letter = category[0] in "LN"
        stands_alone = letter and category != "Nd" and name(part).startswith(ALONE_NAMES)
        if words[-1] and (not letter or stands_alone or alone):
            words.append([])
            alone = foreign = False
        if letter:
            words[-1].append(part)
            alone |= stands_alone
            small = unicodedata.normalize("NFKD", part.casefold())
            lone_case = part in LOOK_ALIKES and not is_latin(part)
            foreign |= (
                category[0] == "L"
                and not stands_alone
                and any(unicodedata.category(s)[0] == "L" and not is_latin(s) and not folds(s) for s in small)
                and not lone_case
            )
    return [spelled(word) for word in words if word]


def scan(text: str | bytes) -> tuple[bytes, Tokens]:
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return raw, tokenize(np.frombuffer(raw, np.uint8), np.array([0, len(raw)]))


def hashes(text: str) -> list[int]:
    return [int(value) for value in scan(text)[1].hashes]


def one_hash(word: str) -> int:
    (found,) = hashes(word)
    return found


PLAIN = "The quick (brown) fox doesn't jump; it sat 3 times."
SAMPLES = [
    PLAIN,
    "½ cup of ﷺ, ﬁne Straße ＦＵＬＬ ｗｉｄｔｈ ㈱ ㍿",
    "e\u0301te\u0301 h\u0337e\u0337llo zero\u200bwidth soft\u00adhyphen \ufeffbom",
    "Неllо WОRLD привет Вода ВОДА Σίσυφος ΣΊΣΥΦΟΣ",
    "中文字符 と かな ガギグ ｶﾞｷﾞ 한국어 ภาษาไทย ခမာ ខ្មែរ हिन्दी தமிழ்",
    "עִבְרִית مُحَمَّد كـــتاب",
    "𝐁𝐨𝐥𝐝 Ⓒⓘⓡⓒⓛⓔ ᴀʙᴄ x² ™ ª ① Ⅷ ŉ İstanbul",
    "ᾳ ᾼ ΑΙ \u0345x",
    "",
    " ",
    "\u0301\u0301 \u093f a\u093fb",
]


@pytest.mark.parametrize("text", SAMPLES)
def test_words_agree_with_the_oracle(text: str) -> None:
    assert normal_words(text) == oracle(text)
    assert hashes(text) == [one_hash(word) for word in oracle(text)]


@given(st.lists(st.one_of(st.text(max_size=8), st.sampled_from([*LOOK_ALIKES, *"aZ' -'’中か\u0301\u093fक½가ﷺßſ"])), max_size=12).map("".join))
@settings(deadline=None, max_examples=400)
def test_any_text_agrees_with_the_oracle(text: str) -> None:
    assigned = "".join(c for c in text if unicodedata.category(c) not in ("Cs", "Cn"))
    assert normal_words(assigned) == oracle(assigned)
    raw, tokens = scan(assigned)
    for start, end, word, found in zip(tokens.start, tokens.end, oracle(assigned), tokens.hashes.tolist(), strict=True):
        assert word in normal_words(raw[start:end].decode())
        assert found in hashes(raw[start:end].decode())


@given(st.text(alphabet="ab'é½中कВв", max_size=5), st.text(alphabet="ab'é½中कВв", max_size=5))
@settings(deadline=None)
def test_hashes_are_equal_exactly_when_normal_forms_are(one: str, other: str) -> None:
    assert (hashes(one) == hashes(other)) == (normal_words(one) == normal_words(other))


def test_disguises_do_not_change_a_word() -> None:
    for disguise in ("don’t", "DON'T", "d\u200bont", "d\u00adont", "dоnt", "ｄｏｎｔ", "d\u0336o\u0336nt", "𝒹ont", "ᴅᴏɴᴛ"):
        assert hashes(disguise) == hashes("dont"), disguise


def test_a_russian_word_keeps_one_form_in_either_case_and_with_latin_letters_slipped_in() -> None:
    assert one_hash("Вода") == one_hash("ВОДА") == one_hash("вода") == one_hash("вoдa")
    assert one_hash("СОВА") == one_hash("сова")


def test_invalid_bytes_separate_words() -> None:
    raw, tokens = scan(b"ab\xffcd \xe2\x82 ef\xed\xa0\x80gh \xc0\xaf \xf4\x90\x80\x80ij\xe2")
    assert [raw[a:b] for a, b in zip(tokens.start, tokens.end, strict=True)] == [b"ab", b"cd", b"ef", b"gh", b"ij"]


def test_rows_do_not_run_into_one_another() -> None:
    raw = np.frombuffer("naïve".encode(), np.uint8)
    tokens = tokenize(raw, np.array([0, 1, 1, 3, 6]))
    assert tokens.offsets.tolist() == [0, 1, 1, 2, 3]
    assert tokens.start.tolist() == [0, 1, 4]  # ï is cut in two by the row boundary at byte 3: both halves separate


def test_bad_offsets_are_refused() -> None:
    raw = np.zeros(4, np.uint8)
    for offsets in ([0, 5], [2, 1], [-1, 2], []):
        with pytest.raises(FingerprintError):
            tokenize(raw, np.array(offsets, dtype=np.int64))


def test_a_hundred_thousand_marks_on_one_letter_are_one_word() -> None:
    raw, tokens = scan("a" + "\u0301" * 100_000 + "b" + "\u093f" * 100_000)
    assert tokens.hashes.tolist() == hashes("ab")
    assert tokens.end.tolist() == [len(raw)]


def test_room_for_words_grows_without_cutting_any() -> None:
    text = "ﷺ½ab中" * 5000
    assert hashes(text) == [one_hash(word) for word in oracle(text)]


def test_helpers() -> None:
    assert normalize_word("Don’t!") == "dont"
    assert normalize_word("?") == ""
    raw = np.frombuffer("aé中𝐁z".encode(), np.uint8)
    assert codepoint_offsets(raw, 0, np.array([0, 1, 3, 6, 10, 11])).tolist() == [0, 1, 2, 3, 4, 5]
    assert codepoint_offsets(raw, 3, np.array([6, 10])).tolist() == [1, 2]
    assert count_words(raw, np.array([0, len(raw)])) == 3


def test_real_text_agrees_with_the_oracle(shared: Path) -> None:
    for path in sorted((shared / "data/dev/works").glob("*.txt")):
        text = path.read_text("utf-8", errors="replace")[:60_000]
        assert hashes(text) == [one_hash(word) for word in oracle(text)], path
