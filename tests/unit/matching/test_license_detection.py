"""Licences that texts state: SPDX's own texts, ScanCode's cases, and texts with conditions added, which are not the licence they look like."""

from __future__ import annotations

import json
import lzma
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


@pytest.mark.parametrize(
    "more",
    ["You must not use it for war.", "Not for sale.", "You agree to pay a fee of 100 dollars for each copy.", "For each copy, pay the author."],
)
@pytest.mark.parametrize("joint", [" ", "\n\n", " **"], ids=["same paragraph", "own paragraph", "behind markup"])
def test_a_short_condition_beside_a_licence_is_read(more: str, joint: str) -> None:
    assert canonical(stated(f"{MIT.rstrip()}{joint}{more}\n")) != canonical("MIT")


def test_a_condition_in_the_line_of_the_copyright_is_read() -> None:
    more = MIT.replace("Copyright (c) 2026 Harbour Ltd", "Copyright (c) 2026 Harbour Ltd. You must not use it for war.")
    assert canonical(stated(more)) != canonical("MIT")


@pytest.mark.parametrize("changed", ["only for research", "without a fee", "by the government"])
def test_words_of_condition_in_the_place_of_others_make_another_licence(changed: str) -> None:
    assert canonical(stated(MIT.replace("without restriction", changed, 1))) != canonical("MIT")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("noninfringement", "non-infringement"),
        ("copyright holders", "copyright owners"),
        ("sublicense", "sub-license"),
        ("associated", "assocciated"),
    ],
)
def test_other_spellings_are_no_change(old: str, new: str) -> None:
    assert re.search(old, MIT, re.IGNORECASE)
    assert stated(re.sub(old, new, MIT, flags=re.IGNORECASE)) == "MIT"


def test_a_name_in_the_place_of_the_listed_one_is_no_change() -> None:
    text = _spdx("NTP").replace("(TrademarkedName)", "Harbour Institute")
    assert stated(text, "x") == "NTP"


def test_a_licence_with_its_disclaimer_cut_off_at_the_end_sets_the_same_conditions() -> None:
    conditions, _, rest = _spdx("BSD-3-Clause").partition("THIS SOFTWARE IS PROVIDED")
    assert rest
    assert stated(conditions, "x") == "BSD-3-Clause"
    assert stated(f"{conditions}Nor may anybody else use it, and this is all that there is to say.", "x") != "BSD-3-Clause"


def _spdx(license_id: str) -> str:
    document = json.loads(lzma.decompress((ROOT / "policies/licenses/spdx/texts.json.xz").read_bytes()))
    return str(document["texts"][license_id])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("You may use this under the terms of the CC0, the OpenSSL License, or the Apache License 2.0.", "CC0-1.0 OR OpenSSL OR Apache-2.0"),
        ("Released under two licenses: BSD 3-Clause and MIT. You may pick the license that suits you best.", "BSD-3-Clause OR MIT"),
        ("Parts are licensed under the GNU GPL version 2 and/or the GNU LGPL version 2.1.", "GPL-2.0-only AND LGPL-2.1-only"),
        ("Licensed under the MIT License. It bundles Rhino (MPL 1.1, GPL 2.0) or so, and code under the Apache License 2.0.", None),
        ("Licensed under the Apache License 2.0 with LLVM Exceptions.", "Apache-2.0 WITH LLVM-exception"),
        ("Licensed under the GNU GPL version 2. Patches are taken under GPL version 2 or later.", "GPL-2.0-only AND GPL-2.0-or-later"),
        ("This library is free software under the same terms as Perl itself.", "GPL-1.0-or-later OR Artistic-1.0-Perl"),
        ("Licensed under BSD-3-Clause-No-Military-License.", "BSD-3-Clause-No-Military-License"),
        ("Licensed under the GNU GPL version 20.", "UNKNOWN"),
        ("Published under the terms of the MPL license.", "UNKNOWN"),
        ("ToLD is licensed under a Creative Commons BY-SA 4.0", "CC-BY-SA-4.0"),
    ],
)
def test_what_sentences_grant_is_read(text: str, expected: str | None) -> None:
    found = canonical(stated(text, "README.md"))
    assert found == canonical(expected) if expected else not any(isinstance(part, tuple) and part[0] == "OR" for part in found)


def test_the_list_of_a_card_is_read_once() -> None:
    assert (
        stated("---\nlicense:\n- gpl-3.0\n- gfdl\n---\n# Notes\n", "README.md") == "(GPL-3.0-only OR GPL-3.0-or-later) AND LicenseRef-hf-gfdl-family"
    )


@pytest.mark.parametrize("license_id", ["GPL-2.0-only", "Apache-2.0", "LGPL-2.1-only"])
def test_the_notice_that_a_licence_tells_people_to_use_is_explained(license_id: str) -> None:
    notices = {
        "GPL-2.0-only": (
            "This program is free software; you can redistribute it",
            "You should have received a copy of the GNU General Public License",
        ),
        "LGPL-2.1-only": (
            "This library is free software; you can redistribute it",
            "You should have received a copy of the GNU Lesser General Public",
        ),
        "Apache-2.0": ("Licensed under the Apache License, Version 2.0", "limitations under the License."),
    }
    text, (first, last) = _spdx(license_id), notices[license_id]
    notice = text[text.rindex(first) : text.rindex(last) + len(last)]
    assert "unrecognised" not in stated(notice), notice


def test_a_licence_on_the_border_of_two_blocks_of_a_long_text_is_found() -> None:
    filler = "the harbour master counted the lanterns again and found one too many\n"
    for words in (27_500, 28_000, 39_500):
        assert stated(f"{filler * (words // 12)}\n{APACHE}\n{filler * 2000}", "README.md") == "Apache-2.0"


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
    """Nineteen of twenty of the cases whose licences are in the SPDX list, those aside of which the text tells only a family, such as "the BSD license"."""
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
        found = stated(case["text"], "x")
        if "LicenseRef-hf-bsd-family" in found and "BSD-" in expected:
            continue
        covered += 1
        right += canonical(found) == (canonical(expected) if expected else frozenset())
    assert covered > 70
    assert right >= 0.95 * covered
