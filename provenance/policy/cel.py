"""Conditions compiled by Google's CEL engine against a schema of protobuf descriptors that are made from the facts table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from provenance.errors import PolicyDocumentError
from provenance.policy.conditions import Where
from provenance.policy.facts import FactField, FactType, FactValue

_PACKAGE = "provenance.facts"
_PROTO = descriptor_pb2.FieldDescriptorProto
_TYPES = {FactType.TEXT: _PROTO.TYPE_STRING, FactType.TEXTS: _PROTO.TYPE_STRING, FactType.INT: _PROTO.TYPE_INT64, FactType.DOUBLE: _PROTO.TYPE_DOUBLE}


class Compiler:
    """Compiles the conditions of one subject kind: its facts, those of what it belongs to, and the bundle's parameters."""

    def __init__(self, fields: Mapping[str, FactType]) -> None:
        """Build the descriptors.

        Args:
            fields: Type of every readable path, such as ``shard.license.use`` or ``params.min_words``.
        """
        file = descriptor_pb2.FileDescriptorProto(name="facts.proto", package=_PACKAGE, syntax="proto3")
        tree = _tree(fields)
        for name, branch in tree.items():
            _add_message(file, name.capitalize(), branch)
        self._pool = descriptor_pool.DescriptorPool()
        self._pool.Add(file)
        self._env = cel.NewEnv(descriptor_pool=self._pool, variables={name: cel.Type(f"{_PACKAGE}.{name.capitalize()}") for name in tree})
        self._classes = {name: message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"{_PACKAGE}.{name.capitalize()}")) for name in tree}

    def compile(self, text: str, *, where: Where) -> CompiledCondition:
        """Return the compiled condition.

        Raises:
            PolicyDocumentError: With the column, if it does not type-check or is not a boolean.
        """
        try:
            expression = self._env.compile(text)
        except RuntimeError as err:
            offset, reason = _explain(str(err), text)
            raise PolicyDocumentError(f"{where(offset)}: {reason}", hint=f"in: {' '.join(text.split())}") from err
        kind = expression.return_type().name()
        if kind != "BOOL":
            raise PolicyDocumentError(f"{where(0)}: a condition must be true or false, this is a {kind}", hint="compare the fact with a value")
        return CompiledCondition(expression=expression, compiler=self)

    def messages(self, values: Mapping[str, FactValue]) -> dict[str, Any]:
        """Return the variables of an evaluation; paths that are not given hold their type's zero and must not be read."""
        roots = {name: kind() for name, kind in self._classes.items()}
        for path, value in values.items():
            *parents, leaf = path.split(".")
            target = roots[parents[0]]
            for name in parents[1:]:
                target = getattr(target, name)
            if isinstance(value, tuple):
                getattr(target, leaf).extend(value)
            else:
                setattr(target, leaf, value)
        return roots


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """A condition that type-checks."""

    expression: Any
    compiler: Compiler

    def holds(self, values: Mapping[str, FactValue]) -> bool | str:
        """Evaluate on values by path: true, false, or the reason why it could not be evaluated."""
        try:
            result = self.expression.eval(data=self.compiler.messages(values)).value()
        except (RuntimeError, ValueError, TypeError) as err:
            return f"cannot be evaluated: {err}"
        return result if isinstance(result, bool) else f"cannot be evaluated: {result}"


def _tree(fields: Mapping[str, FactType]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path, kind in fields.items():
        *parents, leaf = path.split(".")
        branch = root
        for name in parents:
            branch = branch.setdefault(name, {})
        branch[leaf] = kind
    return root


def _add_message(file: Any, name: str, branch: Mapping[str, Any]) -> None:
    message = file.message_type.add(name=name)
    for number, (leaf, kind) in enumerate(branch.items(), start=1):
        label = _PROTO.LABEL_REPEATED if kind is FactType.TEXTS else _PROTO.LABEL_OPTIONAL
        if isinstance(kind, FactType):
            message.field.add(name=leaf, number=number, type=_TYPES[kind], label=label)
        else:
            inner = f"{name}_{leaf}"
            message.field.add(name=leaf, number=number, type=_PROTO.TYPE_MESSAGE, label=label, type_name=f".{_PACKAGE}.{inner}")
            _add_message(file, inner, kind)


def _explain(message: str, text: str) -> tuple[int, str]:
    """Return the character, counted from 0, and the reason of a CEL compiler message."""
    found = re.search(r"<input>:(\d+):(\d+): ([^\n]*)", message)
    if found is None:
        return 0, message.splitlines()[0] if message else "does not compile"
    before = text.split("\n")[: int(found.group(1)) - 1]
    offset = sum(len(line) + 1 for line in before) + int(found.group(2)) - 1
    reason = found.group(3).replace(f"{_PACKAGE}.", "").removesuffix(" [INVALID_ARGUMENT]")
    clash = re.fullmatch(r"found no matching overload for '_?(.+?)_?' applied to '\((.*)\)'", reason)
    if clash is not None:
        return offset, f"{clash.group(1)} does not go with {' and '.join(clash.group(2).split(', '))}: both sides need one type"
    return offset, reason[0].lower() + reason[1:]


def fact_types(fields: Mapping[str, FactField]) -> dict[str, FactType]:
    """Return the type of every path of a schema."""
    return {path: field.type for path, field in fields.items()}
