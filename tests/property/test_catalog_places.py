"""Where things stand in catalogue files: laws over generated documents, in JSON and YAML."""

from __future__ import annotations

import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from provenance.documents import mark_places, parse_document
from provenance.licensing.catalog_json import Steps, mark_json_places, parse_json

_TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
_SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | _TEXTS
DOCUMENTS = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4), max_leaves=12)


def paths(value: object, lead: Steps = ()) -> dict[Steps, object]:
    found: dict[Steps, object] = {lead: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found |= paths(item, (*lead, key))
    return found


@given(value=DOCUMENTS, indent=st.sampled_from([None, 0, 1, "\t"]), ascii_only=st.booleans())
def test_json_places_are_those_of_the_keys_and_items(value: Any, indent: int | str | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse_json(text.encode(), where="x") == value
    found, lines = mark_json_places(text), text.split("\n")
    assert set(found) == set(paths(value))
    for steps, item in paths(value).items():
        line, column = found[steps]
        token = json.dumps(steps[-1] if steps and isinstance(steps[-1], str) else item, ensure_ascii=ascii_only)
        assert lines[line - 1][column - 1 :].startswith(token[:1] if token[0] in "{[" else token)


@given(value=DOCUMENTS)
def test_yaml_places_are_those_of_the_same_values(value: Any) -> None:
    raw = yaml.safe_dump(value, allow_unicode=True, default_style='"').encode()
    if parse_document(raw, where="x") is None:
        return
    assert set(mark_places(raw)) == set(paths(value))


@given(value=st.dictionaries(_TEXTS, _SCALARS, min_size=1, max_size=4), data=st.data())
def test_a_key_given_twice_is_refused_wherever_it_stands(value: dict[str, Any], data: st.DataObject) -> None:
    import pytest

    from provenance.errors import DocumentError

    key = data.draw(st.sampled_from(sorted(value)))
    text = f"[{json.dumps(value)[:-1]}, {json.dumps(key)}: 1}}]"
    with pytest.raises(DocumentError, match="is given twice") as caught:
        parse_json(text.encode(), where="x")
    assert str(caught.value).startswith(f"x:1:{len(json.dumps(value)) + 3}: ")
