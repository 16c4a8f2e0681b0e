"""Licences that texts state: SPDX's own texts, ScanCode's cases, and texts with conditions added, which are not the licence they look like."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import license_expression
import pytest

from provenance.licensing.conclusion import join_all
from provenance.licensing.expression import AllOf, AnyOf, Expression, parse_expression, render
from provenance.licensing.spdx import listed_licenses
from provenance.licensing.urls import license_of_url
from provenance.matching.license_detection import detect_licenses
from provenance.model.absence import is_absent
from tests.conftest import ROOT

APACHE = (ROOT / "LICENSE").read_text(encoding="utf-8")
MIT = """MIT License

Copyright (c) 2026 Harbour Ltd

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def stated(text: str, name: str = "LICENSE") -> str:
    return join_all(d.expression for d in detect_licenses(text, name=name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (APACHE, "Apache-2.0"),
        (MIT, "MIT"),
        (MIT.upper(), "MIT"),
        (MIT.replace("\n", "\r\n    * "), "MIT"),
        ("# SPDX-License-Identifier: GPL-2.0-or-later\nprint(1)\n", "GPL-2.0-or-later"),
        ("// SPDX-License-Identifier: MIT OR Apache-2.0\n", "Apache-2.0 OR MIT"),
        ("This dataset is released under CC BY-NC 4.0.", "CC-BY-NC-4.0"),
        ("Licensed under the Apache License, Version 2.0", "Apache-2.0"),
        ("See https://creativecommons.org/licenses/by-sa/4.0/ for the licence.", "CC-BY-SA-4.0"),
        ("---\nlicense: cc-by-nc-4.0\n---\n# Notes\n", "CC-BY-NC-4.0"),
    ],
    ids=["apache", "mit", "upper case", "comment", "tag", "tag with a choice", "notice", "notice of a version", "deed", "card"],
)
def test_what_a_text_states_is_found(text: str, expected: str) -> None:
    found = stated(text, "README.md")
    assert canonical(found) == canonical(expected)


@pytest.mark.parametrize(
    "more",
    [
        "The Software shall be used for non-commercial purposes only.",
        '"Commons Clause" License Condition v1.0. The License does not grant to you the right to Sell the Software.',
        "You may not use the Software, or its output, to train machine learning models.",
        "Use by companies with more than 100 employees requires a separate licence from Harbour Ltd.",
    ],
)
@pytest.mark.parametrize("where", ["before", "inside", "behind"])
def test_a_licence_with_conditions_added_is_not_that_licence(more: str, where: str) -> None:
    first, *rest = MIT.split("\n\n")
    parts = {"before": [more, first, *rest], "inside": [first, *rest[:2], more, *rest[2:]], "behind": [first, *rest, more]}[where]
    assert canonical(stated("\n\n".join(parts))) != canonical("MIT")


def test_a_licence_with_a_condition_left_out_is_not_that_licence() -> None:
    without = MIT.replace(
        "The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.", ""
    )
    assert canonical(stated(without)) != canonical("MIT")


def test_two_licences_in_one_text_both_apply() -> None:
    assert canonical(stated(f"{MIT}\n\n{APACHE}")) == canonical("MIT AND Apache-2.0")


def test_words_that_state_no_licence_are_no_licence() -> None:
    assert detect_licenses("The harbour master counted the lanterns again and found one too many.", name="README.md") == ()


@pytest.mark.parametrize(
    "text", ["", "\x00" * 1000, "\ud800", "((((" * 10_000, "license: " + "A" * 10_000_000], ids=["empty", "nul", "surrogate", "nested", "huge"]
)
def test_hostile_texts_are_read(text: str) -> None:
    assert all(0 <= d.start <= d.end <= len(text) for d in detect_licenses(text, name="README.md"))


def canonical(expression: str) -> Any:
    """An expression without the order of its parts."""
    if is_absent(expression):
        return frozenset() if expression == "NOT_STATED" else frozenset([expression])
    found = _canonical(parse_expression(expression))
    return found[1] if isinstance(found, tuple) and found[0] == "AND" else frozenset([found])


def _canonical(expression: Expression) -> Any:
    if not isinstance(expression, AllOf | AnyOf):
        return render(expression)
    parts = frozenset(_canonical(p) for p in expression.parts)
    return next(iter(parts)) if len(parts) == 1 else ("OR" if isinstance(expression, AnyOf) else "AND", parts)


def test_scancode_cases_are_read_as_scancode_reads_them(shared: Path) -> None:
    """Nine of ten of the cases whose licences are in the SPDX list; the others are listed as modified or as a family, which clears nothing."""
    spdx = {d["license_key"]: d["spdx_license_key"] for d in license_expression.get_license_index()}
    words = re.compile(r"[^\s()]+")
    right = covered = 0
    for line in (shared / "data/dev/registry_metadata/scancode/licence_tests.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        keys = {k for e in case["expected_license_expressions"] for k in words.findall(e)} - {"AND", "OR", "WITH"}
        bare_link = re.fullmatch(r"\s*\S+://[^\n]+", case["text"])
        if not {spdx[k] for k in keys} <= set(listed_licenses()) or (bare_link and not any(map(license_of_url, case["text"].split()))):
            continue
        expected = " AND ".join(f"({words.sub(lambda m: spdx.get(m[0], m[0]), e)})" for e in case["expected_license_expressions"])
        covered += 1
        right += canonical(stated(case["text"], "x")) == (canonical(expected) if expected else frozenset())
    assert covered > 70
    assert right >= 0.9 * covered
