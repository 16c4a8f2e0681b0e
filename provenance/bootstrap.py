"""The composition root: settings → concrete registry, readers, index, catalogues. Everything heavy is imported when it is asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from provenance.config import Settings, default_settings, load_settings, shipped, with_database
from provenance.errors import ConfigError, NoWorkspaceError, PolicyDocumentError

if TYPE_CHECKING:
    from provenance.audit.admitting import Admitted, Verifier
    from provenance.audit.clear import InForce
    from provenance.audit.judgements import Catalogs
    from provenance.audit.tools import Tools
    from provenance.engines.processes import ProcessEngine
    from provenance.ingest.listing import FileListing
    from provenance.ingest.reader import Reader
    from provenance.licensing.classes import LicenseCatalog
    from provenance.licensing.terms import TermsCatalog
    from provenance.matching.cascade import CascadeMatcher
    from provenance.matching.index import ReferenceStore
    from provenance.matching.params import MatchParams
    from provenance.matching.suspects import PatternFinder
    from provenance.model.audit import AuditRecord, ReferenceSummary, ToolVersion
    from provenance.model.reference import ReferenceRecord
    from provenance.model.run import Run
    from provenance.policy.bundle import Bundle
    from provenance.ports import Progress
    from provenance.registry.evidence import EvidenceFolder
    from provenance.registry.session import SqlUnitOfWork
    from provenance.storage.stores import Stores


class SystemClock:
    """The machine's clock. No environment variable sets it: the day decides which waivers and terms hold."""

    def now(self) -> str:
        """Return the time, RFC 3339 UTC with seconds."""
        return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Workspace:
    """The concrete parts of one workspace, made on first use."""

    def __init__(self, settings: Settings, *, why: str = "", notify: Callable[[str], None] | None = None) -> None:
        """Take the settings; nothing is opened yet.

        Args:
            settings: Where everything is.
            why: What the user says of the reason, for the log.
            notify: Told in a sentence where the registry makes wait.
        """
        self.settings = settings
        self._why, self._notify = why, notify
        self.clock = SystemClock()

    @property
    def run_file(self) -> Path:
        """The run file that is meant where none is named."""
        return self.settings.run or self.settings.workspace / "run.yaml"

    @cached_property
    def units(self) -> SqlUnitOfWork:
        """The registry, checked to be of this version's schema."""
        from provenance.registry.session import SqlUnitOfWork
        from provenance.registry.upgrade import check

        check(self.settings.database)
        return SqlUnitOfWork(self.settings.database, self.clock, why=self._why, notify=self._notify)

    @cached_property
    def evidence(self) -> EvidenceFolder:
        """The store of bulky results."""
        from provenance.registry.evidence import EvidenceFolder

        return EvidenceFolder(self.settings.evidence)

    @cached_property
    def reader(self) -> Reader:
        """Opens shards of every format."""
        return make_reader(self.settings.workspace, self.stores)

    @cached_property
    def stores(self) -> Stores:
        """Opens the stores that URLs name."""
        from provenance.storage.stores import Stores

        return Stores(self.settings.storage)

    @cached_property
    def listing(self) -> FileListing:
        """Finds files under the data roots."""
        from provenance.ingest.listing import FileListing

        return FileListing(dict(self.settings.roots), self.reader)

    @cached_property
    def references(self) -> ReferenceStore:
        """The reference sets."""
        from provenance.matching.index import ReferenceStore

        return ReferenceStore(self.settings.references)

    def matcher(self, names: Sequence[str]) -> CascadeMatcher:
        """Open a matcher on reference sets."""
        from provenance.matching.cascade import open_matcher

        return open_matcher(self.references, names, self.match_params)

    @property
    def match_params(self) -> MatchParams:
        """How passages are judged here."""
        from provenance.matching.params import MatchParams

        return MatchParams(min_words=self.settings.min_words)

    @cached_property
    def licenses(self) -> LicenseCatalog:
        """The shipped licence catalogue with the user's entries over it."""
        from provenance.licensing.catalog_places import telling_places
        from provenance.licensing.classes import load_licenses

        folders = (shipped("policies") / "licenses", *self.settings.licenses)
        with telling_places(self.settings.licenses):
            return load_licenses(folders)

    @cached_property
    def terms(self) -> TermsCatalog:
        """The shipped terms catalogue with the user's entries over it."""
        return self.terms_with()

    @property
    def shipped_terms(self) -> Path:
        """Where the shipped terms entries are."""
        return shipped("policies") / "terms"

    def terms_with(self, *more: Path) -> TermsCatalog:
        """Return the terms catalogue with the entries of some more folders or files over it."""
        from provenance.licensing.catalog_places import telling_places
        from provenance.licensing.terms import load_terms

        folders = (self.shipped_terms, *self.settings.terms, *more)
        with telling_places(folders[1:]):
            return load_terms(folders)

    @cached_property
    def suspects(self) -> PatternFinder:
        """The shipped patterns of assistants with the user's over them."""
        return make_suspects(*self.settings.patterns)

    @property
    def catalogs(self) -> Catalogs:
        """Terms and licences together."""
        from provenance.audit.judgements import Catalogs

        return Catalogs(terms=self.terms, licenses=self.licenses)

    def reference_summaries(self, names: Sequence[str]) -> tuple[ReferenceSummary, ...]:
        """Describe reference sets as an audit record lists them."""
        from provenance.model.audit import ReferenceSummary

        infos = [self.references.show(name) for name in names]
        return tuple(
            ReferenceSummary(name=i.name, digest=i.digest, kind=i.kind.value, references=i.references, words=i.words, scheme=i.scheme) for i in infos
        )

    def in_force(self, record: AuditRecord) -> InForce:
        """Return what a record's run would be judged by now; bundles are looked for where the audit's run named them."""
        from provenance.audit.clear import InForce
        from provenance.audit.exclude import demands_digest
        from provenance.audit.scan import Finders, schemes_of

        with self.units.read() as registry:
            demands = [d.demand for d in registry.demands(open_only=True)]
        names = [r.name for r in record.references]
        beside = Path(record.run_file).parent if record.run_file else self.settings.workspace
        loaded = self.bundles(record.run.policy, beside=beside)
        bundles = {b.name: b.digest for b in loaded}
        schemes = schemes_of(Finders(self.matcher(names), self.suspects), self.reader) if names else ()
        return InForce(
            schemes=schemes,
            indexes=tuple(r.digest for r in self.reference_summaries(names)),
            terms=self.terms.digest,
            licenses=self.licenses.digest,
            waivers=self.waivers(record.run, beside=beside).holding,
            exclusions=demands_digest(demands),
            policies=tuple(bundles.get(p.bundle, "") for p in record.policy),
            waivable=frozenset(r.id for b in loaded for r in b.rules if r.waivable),
        )

    def as_of_now(self, record: AuditRecord) -> AuditRecord:
        """Return a record as reports show it: with the break-glass clearances that were issued for its run since it was made."""
        from dataclasses import replace

        from provenance.audit.break_glass import find_broken_glass

        with self.units.read() as registry:
            return replace(record, broken_glass=find_broken_glass(record, registry))

    def waivers(self, run: Run, *, beside: Path) -> Admitted:
        """Return the waivers of a run: those of its file, beside the run file, and those of the registry, signatures verified.

        Raises:
            WaiverError: If the file is malformed, or gives an id that the registry gives to another waiver.
            TrustFileError: If the trust file or its revocation list is there and malformed.
        """
        from provenance.audit.admitting import admit
        from provenance.policy.waivers import load_signed_waivers

        in_file = load_signed_waivers(beside / run.waivers) if run.waivers else ()
        with self.units.read() as registry:
            recorded = registry.waivers(open_only=True)
        is_signed = any(s is not None for s in (*(w.signature for w in in_file), *(w.signature for w in recorded)))
        return admit(in_file, recorded, self.waiver_verifier(with_trust=is_signed))

    def waiver_verifier(self, trust_file: Path | None = None, *, with_trust: bool = True) -> Verifier:
        """Return what judges signatures of waivers, by the workspace's trust file where no other is named.

        Raises:
            TrustFileError: If the file or its revocation list is there and malformed.
        """
        from provenance.audit.admitting import Verifier
        from provenance.clearance.signed_lists import load_revocations
        from provenance.clearance.trust import load_trust

        file = trust_file or self.trust_file
        trust = load_trust(file) if with_trust and file.exists() else None
        revocations = None if trust is None else load_revocations(trust)
        return Verifier(trust=trust, now=self.clock.now(), required=self.settings.require_signed_waivers, revocations=revocations)

    @property
    def trust_file(self) -> Path:
        """Whom the commands of this workspace believe."""
        return self.settings.trust or self.settings.workspace / "trust.json"

    @property
    def tool(self) -> ToolVersion:
        """This build."""
        from provenance import __version__
        from provenance.model.audit import ToolVersion

        return ToolVersion(version=__version__)

    def bundles(self, names: Sequence[str], *, beside: Path) -> list[Bundle]:
        """Load the shipped baseline, and the bundles that a run names: beside the run file, in the workspace's folders, or shipped.

        Raises:
            PolicyDocumentError: If one is not there or malformed, or two hold a rule of the same id.
        """
        from provenance.policy.bundle import load_bundles

        return list(load_bundles([self.find_bundle(name, beside=beside) for name in names]))

    def find_bundle(self, name: str, *, beside: Path) -> Path:
        """Return the file of a bundle.

        Raises:
            PolicyDocumentError: If there is none, or a bare name means both a file found first and a shipped bundle of other content.
        """
        from provenance.policy.shipped_names import refuse_taken_file

        folders = [beside, self.settings.workspace, *self.settings.policies, shipped("policies") / "bundles"]
        given = Path(name)
        tries = [folder / given for folder in folders] + [folder / given.name for folder in folders[2:]]
        for path in tries if given.suffix else [t.with_name(t.name + ".yaml") for t in tries]:
            if path.is_file():
                if not given.suffix:
                    refuse_taken_file(path)
                return path
        raise PolicyDocumentError(f"policy bundle {name!r} is not there", hint="looked in: " + ", ".join(str(f) for f in folders))

    def tools(self, progress: Progress, actor: str, *, jobs: int | None = None) -> Tools:
        """Return the ports the use cases work with; ``jobs`` are the processes that scan, by default one a core."""
        from provenance.audit.tools import Tools
        from provenance.ingest.record_stream import KeyReader
        from provenance.registry.journal import JournalFolder

        return Tools(
            listing=self.listing,
            reader=self.reader,
            records=KeyReader(self.reader),
            units=self.units,
            evidence=self.evidence,
            clock=self.clock,
            progress=progress,
            actor=actor,
            journal=JournalFolder(self.settings.unfinished),
            suspects=self.suspects,
            references=WorkspaceReferences(self),
            engine=make_engine(jobs),
        )


@dataclass(frozen=True, slots=True)
class WorkspaceReferences:
    """The reference sets of a workspace. Implements ``ports.records.ReferenceSource``."""

    workspace: Workspace

    def set_digests(self) -> dict[str, str]:
        """Return the digest of every set, by name."""
        return {info.name: info.digest for info in self.workspace.references.sets()}

    def iter_references(self, name: str) -> Iterator[ReferenceRecord]:
        """Yield who and what the references of a set are."""
        return self.workspace.references.references(name)

    def open_matcher(self, names: Sequence[str]) -> CascadeMatcher:
        """Open some sets to be compared with."""
        return self.workspace.matcher(names)


def make_suspects(*folders: Path) -> PatternFinder:
    """Return what looks for the shipped patterns of assistants, and those of some folders."""
    from provenance.matching.suspects import load_patterns

    return load_patterns((shipped("policies") / "patterns", *folders))


_SCANNING = (
    "provenance.audit.scan",
    "provenance.ingest.reader",
    "provenance.ingest.jsonl",
    "provenance.matching.cascade",
    "provenance.matching.suspects",
)
"""What a process that scans loads."""


def make_engine(jobs: int | None = None) -> ProcessEngine:
    """Return what runs long work: in so many processes, by default one a core."""
    from provenance.engines.processes import ProcessEngine, available_cores

    return ProcessEngine(jobs or available_cores(), preload=_SCANNING)


def make_reader(folder: Path | None = None, stores: Stores | None = None) -> Reader:
    """Return a reader of shards, which needs no workspace; paths of tokenizers are relative to the folder."""
    from provenance.ingest.reader import Reader
    from provenance.storage.stores import PLAIN_STORES

    return Reader(folder, stores or PLAIN_STORES)


def open_workspace(start: Path, *, database: str | None = None, why: str = "", notify: Callable[[str], None] | None = None) -> Workspace:
    """Open the workspace that a folder lies in.

    Args:
        start: The folder.
        database: URL of the registry in the place of the one in the settings; with it a folder without settings is a workspace too.
        why: What the user says of the reason, for the log.
        notify: Told in a sentence where the registry makes wait.

    Raises:
        ConfigError: If there is none.
    """
    try:
        settings = load_settings(start)
    except NoWorkspaceError:
        if database is None:
            raise
        settings = default_settings(start)
    return Workspace(with_database(settings, database, folder=start.absolute()), why=why, notify=notify)


def any_workspace(start: Path) -> Workspace:
    """Open the workspace a folder lies in, else one with default settings: for what needs the shipped data only."""
    try:
        return open_workspace(start)
    except ConfigError:
        return Workspace(default_settings(start))
