"""Load policy bundles: YAML documents of rules that say what must hold (FORMATS, policy bundle). Everything is checked at load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from provenance.canonical import digest_bytes
from provenance.config import shipped
from provenance.documents import read_document
from provenance.errors import DocumentError, PolicyDocumentError
from provenance.policy.includes import with_included
from provenance.policy.reading import MAX_RULES, read_bundle
from provenance.policy.rules import Bundle, BundleTest, Check, RemedySpec, Rule
from provenance.policy.shipped_names import BASELINE, refuse_taken_file, refuse_taken_name, shipped_digests
from provenance.policy.trial import LIMITS, Limits, try_apart

__all__ = ["BASELINE", "MAX_BYTES", "MAX_RULES", "Bundle", "BundleTest", "Check", "RemedySpec", "Rule", "load_apart", "load_bundle", "load_bundles"]

MAX_BYTES = 1 << 20
"""Largest bundle read, bytes: 500 rules of 2 kB. Reading YAML takes some seconds a MB, so this bounds the time too."""


def load_bundle(path: Path) -> Bundle:
    """Read, check and compile a bundle, here and at once: one that is not ours belongs into ``load_apart``.

    Raises:
        PolicyDocumentError: With file, line, column and rule.
    """
    return read_bundle(_read(path), where=str(path))


def load_apart(paths: Sequence[Path], limits: Limits = LIMITS) -> tuple[Bundle, ...]:
    """Read, check and compile bundles; those that are not shipped are first tried in a process of its own, which may be killed.

    Raises:
        PolicyDocumentError: With file, line, column and rule; or saying that the trial did not end within its limits.
    """
    contents = [(str(path), _read(path)) for path in paths]
    ours = set(shipped_digests().values())
    foreign = [(path, raw) for path, raw in contents if digest_bytes(raw) not in ours]
    if foreign:
        try_apart(foreign, limits)
    return tuple(read_bundle(raw, where=path) for path, raw in contents)


def _read(path: Path) -> bytes:
    try:
        return read_document(path, max_bytes=MAX_BYTES)
    except DocumentError as err:
        raise PolicyDocumentError(str(err), hint="split it into several bundles" if "limit" in str(err) else None) from err


def load_bundles(paths: Sequence[Path]) -> tuple[Bundle, ...]:
    """Load the bundles of a run and what they include; the shipped ``baseline`` comes first whether named or not, a file named twice counts once.

    Raises:
        PolicyDocumentError: If a bundle is malformed, one that it includes is not there, two bundles have one name or hold rules of the same id, or one
            has the name of a shipped bundle and other content.
    """
    for path in paths:
        refuse_taken_file(path)
    loaded = with_included((shipped("policies") / "bundles" / f"{BASELINE}.yaml", *paths), _load_for_run)
    bundles = {bundle.digest: bundle for bundle in reversed(loaded)}
    ordered = tuple(reversed(bundles.values()))
    _refuse_same_names(ordered)
    owner: dict[str, str] = {}
    for bundle in ordered:
        for rule in bundle.rules:
            if owner.setdefault(rule.id, bundle.path) != bundle.path:
                line, column = rule.place
                raise PolicyDocumentError(
                    f"{bundle.path}:{line}:{column}: rule {rule.id} is also in {owner[rule.id]}", hint="give one of them another id"
                )
    return ordered


def _load_for_run(path: Path) -> Bundle:
    bundle = load_apart((path,))[0]
    refuse_taken_name(bundle.name, bundle.digest, where=bundle.path)
    return bundle


def _refuse_same_names(bundles: Sequence[Bundle]) -> None:
    """Two bundles of one name are told apart by nobody who reads a finding."""
    named: dict[str, Bundle] = {}
    for bundle in bundles:
        other = named.setdefault(bundle.name, bundle)
        if other is not bundle:
            raise PolicyDocumentError(
                f"{bundle.path}: bundle {bundle.name!r} {bundle.release} has the name of {other.path} ({other.release})",
                hint="give one of them another name, or name only one of them",
            )
