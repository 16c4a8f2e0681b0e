"""How often the licences that texts state are read right, and in which way they are read wrong.

usage: python benchmarks/licenses.py [--name LICENSE] [--show seen|both] [--spdx STEP] [--json OUT]

Needs ../shared (or $PROVENANCE_SHARED) for ScanCode's cases. Three tables:

* ScanCode's cases: a text and the licences that ScanCode's authors read in it. Covered are those whose licences, exceptions included, all have an SPDX id; of
  the others only those are listed of which less is read than they ask. A file that holds nothing but an address of some repository's file is left out too: nothing is fetched. The cases are
  parted in two halves by a fixed seed; only those of one half are ever shown.
* SPDX's own texts, each as it is, in capitals, and wrapped as a comment.
* The same texts with a sentence of condition put in or left out, none of which may be read as the licence it was made of.

What is wrong is told apart by what it would do. ``looser`` is the worst: some reading of what was found asks less than the truth does. Licences are ordered
by ScanCode's categories, and of one family by the versions that one may choose from.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("PROVENANCE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
SEED = 20261130
_RANKS = (
    ("Public Domain", "CLA", "Permissive", "Patent License"),
    ("Copyleft Limited",),
    ("Copyleft",),
    ("Free Restricted", "Source-available", "Proprietary Free", "Commercial", "Unstated License"),
)
"""ScanCode's categories from the loosest."""
_UNREAD = ("LicenseRef-modified-", "LicenseRef-unrecognised-terms", "UNKNOWN", "UNREADABLE")
_FAMILY = re.compile(r"LicenseRef-.*-(?:style|family)")
KINDS = ("right", "looser", "part missed", "another", "stricter", "modified", "family", "nothing found", "found where none")
"""What a case may be: the last eight are wrong."""
_WORDS = re.compile(r"[^\s()]+")
_PARTS = frozenset({"AND", "OR", "WITH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One text with what is true of it."""

    name: str
    text: str
    truth: str
    """SPDX expression; empty where it states none."""
    held_back: bool = False


def scancode_cases() -> tuple[list[Case], Counter[str]]:
    """Return the covered cases, and how many are left out for which reason; among these, under ``read looser``, the texts of which too little is read."""
    from provenance.licensing.urls import license_of_url

    lines = (SHARED / "data/dev/registry_metadata/scancode/licence_tests.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    names = sorted(row["file"] for row in rows)
    held = frozenset(random.Random(SEED).sample(names, len(names) // 2))
    left: Counter[str] = Counter()
    cases = []
    for row in rows:
        keys = {k for e in row["expected_license_expressions"] for k in _WORDS.findall(e)} - _PARTS
        bare = re.fullmatch(r"\s*\S+://\S+\s*", row["text"])
        if not all(map(_is_listed, keys)):
            left["a licence without an SPDX id"] += 1
            ids = {_index()[0].get(k, "") for k in keys}
            left["of these read looser"] += _reads_looser(detect(row["text"], "x"), frozenset(ids))
        elif bare and license_of_url(row["text"].strip()) is None:
            left["nothing but the address of some file"] += 1
        else:
            truth = " AND ".join(f"({_WORDS.sub(_spdx_word, e)})" for e in row["expected_license_expressions"])
            cases.append(Case(name=row["file"], text=row["text"], truth=truth, held_back=row["file"] in held))
    return cases, left


def _reads_looser(found: str, truth: frozenset[str]) -> bool:
    """Tell whether some choice that was read asks less, by category, than licences of which not all have an SPDX id."""
    from provenance.model.absence import is_absent

    return not is_absent(found) and any(_asks_less(choice, truth) for choice in choices(found))


@cache
def _index() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Return SPDX ids by ScanCode's keys, and ScanCode's categories by SPDX id."""
    import license_expression

    entries = [e for e in license_expression.get_license_index() if e["spdx_license_key"]]
    ids = {e["license_key"]: e["spdx_license_key"] for e in entries}
    categories = {key: e["category"] for e in entries for key in (e["spdx_license_key"], *e["other_spdx_license_keys"])}
    return ids, categories


def _is_listed(key: str) -> bool:
    from provenance.licensing.spdx import listed_licenses

    spdx = _index()[0].get(key, "")
    return spdx in listed_licenses() or (bool(spdx) and not spdx.startswith("LicenseRef-") and _is_exception(key))


@cache
def _exceptions() -> frozenset[str]:
    import license_expression

    return frozenset(e["license_key"] for e in license_expression.get_license_index() if e["is_exception"])


def _is_exception(key: str) -> bool:
    return key in _exceptions()


def _spdx_word(word: re.Match[str]) -> str:
    return word[0] if word[0] in _PARTS else _index()[0][word[0]]


def read(text: str, name: str) -> str:
    """Return what the product concludes of a text."""
    from provenance.licensing.conclusion import conclude
    from provenance.matching.license_detection import detect_licenses

    return conclude(detect_licenses(text, name=name))


def detect(text: str, name: str) -> str:
    """Return what the product detects in a text, as ScanCode's cases have it: without what it concludes of words that tell of a part only."""
    from provenance.licensing.conclusion import join_all
    from provenance.matching.license_detection import detect_licenses

    return join_all(found.expression for found in detect_licenses(text, name=name))


def choices(expression: str) -> frozenset[frozenset[str]]:
    """Return what an expression lets one choose between: sets of licences that then all apply."""
    from provenance.licensing.expression import AllOf, AnyOf, OneLicense, parse_expression, render
    from provenance.model.absence import is_absent

    if not expression or expression == "NOT_STATED":
        return frozenset([frozenset()])
    if is_absent(expression):
        return frozenset([frozenset([expression])])

    def of(part: Any) -> set[frozenset[str]]:
        if isinstance(part, OneLicense):
            return {frozenset([render(part)])}
        if isinstance(part, AnyOf):
            return {choice for p in part.parts for choice in of(p)}
        assert isinstance(part, AllOf)
        return {frozenset().union(*chosen) for chosen in product(*map(of, part.parts))}

    found = of(parse_expression(expression))
    return frozenset(one for one in found if not any(other < one for other in found))


def judge(found: str, truth: str) -> str:
    """Return which of ``KINDS`` a reading is."""
    own, true = choices(found), choices(truth)
    atoms, true_atoms = ({a for c in side for a in c} for side in (own, true))
    if own == true:
        return "right"
    if not true_atoms or not atoms:
        return "found where none" if atoms else "nothing found"
    if any(_is_looser(choice, true) for choice in own):
        return "looser"
    extra = atoms - true_atoms
    unread = next((kind for kind, is_such in (("modified", _is_unread), ("family", _FAMILY.fullmatch)) if any(map(is_such, extra))), None)
    if unread is None and true_atoms - atoms and not extra and len(true) <= len(own):
        return "part missed"
    covered = all(any(all(_covers(choice, t) for t in one) for one in true) for choice in own)
    return unread or ("stricter" if covered or (true_atoms - atoms and not extra) else "another")


def _is_unread(license_id: str) -> bool:
    return license_id.startswith(_UNREAD)


def _is_looser(choice: Iterable[str], true: Iterable[frozenset[str]]) -> bool:
    """Tell whether licences that one may choose together ask less than each choice of the truth."""
    held = frozenset(choice)
    return all(not all(_covers(held, t) for t in one) and _asks_less(held, one) for one in true)


def _asks_less(held: frozenset[str], one: frozenset[str]) -> bool:
    if any(a.startswith(_UNREAD) or _FAMILY.fullmatch(a) for a in held):
        return False  # clears nothing
    lacking = [t for t in one if not _covers(held, t)]
    return max(map(_rank, held), default=0) < max(map(_rank, one), default=0) or any(_widens(h, t) for h in held for t in lacking)


def _covers(held: Iterable[str], true: str) -> bool:
    return any(h == true or h.startswith(_UNREAD) or _widens(true, h) for h in held)


def _rank(license_id: str) -> int:
    category = _index()[1].get(license_id.split(" WITH ", maxsplit=1)[0], "")
    return next((i for i, names in enumerate(_RANKS) if category in names), len(_RANKS))


def _widens(wider: str, other: str) -> bool:
    """Tell whether one id leaves the choice of every version that another does, and more; or is the same with an exception, which permits more."""
    if wider == other:
        return False
    (base, _, extra), (other_base, _, other_extra) = wider.partition(" WITH "), other.partition(" WITH ")
    versions, others = _versions(base), _versions(other_base)
    if versions is None or others is None or versions[0] != others[0]:
        return base == other_base and bool(extra) and not other_extra
    return others[1] >= versions[1] and (not versions[2] or versions[2] >= (others[2] or 99.0)) and (bool(extra) or not other_extra)


def _versions(license_id: str) -> tuple[str, float, float] | None:
    """Return family, first and last version of a GNU id; a last one of 0 is any later one."""
    found = re.fullmatch(r"(A?GPL|LGPL|GFDL)-(\d\.\d)-(only|or-later)", license_id)
    return None if found is None else (found[1], float(found[2]), 0.0 if found[3] == "or-later" else float(found[2]))


def run_cases(cases: Sequence[Case], name: str) -> Iterator[tuple[Case, str, str]]:
    """Yield each case with what is found and what that is."""
    for case in cases:
        found = detect(case.text, name)
        yield case, found, judge(found, case.truth)


def scancode(show: str, name: str) -> dict[str, Any]:
    """Print the table of ScanCode's cases."""
    cases, left = scancode_cases()
    print(f"ScanCode's cases: {len(cases)} covered; left out: {', '.join(f'{n} {why}' for why, n in left.items())}")
    started = time.process_time()
    results = list(run_cases(cases, name))
    seconds = time.process_time() - started
    rows: dict[str, Any] = {}
    for half, held in (("seen", False), ("held back", True)):
        mine = [kind for case, _, kind in results if case.held_back is held]
        rows[half] = {"cases": len(mine), **{kind: mine.count(kind) for kind in KINDS}}
        print(
            f"{half:10} {len(mine):4} cases, right {mine.count('right') / len(mine):.3f}: "
            + ", ".join(f"{kind} {mine.count(kind)}" for kind in KINDS)
        )
    print(f"{seconds:.1f} CPU s")
    for case, found, kind in results:
        if kind != "right" and (show == "both" or not case.held_back):
            print(f"  {kind:16} {case.name:50} truth {case.truth}\n{'':68} found {found}")
    return rows


CONDITIONS = (
    "The Software shall be used for non-commercial purposes only.",
    "You may not use the Work, or its output, to train machine learning models.",
    "Use by companies with more than 100 employees requires a separate agreement with the Licensor.",
    "You must not use this material for any military purpose.",
    "Redistribution in any form is prohibited without the prior written consent of the author.",
    "You agree to pay a fee of 100 dollars for each copy.",
)
"""Sentences that make another licence of any licence."""
_SENTENCE = re.compile(r"[A-Z][^.]{60,400}\.(?=\s)")
_BINDS = re.compile(r"\b(?:must|shall|provided that|may not|only|subject to|required)\b")
_FREES = re.compile(r"(?i)warrant|liab|damages|as is|merchantab|\bif any provision\b|jurisdiction|severab")
_LEAST_WORDS = 60


def own_texts(step: int) -> list[tuple[str, str]]:
    """Return SPDX ids and texts, one of ``step``."""
    import lzma

    from provenance.config import shipped

    document = json.loads(lzma.decompress((shipped("policies") / "licenses" / "spdx" / "texts.json.xz").read_bytes()))
    return sorted(document["texts"].items())[::step]


def dressed(text: str) -> dict[str, str]:
    """Return a text in the dresses in which files have it."""
    return {"as it is": text, "capitals": text.upper(), "comment": "\n".join(f" * {line}" for line in text.splitlines())}


def mutants(text: str, chosen: random.Random) -> dict[str, str]:
    """Return the text with one of ``CONDITIONS`` put in before, inside and behind, and with one sentence that binds left out."""
    paragraphs = text.split("\n\n")
    made = {}
    for where, at in (("before", 0), ("inside", chosen.randint(1, max(len(paragraphs) - 1, 1))), ("behind", len(paragraphs))):
        made[f"condition {where}"] = "\n\n".join([*paragraphs[:at], chosen.choice(CONDITIONS), *paragraphs[at:]])
    made["condition in the last paragraph"] = f"{text.rstrip()} {chosen.choice(CONDITIONS)}\n"
    binding = [m for m in _SENTENCE.finditer(text) if _BINDS.search(m[0]) and not _FREES.search(m[0])]
    if binding:
        cut = chosen.choice(binding)
        made["sentence left out"] = text[: cut.start()] + text[cut.end() :]
    return made


def spdx(step: int) -> dict[str, Any]:
    """Print the tables of SPDX's own texts."""
    chosen = random.Random(SEED)
    counts: dict[str, Counter[str]] = {}
    wrong = []
    for license_id, text in own_texts(step):
        for dress, dressed_text in dressed(text).items():
            found = read(dressed_text, "LICENSE")
            kind = judge(found, license_id)
            counts.setdefault(dress, Counter())[kind] += 1
            if kind != "right" and dress == "as it is":
                wrong.append(f"  {kind:16} {license_id:40} found {found}")
        for what, mutant in mutants(text, chosen).items() if len(text.split()) >= _LEAST_WORDS else ():
            found = read(mutant, "LICENSE")
            taken = judge(found, license_id) == "right" or not any(
                a.startswith(_UNREAD) or a.startswith("LicenseRef-") for c in choices(found) for a in c
            )
            counts.setdefault(what, Counter())["taken for a licence" if taken else "told apart"] += 1
            if taken:
                wrong.append(f"  {what:32} {license_id:40} found {found}")
    for what, count in counts.items():
        print(f"{what:32} {sum(count.values()):5}: " + ", ".join(f"{kind} {n}" for kind, n in count.most_common()))
    print("\n".join(wrong))
    return {what: dict(count) for what, count in counts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--show", choices=("seen", "both"), default="seen", help="of which half the wrong ones are listed")
    parser.add_argument("--spdx", type=int, default=0, metavar="STEP", help="SPDX's texts too, every STEP-th of them")
    parser.add_argument("--name", default="x", help="what ScanCode's cases are called: a file called LICENSE is read more strictly")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    found = {"scancode": scancode(args.show, args.name)}
    if args.spdx:
        found["spdx"] = spdx(args.spdx)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
