"""Licences that addresses, cards and records state. Expected values are those of the addresses' owners and of the Hub's documentation."""

from __future__ import annotations

import pytest

from provenance.licensing.breakdown import MAX_ORIGINALS, license_breakdown
from provenance.licensing.card import CardField, read_card
from provenance.licensing.classes import shipped_licenses
from provenance.licensing.urls import license_of_url
from provenance.model.license_detection import EXCERPT, LicenseShare

CATALOG = shipped_licenses()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://creativecommons.org/licenses/by/4.0/", "CC-BY-4.0"),
        ("HTTP://www.creativecommons.org/licenses/by-nc-sa/3.0/deed.de", "CC-BY-NC-SA-3.0"),
        ("//creativecommons.org/licenses/by-nd/2.5", "CC-BY-ND-2.5"),
        ("creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "LicenseRef-public-domain"),
        ("https://creativecommons.org/licenses/by/9.0/", None),
        ("https://creativecommons.org/about", None),
        ("https://www.gnu.org/licenses/gpl-3.0.html", "GPL-3.0-only"),
        ("https://www.gnu.org/licenses/gpl-3.0.en.html#top", "GPL-3.0-only"),
        ("https://www.gnu.org/licenses/old-licenses/lgpl-2.1.txt", "LGPL-2.1-only"),
        ("https://www.gnu.org/licenses/agpl-3.0", "AGPL-3.0-only"),
        ("https://www.gnu.org/licenses/gpl-2", "GPL-2.0-only"),
        ("https://www.gnu.org/licenses/fdl-1.3.html", "GFDL-1.3-only"),
        ("https://www.gnu.org/licenses/gpl.html", "GPL-1.0-or-later"),
        ("https://www.gnu.org/licenses/lgpl.html", "LGPL-2.0-or-later"),
        ("https://www.gnu.org/licenses/agpl.html", "AGPL-3.0-or-later"),
        ("https://www.gnu.org/copyleft/fdl.html", "GFDL-1.1-or-later"),
        ("https://www.gnu.org/philosophy", None),
        ("https://www.apache.org/licenses/LICENSE-2.0", "Apache-2.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://www.apache.org/licenses/LICENSE-1.1", "Apache-1.1"),
        ("https://www.apache.org/licenses/", "Apache-2.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://opensource.org/license/bsd-3-clause/", "BSD-3-Clause"),
        ("https://opensource.org/licenses/mit-license.php", "MIT"),
        ("https://opensource.org/licenses/gpl-2.0", "GPL-2.0-only"),
        ("https://spdx.org/licenses/Apache-2.0.html", "Apache-2.0"),
        ("https://choosealicense.com/licenses/isc", "ISC"),
        ("https://huggingface.co/licenses/odbl", "ODbL-1.0"),
        ("https://spdx.org/licenses/no-such-thing", None),
        ("https://opendatacommons.org/licenses/by/1-0/", "ODC-By-1.0"),
        ("https://opendatacommons.org/licenses/odbl", "ODbL-1.0"),
        ("https://www.mozilla.org/en-US/MPL/2.0/", "MPL-2.0"),
        ("https://www.eclipse.org/legal/epl-2.0/", "EPL-2.0"),
        ("https://cdla.dev/permissive-2-0/", "CDLA-Permissive-2.0"),
        ("https://unlicense.org", "Unlicense"),
        ("https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/", "OGL-UK-3.0"),
        ("https://example.org/LICENSE", None),
        ("https://github.com/org/repo/blob/main/LICENSE", None),
        ("", None),
        (" https://opensource.org/licenses/MIT. ", "MIT"),
    ],
)
def test_an_address_tells_the_licence_that_stands_there(url: str, expected: str | None) -> None:
    assert license_of_url(url) == expected


def test_an_address_without_end_is_none() -> None:
    address = "https://opensource.org/licenses/mit"
    assert license_of_url(address + "/" * (2048 - len(address))) == "MIT"
    assert license_of_url(address + "/" * (2049 - len(address))) is None


def test_records_are_counted_by_what_they_state() -> None:
    rows: list[tuple[object, int]] = [
        ("MIT", 10),
        ("mit", 5),
        ("mit", 1),
        (None, 7),
        (["MIT", "CC BY 4.0"], 3),
        (("MIT", None), 2),
        ({"name": "CC BY 4.0"}, 4),
        ({"id": "MIT"}, 0),
        ({"url": "x"}, 1),
        (5, 1),
        (["MIT", ["ISC"]], 1),
        (["MIT"] * 65, 1),
    ]
    found = license_breakdown(rows)
    assert found == (
        LicenseShare(expression="MIT", records=5, words=18, originals=("mit", "MIT", "MIT; NoneType", "dict")),
        LicenseShare(expression="UNKNOWN", records=3, words=3, originals=("5", "; ".join(["MIT"] * 64)[:EXCERPT], "dict")),
        LicenseShare(expression="CC-BY-4.0", records=1, words=4, originals=("dict",)),
        LicenseShare(expression="MIT AND CC-BY-4.0", records=1, words=3, originals=("MIT; CC BY 4.0",)),
        LicenseShare(expression="MIT AND LicenseRef-unrecognised-terms", records=1, words=1, originals=("MIT; list",)),
        LicenseShare(expression="NOT_STATED", records=1, words=7, originals=()),
    )


def test_spellings_are_kept_by_their_number_and_bounded() -> None:
    spellings = ["MIT", "mit", "Mit", "mIt", "miT", "MIt", "mIT", "MiT", " MIT", "MIT "]
    (found,) = license_breakdown([(s, 0) for n, s in enumerate(spellings) for _ in range(n + 1)])
    assert found.originals == tuple(reversed(spellings))[:MAX_ORIGINALS]
    assert license_breakdown([("x" * (EXCERPT * 16 + 1), 0)])[0].originals == ("x" * EXCERPT,)
    values: list[tuple[object, str]] = [
        (True, "True"),
        (1.5, "1.5"),
        (10**20, "int"),
        (10**20 - 1, str(10**20 - 1)),
        (-(10**20), "int"),
        (b"MIT", "bytes"),
    ]
    assert [license_breakdown([(v, 0)])[0].originals for v, _ in values] == [(w,) for _, w in values]
    assert license_breakdown([]) == ()


def card(*lines: str) -> list[tuple[str, str, str]]:
    """Return expression, wording and the text of the field."""
    written = "\n".join(("---", *lines, "---", "# A card", ""))
    return [(f.expression, f.original, written[f.start : f.end]) for f in read_card(written, CATALOG)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("license: mit", "tags: [x]"), [("MIT", "mit", "license: mit")]),
        (("a: b", "licence: cc-by-4.0"), [("CC-BY-4.0", "cc-by-4.0", "licence: cc-by-4.0")]),
        (
            ("license:", "- mit", "- cc-by-4.0", "tags: x"),
            [("MIT", "mit", "license:\n- mit\n- cc-by-4.0"), ("CC-BY-4.0", "cc-by-4.0", "license:\n- mit\n- cc-by-4.0")],
        ),
        (("licenses: [mit]",), [("MIT", "mit", "licenses: [mit]")]),
        (
            ("license:", "  one: mit", "  two: [isc]"),
            [("MIT", "mit", "license:\n  one: mit\n  two: [isc]"), ("ISC", "isc", "license:\n  one: mit\n  two: [isc]")],
        ),
        (("license: other", "license_name: apache-2.0"), [("Apache-2.0", "other (apache-2.0)", "license: other")]),
        (("license: mit", "license_name: apache-2.0"), [("MIT", "mit", "license: mit")]),
        (("license:",), []),
        (("tags: x",), []),
        (("- license",), []),
        (("license: ask Bob",), [("UNKNOWN", "ask Bob", "license: ask Bob")]),
        # no strict YAML: the lines that name a licence are read all the same
        (("x: [", "license: mit"), [("MIT", "mit", "license: mit")]),
        (("x: [", "license:", "- 'mit'", "- isc"), [("MIT", "mit", "license:\n- 'mit'\n- isc"), ("ISC", "isc", "license:\n- 'mit'\n- isc")]),
        (("x: [",), [("UNREADABLE", "", "---\n")]),
    ],
)
def test_the_header_of_a_card_states_licences(lines: tuple[str, ...], expected: list[tuple[str, str, str]]) -> None:
    assert card(*lines) == expected


def test_a_text_without_a_header_is_no_card() -> None:
    assert read_card("license: mit\n", CATALOG) == ()
    assert read_card("# ---\nlicense: mit\n---\n", CATALOG) == ()
    assert read_card("---\ntags: x\n", CATALOG) == ()
    assert [f.expression for f in read_card("\ufeff--- \r\nlicense: mit\r\n---\r\n", CATALOG)] == ["MIT"]
    assert read_card("---\nlicense: mit\n", CATALOG) == (
        CardField(start=0, end=4, expression="UNREADABLE", original="", note="the card's header has no end"),
    )


def test_notes_say_how_a_field_was_read() -> None:
    def notes(*lines: str) -> list[str]:
        return [f.note.partition(":")[0] for f in read_card("\n".join(("---", *lines, "---")), CATALOG)]

    assert notes("license: mit") == [""]
    assert notes("license: other", "license_name: apache-2.0") == ["named by license_name"]
    assert notes("x: [", "license: mit") == ["read as plain lines"]
    assert [f.expression for f in read_card(f"---\nx: {'y' * (1 << 17)}\nlicense: mit\n---", CATALOG)] == ["MIT"]
