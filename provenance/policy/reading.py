"""Read one policy bundle: every key, word, path, type and condition is checked, and a fault is told with line and column of the file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NoReturn, TypeVar

from provenance.canonical import digest_bytes
from provenance.documents import nearest, parse_placed
from provenance.errors import DocumentError, PolicyDocumentError
from provenance.model.finding import Action, Outcome, Severity, SubjectKind
from provenance.policy.cel import Compiler, fact_types
from provenance.policy.conditions import day_fault, parse_condition
from provenance.policy.facts import FactField, FactType, FactValue, schema_paths, value_fault
from provenance.policy.places import Path, Places
from provenance.policy.rules import NO_SUBJECTS, Bundle, BundleTest, Check, RemedySpec, Rule

BUNDLE_FORMAT = "provenance.policy"
BUNDLE_VERSION = 1
MAX_RULES = 500
REMEDIES = {
    "drop": "leave {subject} out of the run, or drop the records concerned",
    "license": "obtain a licence or a permission that covers this use, and record it",
    "declare": "declare the missing facts in the dataset's manifest and register it again",
    "reweight": "change the mixture's weights",
    "rescan": "scan again: provenance scan",
    "register": "register the files as they are now: provenance register",
    "waive": "ask for a waiver from someone other than yourself",
}
SEVERITY = {Action.DENY: Severity.HIGH, Action.REVIEW: Severity.MEDIUM, Action.WARN: Severity.LOW}
"""Severity of a rule that states none."""
_TOP = ("format", "version", "name", "release", "title", "includes", "params", "rules", "tests")
_RULE = ("id", "title", "for_each", "applies", "require", "action", "severity", "waivable", "message", "remedies")
_TEST = ("name", "given", "expect")
_BRACES = re.compile(r"\{([^{}]*)\}")
E = TypeVar("E", bound=StrEnum)


def read_bundle(content: bytes, *, where: str) -> Bundle:
    """Return the bundle that a file's bytes hold, compiled.

    Args:
        content: The bytes.
        where: The file's path, for errors.

    Raises:
        PolicyDocumentError: With file, line, column and rule.
    """
    try:
        document = parse_placed(content, where=where)
    except DocumentError as err:
        raise PolicyDocumentError(str(err), hint=err.hint) from err
    return _Reader(where, Places(document)).bundle(document.value, content)


class _Reader:
    """Reads one bundle."""

    def __init__(self, file: str, places: Places) -> None:
        self.file, self.places = file, places
        self.params: dict[str, FactValue] = {}
        self._names: dict[int, str] = {}
        self._compilers: dict[SubjectKind, tuple[Compiler, dict[str, FactField | None]]] = {}

    def bundle(self, raw: object, content: bytes) -> Bundle:
        if raw is None:
            self.fail((), "the file is empty", "provenance policy new NAME writes one to begin with")
        if isinstance(raw, Mapping) and raw.get("format", BUNDLE_FORMAT) != BUNDLE_FORMAT:  # another document: its keys are no slips
            found = raw["format"]
            self.fail(("format",), f"format is {found!r}, expected {BUNDLE_FORMAT!r}", f"a bundle begins with: format: {BUNDLE_FORMAT}")
        top = self.mapping(raw, (), _TOP)
        if "format" not in top:
            self.fail(("format",), f"format is missing, expected {BUNDLE_FORMAT!r}")
        if top.get("version") != BUNDLE_VERSION or isinstance(top.get("version"), bool):
            self.fail(("version",), f"version is {top.get('version')!r}, expected {BUNDLE_VERSION}")
        name, release = self.text(top, "name", ()), self.text(top, "release", ())
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name):
            self.fail(("name",), f"name is {name!r}, expected lower case letters, digits, dots and hyphens, such as our-rules")
        self.params = self.read_params(top.get("params", {}))
        given = self.items(top, "rules", ())
        if not 1 <= len(given) <= MAX_RULES:
            self.fail(("rules",), f"a bundle holds 1 to {MAX_RULES} rules, this one {len(given)}")
        rules = self.rules(given)
        tests = self.items(top, "tests", (), optional=True)
        return Bundle(
            name=name,
            release=release,
            title=self.text(top, "title", (), default=""),
            digest=digest_bytes(content),
            path=self.file,
            params=tuple(self.params.items()),
            rules=rules,
            includes=self.included(top),
            tests=tuple(self.test(item, ("tests", i), {rule.id: rule for rule in rules}) for i, item in enumerate(tests)),
        )

    def included(self, top: Mapping[str, object]) -> tuple[str, ...]:
        names: list[str] = []
        for i, raw in enumerate(self.items(top, "includes", (), optional=True)):
            if not isinstance(raw, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", raw):
                self.fail(("includes", i), f"{raw!r} is no name of a bundle", "write a name such as baseline, without a folder")
            if raw in names:
                self.fail(("includes", i), f"{raw} is given twice")
            names.append(raw)
        return tuple(names)

    def rules(self, given: Sequence[object]) -> tuple[Rule, ...]:
        rules: dict[str, Rule] = {}
        for i, item in enumerate(given):
            rule = self.rule(item, ("rules", i))
            if rule.id in rules:
                self.fail(("rules", i, "id"), f"rule {rule.id} is given twice, first in line {rules[rule.id].place[0]}")
            rules[rule.id] = rule
        return tuple(rules.values())

    def rule(self, raw: object, path: Path) -> Rule:
        given = self.mapping(raw, path, _RULE)
        rule_id = self.text(given, "id", path)
        if not re.fullmatch(r"[A-Z][A-Z0-9-]{1,31}", rule_id):
            self.fail((*path, "id"), f"rule id {rule_id!r}: expected capitals and digits such as D001")
        if rule_id == NO_SUBJECTS:
            self.fail((*path, "id"), f"rule id {rule_id} is the engine's own", "give the rule another id")
        self._names[int(path[1])] = rule_id
        for_each = self.choice(SubjectKind, given, "for_each", path)
        action = self.choice(Action, given, "action", path)
        waivable = given.get("waivable", True)
        if not isinstance(waivable, bool):
            self.fail((*path, "waivable"), f"waivable is {waivable!r}, expected true or false")
        return Rule(
            id=rule_id,
            title=self.text(given, "title", path),
            for_each=for_each,
            applies=self.check(given, "applies", for_each, path) if "applies" in given else None,
            require=self.check(given, "require", for_each, path),
            action=action,
            severity=self.choice(Severity, given, "severity", path) if "severity" in given else SEVERITY[action],
            waivable=waivable,
            message=self.template(given, "message", path, for_each),
            remedies=tuple(self.remedy(item, (*path, "remedies", i), for_each) for i, item in enumerate(self.items(given, "remedies", path))),
            place=self.places.of((*path, "id")),
        )

    def check(self, given: Mapping[str, object], key: str, for_each: SubjectKind, path: Path) -> Check:
        compiler, paths = self.compiler(for_each)
        text, place = self.text(given, key, path), (*path, key)

        def where(offset: int) -> str:
            return self.where(place, offset=offset)

        condition = parse_condition(text, where=where, paths=paths)
        return Check(condition=condition, compiled=compiler.compile(text, where=where))

    def compiler(self, for_each: SubjectKind) -> tuple[Compiler, dict[str, FactField | None]]:
        if for_each not in self._compilers:
            fields = schema_paths(for_each)
            kinds = fact_types(fields)
            kinds.update({f"params.{name}": _type_of(value) for name, value in self.params.items()})
            paths: dict[str, FactField | None] = {path: fields.get(path) for path in kinds}
            self._compilers[for_each] = (Compiler(kinds), paths)
        return self._compilers[for_each]

    def read_params(self, raw: object) -> dict[str, FactValue]:
        params: dict[str, FactValue] = {}
        for name, value in self.mapping(raw, ("params",), None).items():
            if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                self.fail(("params", name), f"parameter name {name!r}: expected lower case letters, digits and underscores", is_key=True)
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                self.fail(("params", name), f"{name} is {value!r}, expected a number or text")
            if fault := value_fault(FactField(path=name, type=_type_of(value), doc=""), value):
                self.fail(("params", name), f"{name}: {fault}")
            params[name] = value
        return params

    def remedy(self, raw: object, path: Path, for_each: SubjectKind) -> RemedySpec:
        given = {"kind": raw} if isinstance(raw, str) else self.mapping(raw, path, ("kind", "summary"))
        kind = self.text(given, "kind", path)
        if kind not in REMEDIES:
            self.fail((*path, "kind"), f"unknown remedy {kind!r}", nearest(kind, REMEDIES))
        if "summary" not in given:
            return RemedySpec(kind=kind, summary=REMEDIES[kind])
        return RemedySpec(kind=kind, summary=self.template(given, "summary", path, for_each, also=("subject",)))

    def test(self, raw: object, path: Path, rules: Mapping[str, Rule]) -> BundleTest:
        given = self.mapping(raw, path, _TEST)
        expect = self.mapping(given.get("expect"), (*path, "expect"), tuple(sorted(rules)))
        fields = {name: field for kind in SubjectKind for name, field in schema_paths(kind).items()}
        values = {}
        for name, value in self.mapping(given.get("given", {}), (*path, "given"), tuple(sorted(fields))).items():
            values[name] = _fact_value(value)
            fault = value_fault(fields[name], values[name]) or day_fault(name, str(value))
            if fault:
                self.fail((*path, "given", name), f"{name}: {fault}")
        return BundleTest(
            name=self.text(given, "name", path),
            given=tuple(values.items()),
            expect=tuple((rule, self.choice(Outcome, expect, rule, (*path, "expect"))) for rule in expect),
        )

    def template(self, given: Mapping[str, object], key: str, path: Path, for_each: SubjectKind, also: Sequence[str] = ()) -> str:
        text, place = self.text(given, key, path), (*path, key)
        _, paths = self.compiler(for_each)
        for found in _BRACES.finditer(text):
            name, colon, how = found.group(1).partition(":")
            if name not in paths and (name not in also or colon):
                self.fail(place, f"unknown fact {name!r}", nearest(name, (*paths, *also)), offset=found.start(1))
            field = paths.get(name)
            if colon and (how != "percent" or (field is not None and field.type is not FactType.DOUBLE)):
                self.fail(place, f"{found.group()}: only :percent, of a share, is known", offset=found.start(1))
        left = _BRACES.sub(lambda found: " " * len(found.group()), text)
        if at := re.search("[{}]", left):
            self.fail(place, f"{at.group()!r} without its partner", "a fact stands in braces: {run.model.name}", offset=at.start())
        return text

    def mapping(self, raw: object, path: Path, known: Sequence[str] | None) -> Mapping[str, object]:
        if not isinstance(raw, Mapping):
            self.fail(path, f"expected keys and values, got {_kind(raw)}")
        for key in raw:
            if known is not None and key not in known:
                self.fail((*path, key), f"unknown key {key!r}", nearest(str(key), known), is_key=True)
        return raw

    def items(self, given: Mapping[str, object], key: str, path: Path, *, optional: bool = False) -> list[object]:
        raw = given.get(key, [] if optional else None)
        if not isinstance(raw, list):
            self.fail((*path, key), f"{key} is {'missing' if key not in given else _kind(raw)}, expected a list")
        return raw

    def text(self, given: Mapping[str, object], key: str, path: Path, *, default: str | None = None) -> str:
        value = given.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            self.fail((*path, key), f"{key} is {'missing' if value is None else repr(value)}, expected text")
        return value

    def choice(self, kind: type[E], given: Mapping[str, object], key: str, path: Path) -> E:
        value = self.text(given, key, path)
        try:
            return kind(value)
        except ValueError:
            self.fail((*path, key), f"{key} is {value!r}", nearest(value, [m.value for m in kind]))

    def where(self, path: Path, *, offset: int | None = None, is_key: bool = False) -> str:
        """Return file, line and column of a part of the document, or of a character in it, and which part it is."""
        if offset is not None:
            line, column = self.places.inside(path, offset)
        else:
            line, column = self.places.of_key(path) if is_key else self.places.of(path)
        return ": ".join((f"{self.file}:{line}:{column}", *self._words(path[:-1] if is_key else path)))

    def _words(self, path: Path) -> list[str]:
        words: list[str] = []
        for step in path:
            words.append(str(step)) if isinstance(step, str) else words.append(f"{words.pop()}[{step}]")
        if path[:1] == ("rules",) and len(path) > 1 and int(path[1]) in self._names:
            words[0] = f"rule {self._names[int(path[1])]}"
        return words

    def fail(self, path: Path, reason: str, hint: str = "", *, offset: int | None = None, is_key: bool = False) -> NoReturn:
        raise PolicyDocumentError(f"{self.where(path, offset=offset, is_key=is_key)}: {reason}", hint=hint or None)


def _kind(raw: object) -> str:
    """Return what YAML calls a value."""
    return {"NoneType": "nothing", "str": "text", "dict": "keys and values", "bool": "true or false"}.get(
        type(raw).__name__, f"a {type(raw).__name__}"
    )


def _type_of(value: FactValue) -> FactType:
    if isinstance(value, str):
        return FactType.TEXT
    return FactType.INT if isinstance(value, int) else FactType.DOUBLE


def _fact_value(raw: object) -> FactValue:
    if isinstance(raw, list):
        return tuple(str(item) for item in raw)
    return raw if isinstance(raw, str | int | float) else str(raw)
