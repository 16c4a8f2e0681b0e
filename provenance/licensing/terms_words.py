"""The words that terms entries may use: those of the format, and those that shipped entries use."""

from __future__ import annotations

import re
from collections.abc import Iterable

from provenance.licensing.catalog_entries import WrittenEntry
from provenance.licensing.terms import EEA

KNOWN_CHANNELS = ("api", "consumer", "weights", "cloud", "host", "aggregator", "site", "code-assistant")
CONFIDENCES = ("seen", "secondary", "unverified")
KINDS = (
    "service-terms",
    "host-terms",
    "site-terms",
    "dataset-licence",
    "model-licence",
    "notorious-source",
    "acceptable-use",
    "help-article",
)
TRAINING_VALUES = (
    "allowed",
    "allowed-with-conditions",
    "prohibited",
    "prohibited-if-competing",
    "prohibited-without-approval",
    "prohibited-if-competing-without-approval",
    "research-or-noncommercial-only",
    "silent",
)
"""Values of ``train_any_model``; the other deciding clauses take the same."""
_REGIONS = frozenset({"global", "row", "EU", "EEA", "UK", *EEA})
_COUNTRY = re.compile(r"[A-Z]{2}")


def known_values(shipped: Iterable[WrittenEntry]) -> dict[str, frozenset[str]]:
    """Return by field (``kind``, ``clauses.limits.value`` …) the words that the program or a shipped entry uses."""
    found: dict[str, set[str]] = {"kind": set(KINDS), "confidence": set(CONFIDENCES)}
    for name in ("train_any_model", "competing_models", "distillation"):
        found[f"clauses.{name}.value"] = set(TRAINING_VALUES)
    for entry in shipped:
        for clause in entry.clauses:
            name = f"clauses.{clause}.value"
            found.setdefault(name, set()).add(entry.get(name))
    return {name: frozenset(words) for name, words in found.items()}


def is_region(text: str) -> bool:
    """Tell whether a word names a region: a group of countries, or the two capital letters of one."""
    return text in _REGIONS or _COUNTRY.fullmatch(text) is not None
