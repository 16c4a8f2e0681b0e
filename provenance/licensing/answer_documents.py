"""Answers on terms as programs read them (docs/formats/terms.md), and what would settle what they leave open."""

from __future__ import annotations

from provenance.licensing.answers import TermsAnswer
from provenance.licensing.questions import Question
from provenance.licensing.terms_values import TermsCatalog
from provenance.model.wire import to_wire

_MISSING = {
    "competing": ("whether the trained model competes with the provider", "--competing yes|no"),
    "commercial": ("whether the run is commercial", "--commercial or --non-commercial"),
    "distribute_weights": ("whether others will get the weights", "--distribute-weights yes|no"),
    "model_kind": ("what kind of model is trained", "--model-kind llm|classifier|embedding|other"),
    "model_family": ("the family of the trained model", "--model-family llama-3"),
    "grounded": ("whether the outputs rest on search results", "--grounded yes|no"),
    "imitates": ("whether the model is to behave like the one that made the text", "--imitates yes|no"),
    "similar": ("whether the model is similar to the service that made the text", "--similar yes|no"),
    "distribute_data": ("whether others will get the text", "--distribute-data yes|no"),
    "automated": ("whether the text was gathered by program", "--automated yes|no"),
    "output_type": ("what type the outputs are", "--output-type text"),
    "monthly_active_users": ("monthly active users", "--monthly-active-users 120000"),
    "revenue": ("US dollars of revenue in a year", "--revenue 5000000"),
    "approval": ("an approval by the provider, recorded with who, when and evidence", "--approval TERMS_OR_PROVIDER,WHO,DAY,EVIDENCE"),
    "conditions": ("the conditions in a form that can be tested", "add obligations, cases or tests to the entry (docs/formats/terms.md)"),
    "text": ("a text for the days that none covers", "add it in a folder that terms in provenance.toml names (docs/formats/terms.md)"),
    "days": ("the days of generation", "--from 2024-03-01 --to 2024-05-31"),
    "channel": ("the channel", "--channel api"),
    "region": ("the region of the account", "--region EU"),
    "model": ("the model", "--model gpt-4o"),
    "provider": ("whose model made the text", "--provider openai"),
    "host": ("who served the model", "--host together"),
    "access": ("how the text came off the site", "--access crawl|data-api|dump"),
}
"""Missing fact → what it is, and how to give it."""


def missing_facts(names: tuple[str, ...]) -> tuple[dict[str, str], ...]:
    """Return each missing fact with what it is and how to give it."""
    return tuple({"fact": n, "what": _MISSING[n][0], "how": _MISSING[n][1]} for n in names if n in _MISSING)


def answer_document(question: Question, answer: TermsAnswer, catalog: TermsCatalog) -> dict[str, object]:
    """Return an answer as the one document that programs read (docs/formats/terms.md)."""
    layers = [_layer_document(layer, catalog) for layer in answer.layers]
    return {
        "question": _question_document(question),
        "outcome": {u.use.value: u.outcome.value for u in answer.uses},
        "layers": layers,
        "obligations": to_wire(answer.obligations),
        "conflicts": to_wire(answer.conflicts),
        "rules": list(answer.rules),
        "reasons": list(answer.reasons),
        "uses": {
            u.use.value: {
                "outcome": u.outcome.value,
                "layers": {terms: None if o is None else o.value for terms, o in u.layers},
                "clauses": to_wire(u.clauses),
                "rules": list(u.rules),
                "reasons": list(u.reasons),
                "obligations": [o.code for o in u.obligations],
                "missing": list(u.missing),
            }
            for u in answer.uses
        },
        "splits": [{"from": s.first, "to": s.last, "outcome": dict(s.outcomes), "terms": list(s.terms)} for s in answer.splits],
        "nearby": [
            {"terms": n.terms, "place": n.place, "from": n.effective_from, "to": n.effective_to, "confidence": n.confidence} for n in answer.nearby
        ],
        "missing": list(missing_facts(answer.missing)),
        "catalog": {"version": catalog.version, "digest": catalog.digest},
    }


def _layer_document(layer: object, catalog: TermsCatalog) -> dict[str, object]:
    wire = to_wire(layer)
    document = dict(wire) if isinstance(wire, dict) else {}
    entry = catalog.get(str(document["terms"]))
    document["says"] = {str(use): outcome for use, outcome in document["says"]} if isinstance(document["says"], list) else {}
    document.pop("duties", None)
    if entry is not None:
        document |= {
            "channels": list(entry.channels),
            "regions": list(entry.regions),
            "kind": entry.kind,
            "confidence": entry.confidence,
            "source": entry.source,
            "url": entry.url,
            "bound": entry.bound,
        }
    return document


def _question_document(question: Question) -> dict[str, object]:
    generator = question.generator
    return {
        "provider": generator.provider,
        "model": generator.model,
        "channel": generator.channel,
        "region": generator.region,
        "from": generator.generated.start,
        "to": generator.generated.end,
        "use": [u.value for u in question.uses],
        "host": question.host,
        "run": to_wire(question.run),
    }
