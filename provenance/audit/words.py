"""The words behind matches that a record lists without them, read again from the shards and references that were judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provenance.audit.browse import FoundMatch
from provenance.audit.scan import collect_texts, target_of
from provenance.audit.tools import Tools
from provenance.errors import IngestError, NotRegisteredError
from provenance.model.audit import AuditRecord
from provenance.model.dataset import Shard
from provenance.model.match import MatchText
from provenance.ports import Matcher


def read_words(record: AuditRecord, found: Sequence[FoundMatch], matcher: Matcher, tools: Tools) -> dict[str, MatchText]:
    """Return the words of matches of an audit, by match id; those of a shard that changed since are left out.

    Args:
        record: The audit.
        found: Matches of it.
        matcher: Opened on the references that were judged.
        tools: Opens shards and the registry.

    Raises:
        NotRegisteredError: If the registry does not hold the datasets that were judged.
    """
    wanted: dict[tuple[str, str], list[FoundMatch]] = {}
    for item in found:
        wanted.setdefault((item.dataset, item.match.path), []).append(item)
    roots = {d.dataset.name: d.root_digest for d in record.datasets}
    texts: dict[str, MatchText] = {}
    for (name, path), items in wanted.items():
        if name not in roots:
            raise NotRegisteredError(f"the audit judged no version of dataset {name!r}")
        with tools.units.read() as registry:
            version = registry.dataset_version(name, roots[name])
        shard = next((s for s in version.shards if s.path == path and s.sha256 == items[0].match.shard), None)
        target = None if shard is None else target_of(version, shard, tools.listing)
        if target is None or not is_unchanged((target.shard, *target.beside), tools):
            continue
        read = collect_texts(tools.reader, matcher, target, [i.match for i in items])
        texts.update({i.id: read[i.match] for i in items if i.match in read})
    return texts


def is_unchanged(shards: Iterable[Shard], tools: Tools) -> bool:
    """Tell whether files are still what was registered: the shard that is read, and what says how."""
    try:
        return all(tools.listing.digest(s.path, root=s.root)[0] == s.sha256 for s in shards)
    except IngestError:
        return False
