"""Every field of an entry arrives where it belongs, and days mean what they may mean. Expected values are those written in the entry."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import TermsDocumentError
from provenance.licensing.classes import load_licenses
from provenance.licensing.license_class import Fit
from provenance.licensing.license_documents import document_faults, entry_faults, license_class, split_ids
from provenance.licensing.terms import Clause, Duty, ExceptionCase, LimitTest, TermsCatalog, load_terms
from provenance.licensing.terms_parts import date_range, texts

ENTRY: dict[str, Any] = {
    "id": "acme.1",
    "provider": "Acme Inc",
    "service": "chat",
    "kind": "model-licence",
    "title": "Terms of Acme",
    "url": "https://example.org/terms",
    "version": {"effective_from": "2025-01", "effective_to": "2026", "published": "2024-12-01"},
    "applies_to": {
        "channels": ["api", "cloud"],
        "regions": ["EU"],
        "models": ["Acme-*"],
        "not_models": ["Acme-9"],
        "artifacts": ["heap"],
        "access": ["crawl"],
    },
    "clauses": {
        "train_any_model": {
            "value": "prohibited",
            "quote": "You may not.",
            "summary": "It forbids.",
            "object": "other-llm",
            "covers": ["evaluation"],
            "permits": ["api"],
            "cases": [
                {
                    "kind": "model-kind",
                    "kinds": ["classifier"],
                    "conditions": ["no-distribution"],
                    "outputs": ["image"],
                    "effect": "prohibited",
                    "models": ["Acme-1"],
                    "terms": ["base.1"],
                }
            ],
            "tests": [
                {
                    "kind": "threshold",
                    "metric": "revenue",
                    "value": 5,
                    "currency": "CNY",
                    "period": "month",
                    "tested_when": "2025-01-01",
                    "effect": "no-licence",
                    "scope": "model-as-a-service",
                    "code": "extra-licence:5",
                    "regions": ["KR"],
                    "outputs": ["voice"],
                    "models": ["Acme-2"],
                }
            ],
        }
    },
    "source": [{"where": "https://example.org/copy", "observed": "2025-01-02"}],
    "confidence": "secondary",
    "bound": "users",
    "obligations": [
        {"code": "badge:Acme", "when": "commercial", "summary": "Show it.", "clause": "limits", "tested_when": "2025-01-01", "models": ["Acme-3"]}
    ],
}


def load(folder: Path, *entries: dict[str, Any], **top: object) -> TermsCatalog:
    (folder / "own.json").write_text(json.dumps({"format": "provenance.terms", "version": 1, "terms": list(entries), **top}), encoding="utf-8")
    return load_terms((folder,))


def changed(*place: str, value: object = None) -> dict[str, Any]:
    """Return the entry with one field changed, or left out."""
    entry = copy.deepcopy(ENTRY)
    target = entry
    for name in place[:-1]:
        target = target[name]
    if value is None:
        del target[place[-1]]
    else:
        target[place[-1]] = value
    return entry


def test_every_field_of_a_text_arrives(tmp_path: Path) -> None:
    (found,) = load(tmp_path, ENTRY).entries
    assert (found.id, found.provider, found.service, found.kind, found.title) == ("acme.1", "acme-inc", "chat", "model-licence", "Terms of Acme")
    assert (found.url, found.source, found.confidence, found.bound) == (
        "https://example.org/terms",
        "https://example.org/copy",  # what was read
        "secondary",
        "users",
    )
    assert (found.effective_from, found.effective_to, found.published, found.observed) == ("2025-01", "2026", "2024-12-01", False)
    assert (found.starts_possibly, found.starts_surely) == (dt.date(2025, 1, 1), dt.date(2025, 1, 31))
    assert (found.ends_surely, found.ends_possibly) == (dt.date(2026, 1, 1), dt.date(2026, 12, 31))
    assert (found.channels, found.regions, found.models, found.not_models) == (("api", "cloud"), ("EU",), ("acme-*",), ("acme-9",))
    assert (found.artifacts, found.access) == (("heap",), ("crawl",))
    assert found.clauses == (
        Clause(
            name="train_any_model",
            value="prohibited",
            quote="You may not.",
            summary="It forbids.",
            object="other-llm",
            covers=("evaluation",),
            permits=("api",),
            cases=(
                ExceptionCase(
                    kind="model-kind",
                    kinds=("classifier",),
                    conditions=("no-distribution",),
                    outputs=("image",),
                    effect="prohibited",
                    models=("acme-1",),
                    terms=("base.1",),
                ),
            ),
            tests=(
                LimitTest(
                    kind="threshold",
                    metric="revenue",
                    value=5,
                    currency="CNY",
                    period="month",
                    tested_when="2025-01-01",
                    effect="no-licence",
                    scope="model-as-a-service",
                    code="extra-licence:5",
                    regions=("KR",),
                    outputs=("voice",),
                    models=("acme-2",),
                ),
            ),
        ),
    )
    assert found.duties == (
        Duty(code="badge:Acme", when="commercial", summary="Show it.", clause="limits", tested_when="2025-01-01", models=("acme-3",)),
    )


def test_what_an_entry_leaves_out_is_the_plainest(tmp_path: Path) -> None:
    bare = {k: ENTRY[k] for k in ("id", "provider", "confidence")}
    (found,) = load(tmp_path, {**bare, "version": {}, "applies_to": {}, "clauses": {"limits": {"value": "x"}}}).entries
    assert (found.service, found.kind, found.title, found.url, found.source, found.bound, found.published) == (
        "",
        "service-terms",
        "acme.1",
        "",
        "",
        "",
        "",
    )
    assert (found.effective_from, found.effective_to, found.observed) == ("UNKNOWN", "UNKNOWN", True)
    assert (found.channels, found.regions, found.models, found.not_models, found.access, found.artifacts) == ((), ("global",), (), (), (), ())
    assert (found.clauses, found.duties) == ((Clause(name="limits", value="x"),), ())
    tested = {
        **bare,
        "version": {},
        "applies_to": {},
        "clauses": {"limits": {"value": "x", "tests": [{"kind": "conduct"}], "cases": [{"kind": "api"}]}},
    }
    assert load(tmp_path, tested).entries[0].clauses[0].tests == (LimitTest(kind="conduct"),)
    assert load(tmp_path, tested).entries[0].clauses[0].cases == (ExceptionCase(kind="api"),)
    assert load(tmp_path, {**tested, "obligations": [{"code": "badge:X"}]}).entries[0].duties == (Duty(code="badge:X"),)


def test_where_a_text_was_read_is_its_address_or_its_first_source(tmp_path: Path) -> None:
    assert load(tmp_path, changed("url")).entries[0].source == "https://example.org/copy"
    assert load(tmp_path, {**changed("url"), "source": [{"observed": "2025-01-02"}]}).entries[0].source == ""


@pytest.mark.parametrize(
    ("kind", "version", "starts", "ends", "observed"),
    [
        ("service-terms", {"effective_from": "2025-02"}, ("2025-02-01", "2025-02-28"), ("9999-12-31",) * 2, False),
        ("service-terms", {"effective_from": "2024"}, ("2024-01-01", "2024-12-31"), ("9999-12-31",) * 2, False),
        ("service-terms", {"effective_from": "2025-02-03", "observed_from": "2025-01-01"}, ("2025-02-03",) * 2, ("9999-12-31",) * 2, False),
        ("service-terms", {"observed_from": "2025-02-03"}, ("2025-02-03",) * 2, ("9999-12-31",) * 2, True),
        # without any date a site's or a host's text is taken as applying, any other covers no day surely (rule 14)
        ("service-terms", {}, ("0001-01-01", "9999-12-31"), ("9999-12-31",) * 2, True),
        ("model-licence", {"effective_to": "2025-02"}, ("0001-01-01", "9999-12-31"), ("2025-02-01", "2025-02-28"), True),
        *((kind, {}, ("0001-01-01",) * 2, ("9999-12-31",) * 2, True) for kind in ("site-terms", "host-terms", "notorious-source")),
        ("site-terms", {"observed_from": "2025-02-03"}, ("2025-02-03",) * 2, ("9999-12-31",) * 2, True),
    ],
)
def test_days_of_a_text(tmp_path: Path, kind: str, version: dict[str, str], starts: tuple[str, str], ends: tuple[str, str], observed: bool) -> None:
    (found,) = load(tmp_path, {**ENTRY, "kind": kind, "version": version}).entries
    assert (found.starts_possibly.isoformat(), found.starts_surely.isoformat()) == starts
    assert (found.ends_surely.isoformat(), found.ends_possibly.isoformat()) == ends
    assert found.observed is observed


def test_a_later_folder_overrides_and_the_digest_follows_what_is_read(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    first = load(one, ENTRY, changed("id", value="acme.0"), release="r1")
    load(two, changed("confidence", value="seen"))
    both = load_terms((one, two))
    assert [e.id for e in first.entries] == [e.id for e in both.entries] == ["acme.0", "acme.1"]
    assert [e.confidence for e in both.entries] == ["secondary", "seen"]
    assert (first.version, both.version) == ("r1", "r1+own")
    assert first.digest != both.digest
    assert load_terms((two, one)).digest == first.digest


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("text", "every entry of terms needs an id"),
        ({**ENTRY, "id": 5}, "every entry of terms needs an id"),
        ({**ENTRY, "clause": {}}, "unknown field 'clause'"),
        *((changed(name), f"missing field '{name}'") for name in ("provider", "clauses", "applies_to", "version", "confidence")),
        *(({**ENTRY, name: []}, f"{name} must be an object") for name in ("clauses", "applies_to", "version")),
        (changed("version", "from", value="2025"), "version: unknown name 'from'"),
        (changed("applies_to", "channel", value="api"), "applies_to: unknown name 'channel'"),
        (changed("clauses", "training", value={"value": "x"}), "clauses: unknown name 'training'"),
        ({**ENTRY, "source": "there"}, "source must be a list"),
        ({**ENTRY, "source": ["there"]}, "source must be a list"),
        ({**ENTRY, "source": [{"were": "there"}]}, "source: unknown name 'were'"),
        (changed("clauses", "limits", value={"quote": "x"}), "clauses must map names to"),
        (changed("clauses", "limits", value="x"), "clauses must map names to"),
        (changed("clauses", "limits", value={"value": "x", "quote": "w " * 26}), "the quote of limits has more than 25 words"),
        (changed("clauses", "limits", value={"value": "x", "tests": [{"kind": "conduct", "value": -1}]}), "value -1 is no whole number"),
        (changed("clauses", "limits", value={"value": "x", "tests": [{"kind": "conduct", "value": True}]}), "value True is no whole number"),
        (
            changed("clauses", "limits", value={"value": "x", "tests": [{"kind": "threshold", "metric": "revenue"}]}),
            "a threshold needs metric and value",
        ),
        (changed("clauses", "limits", value={"value": "x", "tests": [{"kind": "threshold", "value": 5}]}), "a threshold needs metric and value"),
        *(
            (changed("clauses", "limits", value={"value": "x", "tests": [{"kind": "conduct", name: "nonsense"}]}), f"{name} 'nonsense' is not known")
            for name in ("metric", "currency", "period", "effect", "scope")
        ),
        *(
            (changed("clauses", "limits", value={"value": "x", "cases": [{"kind": "api", name: "nonsense"}]}), "'nonsense' is not known")
            for name in ("conditions", "effect")
        ),
        (changed("clauses", "limits", value={"value": "x", "cases": [{}]}), "kind '' is not known"),
        (changed("clauses", "limits", value={"value": "x", "tests": [{}]}), "kind '' is not known"),
        ({**ENTRY, "obligations": {"code": "badge:X"}}, "obligations must be a list of objects"),
        ({**ENTRY, "obligations": [{"when": "always"}]}, "unknown obligation code ''"),
        ({**ENTRY, "version": {"effective_from": "soon"}}, "'soon' is no date"),
    ],
)
def test_a_slip_in_an_entry_is_refused(tmp_path: Path, entry: dict[str, Any], words: str) -> None:
    with pytest.raises(TermsDocumentError) as caught:
        load(tmp_path, entry)
    assert words in str(caught.value)
    assert "acme.1" in str(caught.value) or "needs an id" in words


def test_a_quote_of_twenty_five_words_is_kept(tmp_path: Path) -> None:
    quote = "w " * 25
    assert load(tmp_path, changed("clauses", "limits", value={"value": "x", "quote": quote})).entries[0].clauses[0].quote == quote


def test_one_text_or_a_list_of_them() -> None:
    assert [texts(v) for v in (None, "", "a", ["a", 5], [])] == [(), (), ("a",), ("a", "5"), ()]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("2023-12", "2023-12-01", "2023-12-31"),
        ("2023", "2023-01-01", "2023-12-31"),
    ],
)
def test_a_date_means_the_days_that_it_may_mean(text: str, first: str, last: str) -> None:
    assert tuple(d.isoformat() for d in date_range(text, "x")) == (first, last)


@pytest.mark.parametrize("text", ["2023-02-29", "2023-13", "23", "2023-1-1", "2023-02-03 10:00", "0000", "2023-00-01x"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(TermsDocumentError, match="is no date"):
        date_range(text, "x")


# -- licences --------------------------------------------------------------------------------------------------------------------------------------------

LICENCE: dict[str, Any] = {"id": "LicenseRef-x", "use": "commercial"}


@pytest.mark.parametrize(
    ("more", "path", "serious"),
    [
        ({}, None, True),
        *(({axis: state}, None, True) for axis in ("attribution", "share_alike", "redistribution") for state in ("YES", "NO", "UNKNOWN")),
        *(
            ({axis: "maybe"}, (axis,), True)
            for axis in ("attribution", "share_alike", "no_derivatives", "behavioural_restrictions", "redistribution")
        ),
        *(({name: 5}, (name,), True) for name in ("outputs_clause", "note", "basis")),
        *(({name: "x"}, (name,), True) for name in ("duties", "excluded_regions")),
        *(({name: [""]}, (name,), True) for name in ("duties", "excluded_regions")),
        *(({name: [5]}, (name,), True) for name in ("duties", "excluded_regions")),
        *(({"confidence": c}, None, True) for c in ("seen", "secondary", "unverified")),
        ({"confidence": "sure"}, ("confidence",), True),
        ({"covers": "database"}, None, True),
        ({"covers": "all"}, ("covers",), True),
        ({"outputs_clause": "fre"}, ("outputs_clause",), False),
        ({"use": "public-domain", "attribution": "NO"}, None, True),
        *(({"use": "public-domain", a: "YES"}, (a,), True) for a in ("attribution", "share_alike", "no_derivatives", "behavioural_restrictions")),
        ({"share_alike": "YES", "no_derivatives": "YES"}, ("share_alike",), True),
        ({"share_alike": "NO", "no_derivatives": "NO"}, None, True),
        ({"duties": ["share-alike"], "share_alike": "NO"}, ("duties", 0), True),
        ({"duties": ["badge:X", "attribution:required"], "attribution": "NO"}, ("duties", 1), True),
        ({"duties": ["flow-down:use-restrictions"], "behavioural_restrictions": "NO"}, ("duties", 0), True),
        ({"duties": ["flow-down:use-restrictions"], "behavioural_restrictions": "YES"}, None, True),
        ({"duties": ["attribution:required", "badge:X", "robots-txt", "name-ban:X"]}, None, True),
        ({"duties": ["badge:X", "bagde:X"]}, ("duties", 1), False),
        ({"duties": ["robots-txt-x"]}, ("duties", 0), False),
        ({"duties": ["no-redistribution-of-data"], "redistribution": "YES"}, ("redistribution",), True),
        ({"duties": ["no-redistribution-of-data"], "redistribution": "NO"}, None, True),
        ({"duties": ["name-prefix:X", "name-ban:X"]}, ("duties",), True),
        ({"duties": ["name-prefix:X", "name-ban:Y"]}, None, True),
        ({"limits": {}}, ("limits",), True),
        ({"limits": [5]}, ("limits", 0), True),
        ({"limits": [{"metric": "revenue", "value": 1}]}, None, True),
        ({"limits": [{"metric": "revenue", "value": 0}]}, ("limits", 0, "value"), True),
        ({"limits": [{"metric": "revenue", "value": True}]}, ("limits", 0, "value"), True),
        ({"limits": [{"metric": "revenue"}]}, ("limits", 0, "value"), True),
        ({"limits": [{"value": 1}]}, ("limits", 0, "metric"), True),
        ({"limits": [{"metric": "revenue", "value": 1, "per": "week"}]}, ("limits", 0, "per"), True),
        ({"limits": [{"metric": "revenue", "value": 1, "tested_when": "never"}]}, ("limits", 0, "tested_when"), True),
        ({"limits": [{"metric": "revenue", "value": 1, "unit": 5}]}, ("limits", 0), True),
        ({"limits": [{"metric": "revenue", "value": 1, "effect": 5}]}, ("limits", 0), True),
        ({"limits": [{"metric": "revenue", "value": 1}, {"metric": "revenue", "value": 1, "when": 5}]}, ("limits", 1, "when"), True),
        ({"licence": "x"}, ("licence",), True),
        ({"use": None}, ("use",), True),
    ],
)
def test_what_a_licence_entry_may_hold(more: dict[str, Any], path: tuple[str | int, ...] | None, serious: bool) -> None:
    found = entry_faults({**LICENCE, **more})
    assert [(f.path, f.serious) for f in found] == ([] if path is None else [(path, serious)])
    assert all(f.message.startswith("licence LicenseRef-x: ") for f in found)


@pytest.mark.parametrize("entry", ["x", {}, {"id": 5, "use": "commercial"}, {"id": " ", "use": "commercial"}])
def test_a_licence_without_an_id_is_none(entry: object) -> None:
    assert [(f.path, f.serious) for f in entry_faults(entry)] == [((), True)]


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ({"format": "f", "version": 1, "release": "r", "licenses": [LICENCE], "aliases": {"x": "MIT"}, "compatibility": {"X": {"under": ["Y"]}}}, []),
        ({"license": []}, [("license",)]),
        ({"licenses": {"a": 1}}, [("licenses",)]),
        ({"licenses": [LICENCE, {"id": "LicenseRef-y", "use": "x"}]}, [("licenses", 1, "use")]),
        ({"licenses": [LICENCE, LICENCE]}, [("licenses", 1, "id")]),
        ({"aliases": ["x"]}, [("aliases",)]),
        ({"aliases": {"x": ""}}, [("aliases",)]),
        ({"aliases": {"x": 5}}, [("aliases",)]),
        ({"compatibility": ["x"]}, [("compatibility",)]),
        ({"compatibility": {"X": "Y"}}, [("compatibility", "X")]),
        ({"compatibility": {"X": {"under": "Y"}}}, [("compatibility", "X")]),
        ({"compatibility": {"X": "Y", "Z": {"over": ["Y"]}}}, [("compatibility", "X"), ("compatibility", "Z", "over")]),
        ({"compatibility": {"X": {"under": ["Y", "Z"], "not_under": ["Z"]}}}, [("compatibility", "X")]),
        ({"compatibility": {"X": {"under": ["Y"], "not_under": ["Z"]}}}, []),
    ],
)
def test_what_a_catalogue_of_licences_may_hold(document: dict[str, Any], paths: list[tuple[str | int, ...]]) -> None:
    assert [f.path for f in document_faults(document)] == paths


def test_an_entry_may_stand_for_two_ids() -> None:
    assert list(split_ids("(GPL-3.0-only OR GPL-3.0-or-later)")) == ["GPL-3.0-only", "GPL-3.0-or-later"]
    assert list(split_ids("MIT")) == ["MIT"]


def test_what_a_licence_leaves_out_is_not_known() -> None:
    found = license_class({**LICENCE, "limits": [{"metric": "revenue", "value": 1}]})
    assert {getattr(found, a).value for a in ("attribution", "share_alike", "no_derivatives", "behavioural_restrictions", "redistribution")} == {
        "UNKNOWN"
    }
    assert (found.id, found.use, found.outputs_clause, found.covers.value, found.confidence, found.basis, found.note) == (
        "LicenseRef-x",
        "commercial",
        "unknown",
        "contents",
        "seen",
        "UNKNOWN",
        "",
    )
    (limit,) = found.limits
    assert (limit.metric.value, limit.value, limit.unit, limit.per, limit.tested_when.value, limit.effect) == (
        "revenue",
        1,
        "UNKNOWN",
        "UNKNOWN",
        "UNKNOWN",
        "extra-licence",
    )
    whole = license_class(
        {**LICENCE, "outputs_clause": "free", "confidence": "secondary", "basis": "text-read", "note": "n", "attribution": "YES", "share_alike": "NO"}
    )
    assert (whole.outputs_clause, whole.confidence, whole.basis, whole.note, whole.attribution.value, whole.share_alike.value) == (
        "free",
        "secondary",
        "text-read",
        "n",
        "YES",
        "NO",
    )


def write_licences(folder: Path, name: str, **document: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"format": "provenance.licenses", "version": 1, **document}), encoding="utf-8")
    return folder


def test_catalogues_of_licences_are_read_one_over_the_other(tmp_path: Path) -> None:
    first = write_licences(
        tmp_path / "one",
        "a.json",
        release="r1",
        licenses=[LICENCE, {"id": "B-only OR B-or-later", "use": "commercial"}, {"id": "LicenseRef-y", "use": "commercial"}],
        aliases={"Our  Own": "MIT"},
        compatibility={"LicenseRef-x": {"under": ["A"], "not_under": ["B"]}},
    )
    second = write_licences(
        tmp_path / "two",
        "b.json",
        licenses=[{**LICENCE, "use": "non-commercial"}, {"id": "LicenseRef-y", "use": "commercial", "confidence": "unverified"}],
        aliases={"our own": "ISC"},
    )
    alone, both = load_licenses((first,)), load_licenses((first, second))
    assert (alone.version, both.version) == ("r1", "r1+b")
    assert sorted(alone.classes) == ["B-only", "B-or-later", "LicenseRef-x", "LicenseRef-y"]
    assert sorted(both.classes) == ["B-only", "B-or-later", "LicenseRef-x"]  # hearsay in the place of an entry decides nothing
    assert (alone.classes["LicenseRef-x"].use, both.classes["LicenseRef-x"].use) == ("commercial", "non-commercial")
    assert (alone.aliases, both.aliases) == ({"our own": "MIT"}, {"our own": "ISC"})
    assert both.compatibility == {"LicenseRef-x": Fit(under=("A",), not_under=("B",))}
    assert both.normalize("our OWN") == ("ISC", "our OWN")
    digests = {alone.digest, both.digest}
    write_licences(tmp_path / "one", "a.json", release="r2", licenses=[LICENCE])
    assert load_licenses((first,)).digest not in digests


def test_one_fault_is_told_alone_and_more_are_counted(tmp_path: Path) -> None:
    folder = write_licences(tmp_path / "own", "a.json", licenses=[{"id": "LicenseRef-x", "use": "x"}])
    with pytest.raises(TermsDocumentError) as caught:
        load_licenses((folder,))
    assert str(caught.value).endswith("expected one of public-domain, commercial, non-commercial, research-only, unspecified, terms-of-use, UNKNOWN")
    write_licences(folder, "a.json", licenses=[{"id": f"LicenseRef-{n}", "use": "x"} for n in range(3)])
    with pytest.raises(TermsDocumentError, match=r"\(and 2 more: provenance licenses check "):
        load_licenses((folder,))
