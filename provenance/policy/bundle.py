"""Policy bundles: YAML documents of rules that say what must hold (FORMATS, policy bundle). Everything is checked at load."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TypeVar

from provenance.canonical import digest_bytes
from provenance.config import shipped
from provenance.documents import load_document, nearest
from provenance.errors import DocumentError, PolicyDocumentError
from provenance.model.finding import Action, Severity, SubjectKind
from provenance.policy.cel import CompiledCondition, Compiler, fact_types
from provenance.policy.conditions import Condition, parse_condition
from provenance.policy.facts import FactField, FactType, FactValue, schema_paths
from provenance.policy.includes import with_included

BUNDLE_FORMAT = "provenance.policy"
BUNDLE_VERSION = 1
BASELINE = "baseline"
"""The shipped bundle that judges every run, whatever else a run names."""
MAX_RULES = 500
_TOP = ("format", "version", "name", "release", "title", "includes", "params", "rules", "tests")
_RULE = ("id", "title", "for_each", "applies", "require", "action", "severity", "waivable", "message", "remedies")
_TEST = ("name", "given", "expect")
_REMEDIES = {
    "drop": "leave {subject} out of the run, or drop the records concerned",
    "license": "obtain a licence or a permission that covers this use, and record it",
    "declare": "declare the missing facts in the dataset's manifest and register it again",
    "reweight": "change the mixture's weights",
    "rescan": "scan again: provenance scan",
    "register": "register the files as they are now: provenance register",
    "waive": "ask for a waiver from someone other than yourself",
}
_SEVERITY = {Action.DENY: Severity.HIGH, Action.REVIEW: Severity.MEDIUM, Action.WARN: Severity.LOW}
E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedySpec:
    """A way out that a rule offers; the summary may hold ``{paths}``."""

    kind: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A condition with its compiled form."""

    condition: Condition
    compiled: CompiledCondition = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a bundle."""

    id: str
    title: str
    for_each: SubjectKind
    applies: Check | None
    require: Check
    action: Action
    severity: Severity
    waivable: bool
    message: str
    remedies: tuple[RemedySpec, ...]

    @property
    def reads(self) -> tuple[str, ...]:
        """Every path that its conditions mention, in order."""
        applies = self.applies.condition.paths if self.applies else ()
        return tuple(dict.fromkeys((*self.require.condition.paths, *applies)))


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleTest:
    """A test that a bundle carries: facts that differ from the harmless defaults, and the outcomes expected."""

    name: str
    given: tuple[tuple[str, FactValue], ...]
    expect: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A parsed and compiled bundle."""

    name: str
    release: str
    title: str
    digest: str
    """``sha256:<hex>`` of the file's bytes."""
    path: str
    params: tuple[tuple[str, FactValue], ...]
    rules: tuple[Rule, ...]
    tests: tuple[BundleTest, ...]
    includes: tuple[str, ...] = ()
    """Names of bundles that judge along with it."""

    def param(self, name: str) -> FactValue | None:
        """Return a parameter's value, ``None`` where the bundle has none of the name."""
        return dict(self.params).get(name)


def load_bundle(path: Path) -> Bundle:
    """Read, check and compile a bundle.

    Raises:
        PolicyDocumentError: With file, rule and column.
    """
    try:
        raw, content = load_document(path, max_bytes=4 << 20)
    except DocumentError as err:
        raise PolicyDocumentError(str(err)) from err
    return _Parser(str(path)).bundle(raw, content)


def load_bundles(paths: Sequence[Path]) -> tuple[Bundle, ...]:
    """Load the bundles of a run and what they include; the shipped ``baseline`` comes first whether named or not, a file named twice counts once.

    Raises:
        PolicyDocumentError: If a bundle is malformed, one that it includes is not there, or two bundles hold rules of the same id.
    """
    loaded = with_included((shipped("policies") / "bundles" / f"{BASELINE}.yaml", *paths), load_bundle)
    bundles = {bundle.digest: bundle for bundle in reversed(loaded)}
    ordered = tuple(reversed(bundles.values()))
    owner: dict[str, str] = {}
    for bundle in ordered:
        for rule in bundle.rules:
            if owner.setdefault(rule.id, bundle.path) != bundle.path:
                raise PolicyDocumentError(f"{bundle.path}: rule {rule.id} is also in {owner[rule.id]}", hint="give one of them another id")
    return ordered


class _Parser:
    """Reads one bundle; keeps the place for errors."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.params: dict[str, FactValue] = {}
        self._compilers: dict[SubjectKind, tuple[Compiler, dict[str, FactField | None]]] = {}

    def bundle(self, raw: object, content: bytes) -> Bundle:
        if isinstance(raw, Mapping) and raw.get("format", BUNDLE_FORMAT) != BUNDLE_FORMAT:  # another document: its keys are no slips
            self.fail(
                self.where, f"format is {raw['format']!r}, expected {BUNDLE_FORMAT!r}", "a file beside the run file goes before a shipped bundle"
            )
        top = self.mapping(raw, self.where, _TOP)
        if "format" not in top:
            self.fail(self.where, f"format is missing, expected {BUNDLE_FORMAT!r}")
        if top.get("version") != BUNDLE_VERSION or isinstance(top.get("version"), bool):
            self.fail(self.where, f"version is {top.get('version')!r}, expected {BUNDLE_VERSION}")
        self.params = self.read_params(top.get("params", {}))
        rules = tuple(self.rule(item, i) for i, item in enumerate(self.items(top, "rules", self.where)))
        if not rules or len(rules) > MAX_RULES:
            self.fail(self.where, f"a bundle holds 1 to {MAX_RULES} rules, this one {len(rules)}")
        ids = [rule.id for rule in rules]
        if repeated := sorted({i for i in ids if ids.count(i) > 1}):
            self.fail(self.where, f"rule {repeated[0]} is given twice")
        return Bundle(
            name=self.text(top, "name", self.where),
            release=self.text(top, "release", self.where),
            title=self.text(top, "title", self.where, default=""),
            digest=digest_bytes(content),
            path=self.where,
            params=tuple(self.params.items()),
            rules=rules,
            includes=self.names(top, "includes"),
            tests=tuple(self.test(item, i, frozenset(ids)) for i, item in enumerate(self.items(top, "tests", self.where, optional=True))),
        )

    def rule(self, raw: object, index: int) -> Rule:
        where = f"{self.where}: rules[{index}]"
        given = self.mapping(raw, where, _RULE)
        rule_id = self.text(given, "id", where)
        if not re.fullmatch(r"[A-Z][A-Z0-9-]{1,31}", rule_id):
            self.fail(where, f"rule id {rule_id!r}: expected capitals and digits such as D001")
        where = f"{self.where}: rule {rule_id}"
        for_each = self.choice(SubjectKind, given, "for_each", where)
        action = self.choice(Action, given, "action", where)
        waivable = given.get("waivable", True)
        if not isinstance(waivable, bool):
            self.fail(where, f"waivable is {waivable!r}, expected true or false")
        _, paths = self.compiler(for_each)
        message = self.text(given, "message", where)
        self.check_template(message, paths, f"{where}: message")
        return Rule(
            id=rule_id,
            title=self.text(given, "title", where),
            for_each=for_each,
            applies=self.check(given, "applies", for_each, where) if "applies" in given else None,
            require=self.check(given, "require", for_each, where),
            action=action,
            severity=self.choice(Severity, given, "severity", where) if "severity" in given else _SEVERITY[action],
            waivable=waivable,
            message=message,
            remedies=tuple(self.remedy(item, paths, where) for item in self.items(given, "remedies", where)),
        )

    def check(self, given: Mapping[str, object], key: str, for_each: SubjectKind, where: str) -> Check:
        compiler, paths = self.compiler(for_each)
        text = self.text(given, key, where)
        place = f"{where}: {key}"
        condition = parse_condition(text, where=place, paths=paths)
        return Check(condition=condition, compiled=compiler.compile(text, where=place))

    def compiler(self, for_each: SubjectKind) -> tuple[Compiler, dict[str, FactField | None]]:
        if for_each not in self._compilers:
            fields = schema_paths(for_each)
            kinds = fact_types(fields)
            kinds.update({f"params.{name}": _type_of(value) for name, value in self.params.items()})
            paths: dict[str, FactField | None] = {path: fields.get(path) for path in kinds}
            self._compilers[for_each] = (Compiler(kinds), paths)
        return self._compilers[for_each]

    def read_params(self, raw: object) -> dict[str, FactValue]:
        where = f"{self.where}: params"
        params: dict[str, FactValue] = {}
        for name, value in self.mapping(raw, where, None).items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                self.fail(where, f"parameter name {name!r}: expected lower case letters, digits and underscores")
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                self.fail(where, f"{name} is {value!r}, expected a number or text")
            params[name] = value
        return params

    def remedy(self, raw: object, paths: Mapping[str, object], where: str) -> RemedySpec:
        given = {"kind": raw} if isinstance(raw, str) else self.mapping(raw, f"{where}: remedies", ("kind", "summary"))
        kind = self.text(given, "kind", f"{where}: remedies")
        if kind not in _REMEDIES:
            self.fail(f"{where}: remedies", f"unknown remedy {kind!r}", nearest(kind, _REMEDIES))
        summary = self.text(given, "summary", f"{where}: remedies", default=_REMEDIES[kind])
        self.check_template(summary.replace("{subject}", ""), paths, f"{where}: remedies")
        return RemedySpec(kind=kind, summary=summary)

    def test(self, raw: object, index: int, ids: frozenset[str]) -> BundleTest:
        where = f"{self.where}: tests[{index}]"
        given = self.mapping(raw, where, _TEST)
        expect = self.mapping(given.get("expect"), f"{where}: expect", tuple(sorted(ids)))
        known = {path for kind in SubjectKind for path in schema_paths(kind)}
        facts = self.mapping(given.get("given", {}), f"{where}: given", tuple(sorted(known)))
        return BundleTest(
            name=self.text(given, "name", where),
            given=tuple((path, _fact_value(value)) for path, value in facts.items()),
            expect=tuple((rule, str(outcome)) for rule, outcome in expect.items()),
        )

    def check_template(self, template: str, paths: Mapping[str, object], where: str) -> None:
        for name in re.findall(r"\{([^}]*)\}", template):
            if name.removesuffix(":percent") not in paths:
                self.fail(where, f"unknown fact {name!r}", nearest(name, paths))

    def mapping(self, raw: object, where: str, known: Sequence[str] | None) -> Mapping[str, object]:
        if not isinstance(raw, Mapping):
            self.fail(where, f"expected keys and values, got {type(raw).__name__}")
        for key in raw:
            if known is not None and key not in known:
                self.fail(where, f"unknown key {key!r}", nearest(str(key), known))
        return raw

    def items(self, given: Mapping[str, object], key: str, where: str, *, optional: bool = False) -> list[object]:
        raw = given.get(key, [] if optional else None)
        if not isinstance(raw, list):
            self.fail(where, f"{key} is {type(raw).__name__}, expected a list")
        return raw

    def names(self, given: Mapping[str, object], key: str) -> tuple[str, ...]:
        where = f"{self.where}: {key}"
        names = []
        for raw in self.items(given, key, self.where, optional=True):
            if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", raw):
                self.fail(where, f"{raw!r} is no name of a bundle", "write a name such as baseline, without a folder")
            if raw in names:
                self.fail(where, f"{raw} is given twice")
            names.append(raw)
        return tuple(names)

    def text(self, given: Mapping[str, object], key: str, where: str, *, default: str | None = None) -> str:
        value = given.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            self.fail(where, f"{key} is {'missing' if value is None else repr(value)}, expected text")
        return value

    def choice(self, kind: type[E], given: Mapping[str, object], key: str, where: str) -> E:
        value = self.text(given, key, where)
        try:
            return kind(value)
        except ValueError:
            self.fail(where, f"{key} is {value!r}", nearest(value, [m.value for m in kind]))

    def fail(self, where: str, reason: str, hint: str = "") -> NoReturn:
        raise PolicyDocumentError(f"{where}: {reason}", hint=hint or None)


def _type_of(value: FactValue) -> FactType:
    if isinstance(value, str):
        return FactType.TEXT
    return FactType.INT if isinstance(value, int) else FactType.DOUBLE


def _fact_value(raw: object) -> FactValue:
    if isinstance(raw, list):
        return tuple(str(item) for item in raw)
    return raw if isinstance(raw, str | int | float) else str(raw)
