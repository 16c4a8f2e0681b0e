"""A dataset card of Hugging Face: metadata as YAML between dashes, then Markdown that people read.

The Hub checks few values, so they are checked here: identifiers of licences and sizes are those of its documentation. What the Hub has no key for stands
under ``x-provenance``. Text of the registry is escaped in the Markdown: it can neither end the metadata nor make a link, a heading or HTML.
Source: https://github.com/huggingface/hub-docs, datasetcard.md and hub-docs/docs/hub/repositories-licenses.md.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

from provenance.exchange.export_facts import Export, text_bytes
from provenance.exchange.export_plain import plain_facts
from provenance.exchange.export_words import asserted, license_form, stated, stated_url, title_of, without_empty
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset

FACTS_KEY = "x-provenance"
_SAME = (
    "Apache-2.0 MIT AFL-3.0 Artistic-2.0 BSL-1.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear CC0-1.0 CC-BY-2.0 CC-BY-2.5 CC-BY-3.0 CC-BY-4.0 "
    "CC-BY-SA-3.0 CC-BY-SA-4.0 CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-ND-4.0 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-2.0 CC-BY-NC-SA-3.0 "
    "CC-BY-NC-SA-4.0 CDLA-Sharing-1.0 CDLA-Permissive-1.0 CDLA-Permissive-2.0 WTFPL ECL-2.0 EPL-1.0 EPL-2.0 etalab-2.0 EUPL-1.1 EUPL-1.2 ISC LPPL-1.3c "
    "MS-PL MPL-2.0 OSL-3.0 PostgreSQL OFL-1.1 NCSA Unlicense Zlib"
)
"""SPDX ids whose lower case is the Hub's identifier."""
HUB_LICENSES = {
    **{name: name.lower() for name in _SAME.split()},
    "C-UDA-1.0": "c-uda",
    "ODC-By-1.0": "odc-by",
    "ODbL-1.0": "odbl",
    "PDDL-1.0": "pddl",
    "LGPLLR": "lgpl-lr",
    "AGPL-3.0-only OR AGPL-3.0-or-later": "agpl-3.0",
    "GPL-2.0-only OR GPL-2.0-or-later": "gpl-2.0",
    "GPL-3.0-only OR GPL-3.0-or-later": "gpl-3.0",
    "LGPL-2.1-only OR LGPL-2.1-or-later": "lgpl-2.1",
    "LGPL-3.0-only OR LGPL-3.0-or-later": "lgpl-3.0",
}
_SIZES = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M", "10M<n<100M", "100M<n<1B", "1B<n<10B", "10B<n<100B", "100B<n<1T", "n>1T")
OWN = frozenset(
    {
        "title", "languages", "derived_from", "tags", "terms", "source", "synthetic", "domain", "license.declared.value", "license.declared.by",
        "license.detected.value", "license.detected.by", "license.concluded.value", "license.concluded.by", "license.expires", "details.description",
        "details.modalities", "details.content_types", "details.collection.method", "details.personal_data.present", "details.personal_data.sensitive",
        "details.personal_data.measures",
    }
)  # fmt: skip
"""Facts that the card says elsewhere; the others stand in its last section."""
_KEPT = ("size_categories", "multilinguality")
"""Keys of the hub that import keeps as tags."""
_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~>:@])")


def render(exports: Sequence[Export]) -> bytes:
    """Return the card of one dataset.

    Raises:
        ManifestError: If a text in it is not Unicode.
    """
    import yaml

    (export,) = exports
    head = yaml.safe_dump(metadata(export), sort_keys=True, allow_unicode=True, width=10**9, default_flow_style=False)
    return text_bytes(f"---\n{head}---\n\n{_body(export)}")


def metadata(export: Export) -> dict[str, Any]:
    """Return what stands between the dashes."""
    dataset, details = export.version.dataset, export.version.dataset.details
    tags = (*dataset.tags, *details.content_types, *(m.value for m in details.modalities), stated(dataset.domain))
    hub = {key: [t.partition(":")[2] for t in dataset.tags if t.startswith(f"{key}:")] for key in _KEPT}
    made = dataset.declares_writer or dataset.synthetic is TriState.YES
    known = {
        "pretty_name": title_of(export.version),
        "language": list(dataset.languages),
        "tags": [*dict.fromkeys(t for t in tags if t)],
        "size_categories": _sizes(export) or [size for size in hub["size_categories"] if size in _SIZES],
        "multilinguality": hub["multilinguality"],
        "source_datasets": [f"extended|{name}" for name in dataset.derived_from],
        "language_creators": ["machine-generated"] if made else [],
        "annotations_creators": ["machine-generated"] if any(g.is_labeller for g in dataset.generators) else [],
    }
    facts: dict[str, Any] = {"facts": export.facts}
    if export.shard_list is not None:
        facts["shard_list"] = export.shard_list.name
    return {**_license(dataset), **without_empty(known), FACTS_KEY: facts}


def facts_of(found: Any) -> list[object]:
    """Return the facts that the parsed metadata of our card hold; empty where it is not ours."""
    ours = found.get(FACTS_KEY) if isinstance(found, dict) else None
    return [ours["facts"]] if isinstance(ours, dict) and "facts" in ours else []


def missing(found: Any) -> list[str]:
    """Return where metadata break the Hub's rules."""
    if not isinstance(found, dict):
        return ["the metadata: expected a mapping"]
    faults = [f"{name}: is required" for name in ("license", "pretty_name") if not found.get(name)]
    if found.get("license") == "other" and not found.get("license_name"):
        faults.append("license_name: is required beside license: other")
    if found.get("license") not in {None, "", "other", "unknown", *HUB_LICENSES.values()}:
        faults.append(f"license: {str(found['license'])[:80]!r} is not an identifier of the Hub")
    return faults + [f"size_categories: {size!r} is none of the Hub's" for size in found.get("size_categories", []) if size not in _SIZES]


def _license(dataset: Dataset) -> dict[str, str]:
    form, facts = license_form(dataset.license.effective), dataset.license
    if form.absent:
        return {"license": "unknown"}
    if form.text in HUB_LICENSES:
        return {"license": HUB_LICENSES[form.text]}
    link = next((u for u in (stated_url(c.evidence.url) for c in (facts.concluded, facts.declared) if c.value == facts.effective) if u), "")
    return {"license": "other", "license_name": form.text, **({"license_link": link} if link else {})}


def _sizes(export: Export) -> list[str]:
    """Return the class of size, nothing where records have not been counted or no file is known."""
    totals = export.totals
    return [] if totals.records is None or not totals.shards else [_size(totals.records)]


def _size(records: int) -> str:
    """Return the Hub's class of a number of records; its bounds are powers of ten from a thousand up."""
    return _SIZES[min(max(len(str(records)) - 3, 0), len(_SIZES) - 1)]


def plain(text: str) -> str:
    """Return text that Markdown and HTML show as it is, on one line."""
    shown = "".join(c if c.isprintable() or c == " " else " " for c in text)
    return _MARKS.sub(r"\\\1", html.escape(shown, quote=True).replace("&#x27;", "'"))


def _body(export: Export) -> str:
    version, dataset, details = export.version, export.version.dataset, export.version.dataset.details
    people, source = details.personal_data, dataset.source
    parts = [f"# Dataset Card for {plain(title_of(version))}", plain(asserted(details.description))]
    parts += [_section("Licence", _licenses(dataset))]
    parts += [
        _section(
            "Source",
            [
                ("Kind", source.kind.value),
                ("Location", asserted(source.url)),
                ("Collected", f"{asserted(source.collected.start)} to {asserted(source.collected.end)}"),
                ("Collector", asserted(source.collector)),
                ("Method", asserted(details.collection.method)),
                ("Derived from", ", ".join(dataset.derived_from) or "not stated"),
                *(("Terms", name) for name in dataset.terms),
            ],
        )
    ]
    models = [(g.role, f"{asserted(g.provider)} {asserted(g.model)}, {asserted(g.channel)}") for g in dataset.generators]
    parts += [_section("Models that made or changed text", [("Synthetic", dataset.synthetic.value), *models])]
    facts = [
        ("Personal data", people.present.value),
        ("Special categories", people.sensitive.value),
        ("Measures", "; ".join(people.measures) or "not stated"),
    ]
    parts += [_section("People", facts)]
    rest = [(name.replace("_", " "), value) for name, value in plain_facts(export, OWN)]
    parts += [_section("Everything else that is stated", rest)]
    return "\n\n".join(parts) + "\n"


def _licenses(dataset: Dataset) -> list[tuple[str, str]]:
    facts = dataset.license
    claims = (("Declared", facts.declared), ("Detected", facts.detected), ("Concluded", facts.concluded))
    return [(name, f"{asserted(c.value)}, by {asserted(c.by)}") for name, c in claims] + [("Until", asserted(facts.expires))]


def _section(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- **{plain(name)}**: {plain(value)}" for name, value in rows)
