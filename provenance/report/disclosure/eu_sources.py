"""What recorded facts tell of part 2 of the EU summary: its sources, section by section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord
from provenance.model.dataset import Dataset, Generator
from provenance.report.disclosure.sizes import Span, large_datasets, words_of
from provenance.report.disclosure.sources import Judged, Unit
from provenance.report.disclosure.values import State, Told

NOT_KNOWN = "not known"


def tell_sources(record: AuditRecord, units: Sequence[Unit], judged: Sequence[Judged]) -> Iterator[Told]:
    """Yield what recorded facts tell of the fields of sections 2.1 to 2.6, domains apart."""
    for section, asked, modalities in (("2.1", "a", "b"), ("2.2.1", "a", "b"), ("2.2.2", "a", "b"), ("2.3", "a", "g"), ("2.6", "a", "")):
        yield _is_used(record, units, section, f"{section}.{asked}")
        if modalities:
            yield from tell_modalities(units_of(units, section), f"{section}.{modalities}")
    yield from _public(record, units_of(units, "2.1"))
    yield from _described(units_of(units, "2.2.2"), "2.2.2.d")
    yield from _crawled(units_of(units, "2.3"))
    yield from _users(record, units)
    yield from _synthetic(record, units, judged)
    yield from _described(units_of(units, "2.6"), "2.6.b")


def units_of(units: Sequence[Unit], section: str) -> tuple[Unit, ...]:
    """Return the collections that stand under a section."""
    return tuple(u for u in units if u.section == section)


def unplaced(units: Sequence[Unit]) -> str:
    """Return in words which collections no section is known of; empty where there are none."""
    return "; ".join(f"{u.name}: {u.because}" for u in units if not u.section)


def places(units: Sequence[Unit]) -> tuple[str, ...]:
    """Return what names the recordings that facts are from."""
    return tuple(u.place for u in units)


def _is_used(record: AuditRecord, units: Sequence[Unit], section: str, field: str) -> Told:
    found = units_of(units, section)
    if found:
        return Told(field=field, state=State.COMPUTED, lines=("Yes",), rests_on=places(found))
    if unplaced(units) or not units:
        return Told(field=field, state=State.MISSING, because=unplaced(units) or "the audit names no data")
    return Told(field=field, state=State.COMPUTED, lines=("No",), rests_on=(record.id, *places(units)))


def tell_modalities(units: Sequence[Unit], field: str) -> Iterator[Told]:
    """Yield the modalities of collections, or of which of them nobody knows any."""
    lacking = [u.name for u in units if not u.modalities]
    if lacking:
        yield Told(field=field, state=State.MISSING, because=f"no details.modalities of {', '.join(lacking)}", rests_on=places(units))
    elif units:
        lines = tuple(m for m in ("Text", "Image", "Video", "Audio", "Other") if any(m in u.modalities for u in units))
        yield Told(field=field, state=State.COMPUTED, lines=lines, rests_on=places(units))


def public_sizes(record: AuditRecord, units: Sequence[Unit]) -> dict[str, dict[str, Span]]:
    """Return the size of each public dataset by modality, in words of text; nobody has measured other modalities."""
    return {u.name: {m: _size(record, u, m) for m in u.modalities} for u in units}


def _size(record: AuditRecord, unit: Unit, modality: str) -> Span:
    if modality != "Text":
        return Span(low=0, high=None)
    total = Span(low=0, high=0)
    for one in unit.used_in:
        words = words_of(record, one.summary)
        is_whole = one.summary.dataset.name == unit.name or (len(one.ancestors) == 1 and not one.unknown)
        total += words if is_whole else Span(low=0, high=words.high)
    return total


def large_units(record: AuditRecord, units: Sequence[Unit]) -> dict[str, TriState]:
    """Return which public datasets are large."""
    return large_datasets(public_sizes(record, units))


def _public(record: AuditRecord, units: Sequence[Unit]) -> Iterator[Told]:
    large = large_units(record, units)
    listed = [u for u in units if large[u.name] is not TriState.NO]
    doubtful = [u.name for u in listed if large[u.name] is TriState.UNKNOWN]
    lacking = [u.name for u in listed if not _can_be_found(u)]
    if lacking:
        yield Told(
            field="2.1.c", state=State.MISSING, because=f"no source.url and no details.description of {', '.join(lacking)}", rests_on=places(listed)
        )
    elif listed:
        because = f"listed although nobody knows whether more than 3 % is theirs: {', '.join(doubtful)}" if doubtful else ""
        made_of = any(j.summary.dataset.name != u.name for u in listed for j in u.used_in)
        state = State.DRAFTED if doubtful or made_of else State.COMPUTED
        because = because or ("say how the parts that were used were selected" if made_of else "")
        yield Told(field="2.1.c", state=state, lines=tuple(map(_listed, listed)), rests_on=places(listed), because=because)
    yield from _described([u for u in units if large[u.name] is TriState.NO], "2.1.d")


def _can_be_found(unit: Unit) -> bool:
    return unit.dataset is not None and not (is_absent(unit.dataset.source.url) and is_absent(unit.dataset.details.description))


def _listed(unit: Unit) -> str:
    dataset = unit.dataset
    name = unit.name if dataset is None or not dataset.title else f"{dataset.title} ({unit.name})"
    if dataset is None:
        return name
    link = dataset.source.url
    text = f"{name}: {link}" if not is_absent(link) else f"{name}: {dataset.details.description}; {_days(dataset)}"
    steps = [s for j in unit.used_in if j.summary.dataset.name != unit.name for s in j.summary.dataset.details.processing]
    made = [j.summary.dataset.name for j in unit.used_in if j.summary.dataset.name != unit.name]
    return text + (f"; used as {', '.join(made)}" if made else "") + (f", made by: {'; '.join(steps)}" if steps else "")


def _days(dataset: Dataset) -> str:
    days = dataset.source.collected
    start, end = (NOT_KNOWN if is_absent(day) else day for day in (days.start, days.end))
    return f"collected from {start} to {end}"


def _described(units: Sequence[Unit], field: str) -> Iterator[Told]:
    if not units:
        return
    lines = tuple(_description(u) for u in units)
    lacking = [u.name for u in units if u.dataset is None or is_absent(u.dataset.details.description)]
    because = f"no details.description of {', '.join(lacking)}" if lacking else ""
    yield Told(field=field, state=State.DRAFTED, lines=lines, rests_on=places(units), because=because)


def _description(unit: Unit) -> str:
    dataset = unit.dataset
    if dataset is None:
        return f"{unit.name}: not registered"
    said = dataset.details
    what = said.description if not is_absent(said.description) else dataset.title or "content not described"
    personal = {TriState.YES: "personal data", TriState.NO: "no personal data", TriState.UNKNOWN: f"personal data {NOT_KNOWN}"}[
        said.personal_data.present
    ]
    rights = {TriState.YES: "copyright-protected content", TriState.NO: "no copyright-protected content", TriState.UNKNOWN: f"copyright {NOT_KNOWN}"}
    written = {TriState.YES: "written by models", TriState.NO: "not written by models", TriState.UNKNOWN: f"written by models: {NOT_KNOWN}"}
    parts = [
        ", ".join(unit.modalities) or f"modality {NOT_KNOWN}",
        *said.content_types,
        personal,
        rights[said.rights.copyright],
        written[dataset.synthetic],
        f"languages {', '.join(dataset.languages) or NOT_KNOWN}",
        _days(dataset),
    ]
    return f"{what}: {'; '.join(parts)}"


def _crawled(units: Sequence[Unit]) -> Iterator[Told]:
    datasets = [u.dataset for u in units if u.dataset is not None]
    if not datasets:
        return
    rests_on = places(units)
    crawlers = [c for d in datasets for c in d.details.collection.crawlers]
    lacking = [d.name for d in datasets if not d.details.collection.crawlers or any(is_absent(c.name) for c in d.details.collection.crawlers)]
    names = tuple(dict.fromkeys(c.name if is_absent(c.user_agent) else f"{c.name} ({c.user_agent})" for c in crawlers if not is_absent(c.name)))
    yield _told("2.3.b", State.COMPUTED, names, lacking, "no name in details.collection.crawlers", rests_on)
    purposes = tuple(dict.fromkeys(f"{c.name}: {c.purpose}" for c in crawlers if not is_absent(c.purpose)))
    lacking = [d.name for d in datasets if not d.details.collection.crawlers or any(is_absent(c.purpose) for c in d.details.collection.crawlers)]
    yield _told("2.3.c", State.DRAFTED, purposes, lacking, "no purpose in details.collection.crawlers", rests_on)
    lacking = [d.name for d in datasets if not d.details.collection.opt_outs]
    yield _told("2.3.d", State.DRAFTED, opt_out_lines(datasets), lacking, "no details.collection.opt_outs", rests_on)
    ends = [(d.source.collected.start, d.source.collected.end) for d in datasets]
    lacking = [d.name for d, pair in zip(datasets, ends, strict=True) if any(map(is_absent, pair))]
    known = [pair for pair in ends if not any(map(is_absent, pair))]
    period = (f"From {month(min(s for s, _ in known))} to {month(max(e for _, e in known))}",) if known and not lacking else ()
    yield _told("2.3.e", State.COMPUTED, period, lacking, "no source.collected", rests_on)
    yield from _described(units, "2.3.f")


def _told(field: str, state: State, lines: tuple[str, ...], lacking: Sequence[str], what: str, rests_on: tuple[str, ...]) -> Told:
    if lacking or not lines:
        return Told(field=field, state=State.MISSING, because=f"{what} of {', '.join(dict.fromkeys(lacking))}", rests_on=rests_on)
    return Told(field=field, state=state, lines=lines, rests_on=rests_on)


def opt_out_lines(datasets: Sequence[Dataset]) -> tuple[str, ...]:
    """Return how each signal of reserved rights was treated."""
    words = {TriState.YES: "honoured", TriState.NO: "not honoured", TriState.UNKNOWN: "whether it was honoured is not known"}
    return tuple(dict.fromkeys(f"{d.name}: {c.signal.value}: {words[c.honoured]}" for d in datasets for c in d.details.collection.opt_outs))


def month(day: str) -> str:
    """Return ``MM/YYYY`` of a day."""
    return f"{day[5:7]}/{day[:4]}"


def _users(record: AuditRecord, units: Sequence[Unit]) -> Iterator[Told]:
    found = units_of(units, "2.4")
    for field in ("2.4.a", "2.4.b"):
        if found:
            because = f"the registry does not say whether these are from use of the model or of other services: {', '.join(u.name for u in found)}"
            yield Told(field=field, state=State.MISSING, because=because, rests_on=places(found))
        else:
            yield _is_used(record, units, "2.4", field)
    yield from _described(found, "2.4.c")
    yield from tell_modalities(found, "2.4.d")


def written_for_provider(units: Sequence[Unit], judged: Sequence[Judged]) -> tuple[Dataset, ...]:
    """Return the datasets that hold synthetic data of section 2.5: all but public ones that others made."""
    public = {u.name for u in units if u.section == "2.1"}
    own = {u.name: u.dataset for u in units if u.dataset is not None and u.section == "2.5"}
    made = {j.summary.dataset.name: j.summary.dataset for j in judged}
    ancestors = {d.name: d for j in judged for d, _, _ in j.ancestors}
    found = {n: d for n, d in (ancestors | made).items() if n not in public and d.declares_writer}
    explained = public | set(own) | set(found)
    stepped = {
        j.summary.dataset.name: j.summary.dataset
        for j in judged
        if j.summary.synthetic is TriState.YES and not {j.summary.dataset.name, *(d.name for d, _, _ in j.ancestors)} & explained
    }
    return tuple(d for _, d in sorted((own | found | stepped).items()))


def _synthetic(record: AuditRecord, units: Sequence[Unit], judged: Sequence[Judged]) -> Iterator[Told]:
    found = written_for_provider(units, judged)
    public = {u.name for u in units if u.section == "2.1"}
    doubtful = [j.summary.dataset.name for j in judged if j.summary.synthetic is TriState.UNKNOWN and j.summary.dataset.name not in public]
    if not found and (doubtful or unplaced(units) or not units):
        because = f"synthetic is not stated of {', '.join(doubtful)}" if doubtful else unplaced(units) or "the audit names no data"
        yield Told(field="2.5.a", state=State.MISSING, because=because)
        return
    if not found:
        yield Told(field="2.5.a", state=State.COMPUTED, lines=("No",), rests_on=(record.id, *places(units)))
        return
    rests_on = tuple(j.place for j in judged if j.summary.dataset in found or any(d in found for d, _, _ in j.ancestors))
    yield Told(field="2.5.a", state=State.COMPUTED, lines=("Yes",), rests_on=rests_on)
    made = [
        Unit(name=d.name, dataset=d, place=d.name, section="2.5", because="", used_in=tuple(j for j in judged if j.summary.dataset == d))
        for d in found
    ]
    yield from tell_modalities(made, "2.5.b")
    yield from _models(record, found, rests_on)


def _models(record: AuditRecord, found: Sequence[Dataset], rests_on: tuple[str, ...]) -> Iterator[Told]:
    generators = [g for d in found for g in d.writers]
    nameless = [d.name for d in found if not d.writers or not all(map(_is_named, d.writers))]
    own = record.run.organization.name.casefold()
    others = tuple(dict.fromkeys(_model(g) for g in generators if _is_named(g) and g.provider.casefold() != own))
    ours = tuple(dict.fromkeys(_model(g) for g in generators if _is_named(g) and g.provider.casefold() == own))
    lacking = f"no provider and model in generators of {', '.join(nameless)}" if nameless else ""
    if others:
        because = "; ".join(p for p in ("keep those that are on the Union market", lacking) if p)
        yield Told(field="2.5.c", state=State.DRAFTED, lines=others, rests_on=rests_on, because=because)
    else:
        yield Told(
            field="2.5.c", state=State.MISSING, because=lacking or "the registry does not say whether the provider's own models are on the market"
        )
    if ours:
        yield Told(
            field="2.5.d", state=State.DRAFTED, lines=ours, rests_on=rests_on, because="describe their training data; keep those not on the market"
        )
    else:
        yield Told(field="2.5.d", state=State.MISSING, because=lacking or "the registry does not say which of the models are not on the market")


def _is_named(generator: Generator) -> bool:
    return not is_absent(generator.provider) and not is_absent(generator.model)


def _model(generator: Generator) -> str:
    return f"{generator.provider}: {generator.model}"
