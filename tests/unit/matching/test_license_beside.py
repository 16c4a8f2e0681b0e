"""What stands beside a licence in its own file: nothing but what is plainly harmless leaves it that licence."""

from __future__ import annotations

import pytest

from provenance.licensing.conclusion import conclude
from provenance.matching.license_detection import detect_licenses
from tests.unit.matching.test_license_detection import APACHE, MIT

CONDITIONS = [
    "Die kommerzielle Nutzung ist untersagt.",
    "Toute utilisation commerciale est interdite.",
    "Prohibido el uso comercial.",
    "禁止用于商业用途。",
    "Organisations with more than 100 employees need a separate agreement.",
    "Companies based in the EU are excluded from this grant.",
    "This licence expires on 2025-12-31.",
    "Limited to 1000 records per user.",
    "NC",
    "MIT License (NC)",
    "MIT License, aber nicht für alle",
    "$Id: NC $",
    "Nur für Forschungszwecke",
    "É vedado o uso para fins lucrativos.",
    "商用利用は認められません。",
    "Использование в коммерческих целях запрещено.",
    "Alleen voor persoonlijk gebruik!",
    "학술 연구 목적으로만 사용할 수 있습니다.",
    "Vietato addestrare modelli con questi dati",
    "Ask us first if your turnover exceeds one million euro.",
    "Hospitals keep out.",
    "Wolno używać tylko w celach naukowych",
    "Research Only",
    "يُمنع الاستخدام التجاري",
    "Good until the end of the year.",
    "<Die kommerzielle Nutzung ist untersagt>",
    "<!-- pas d'usage commercial -->",
    "* Usage interdit aux entreprises.",
]
HARMLESS = [
    "Copyright (c) 2019-2024 Jane Doe <jane@example.org>",
    "© 2021 Universität Hamburg, Institut für Informatik",
    "Copyright 2020, 2021 The Harbour Authors. All rights reserved.",
    "Copyright (C) 腾讯 2020",
    "https://example.org/harbour",
    "SPDX-License-Identifier: MIT",
    "SPDX-FileCopyrightText: 2026 Harbour Ltd",
    "Last updated: 2026-11-30",
    "30 November 2026",
    "See AUTHORS for the list of contributors.",
    "For more information, see https://example.org/license",
    "Files: src/*, docs/manual.md",
    "Contact: jane@example.org",
    "Author: Jane Doe",
    "51 Franklin Street, Fifth Floor, Boston, MA 02110-1301 USA",
    "## License",
    "The MIT License (MIT)",
    "Third-party notices",
    "=====================",
    "This software is licensed under the following license:",
]


def concluded(text: str, name: str = "LICENSE") -> str:
    return conclude(detect_licenses(text, name=name))


def placed(more: str, where: str, text: str = MIT) -> str:
    paragraphs = text.strip().split("\n\n")
    if where == "joined":
        return f"{text.rstrip()} {more}\n"
    if where == "next line":
        return f"{text.rstrip()}\n{more}\n"
    at = {"before": 0, "inside": 2, "behind": len(paragraphs)}[where]
    return "\n\n".join([*paragraphs[:at], more, *paragraphs[at:]]) + "\n"


@pytest.mark.parametrize("where", ["before", "inside", "behind", "next line", "joined"])
@pytest.mark.parametrize("more", CONDITIONS)
def test_words_that_nothing_explains_leave_a_licence_file_open(more: str, where: str) -> None:
    assert "LicenseRef-" in concluded(placed(more, where))


@pytest.mark.parametrize("name", ["LICENSE", "data/LICENCE.md", "COPYING", "NOTICE.txt"])
def test_files_named_as_licence_files_are_read_so(name: str) -> None:
    assert concluded(placed("Hospitals keep out.", "behind"), name) == "MIT AND LicenseRef-unrecognised-terms"
    assert concluded(placed(CONDITIONS[4], "behind", APACHE), name) == "Apache-2.0 AND LicenseRef-unrecognised-terms"


@pytest.mark.parametrize("where", ["before", "behind", "next line"])
@pytest.mark.parametrize("more", HARMLESS)
def test_what_is_plainly_harmless_leaves_the_licence(more: str, where: str) -> None:
    assert concluded(placed(more, where)) == "MIT"


@pytest.mark.parametrize(
    "holder", ["Harbour Ltd. Die kommerzielle Nutzung ist untersagt.", "Harbour Ltd, usage commercial interdit", "Harbour Ltd (Nur Forschung)"]
)
def test_a_condition_in_the_line_of_the_copyright_is_not_a_name(holder: str) -> None:
    assert "LicenseRef-" in concluded(MIT.replace("Harbour Ltd", holder))


def test_holders_on_lines_of_their_own_are_names() -> None:
    assert concluded(MIT.replace("Harbour Ltd", "Harbour Ltd\n  Jane Doe <jane@example.org>\n  University of Oslo")) == "MIT"


def test_prose_of_a_readme_is_not_read_as_terms() -> None:
    assert concluded(f"# Harbour\n\nA tool that counts ships in pictures.\n\n{MIT}", "README.md") == "MIT"


@pytest.mark.parametrize(
    "more",
    [
        "Die kommerzielle Nutzung ist untersagt.",
        "Toute utilisation commerciale est interdite.",
        "Prohibido el uso comercial.",
        "È vietato l'uso commerciale.",
        "禁止用于商业用途。",
        "商用利用は禁止します。",
    ],
)
def test_a_limit_in_the_prose_of_a_readme_is_read_in_other_languages(more: str) -> None:
    assert concluded(f"# Harbour\n\nLicensed under the MIT License.\n\n{more}\n", "README.md") == "MIT AND LicenseRef-non-commercial-unspecified"


@pytest.mark.parametrize(
    "more", ["Für kommerzielle Nutzung gibt es eine Beratung.", "Usage commercial : écrivez-nous.", "商业智能数据集", "El uso comercial crece."]
)
def test_words_on_commerce_alone_limit_nothing(more: str) -> None:
    assert concluded(f"# Harbour\n\nLicensed under the MIT License.\n\n{more}\n", "README.md") == "MIT"
