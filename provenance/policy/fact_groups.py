"""Facts of the mixture, of works, of what the run file states, and of what the law asks: a part of the table in ``facts.py``, under its rules."""

from __future__ import annotations

from collections.abc import Mapping

from provenance.model.finding import SubjectKind
from provenance.policy.fact_fields import UNKNOWN, USES, FactField, enum_fact, number_fact, share_fact, text_fact, texts_fact, tri_fact

_YES_NO = ("YES", "NO")
_ROLES = ("none", "label", "rewrite", "generate", UNKNOWN)
_BECAUSE = ("none", "quotation", "short-passage", "boilerplate", "license-text", "prompt", "common-to-models")


def _human(of: str) -> tuple[FactField, ...]:
    return (
        share_fact("human_share", f"Share of {of} that people are known to have written.", known_by="mixture_known"),
        share_fact("human_share_upper", "The same, with unknown origin counted as written by people.", known_by="mixture_known"),
    )


def _naming(model: str) -> tuple[FactField, ...]:
    return (
        tri_fact("naming.asked", f"Whether terms ask for, or forbid, something in the name of a model that {model}.", "terms"),
        tri_fact("naming.met", "Whether the model's name is as they ask.", "terms"),
        texts_fact("naming.duties", "What they ask."),
    )


def _works(who: str) -> tuple[FactField, ...]:
    return (
        number_fact("works.unlicensed", f"Works under no licence that allows this use of which {who} holds words.", evidence="works"),
        number_fact("works.words", "Most words of one of them in all passages together, those explained as quotations too.", evidence="works"),
        share_fact(
            "works.share", "Largest share of one of them of which at least 20 words are held.", known_by="works.share_known", evidence="works"
        ),
        enum_fact("works.share_known", *_YES_NO, doc="Whether the words of each of them were counted.", evidence="works"),
    )


MORE_FACTS: Mapping[SubjectKind, tuple[FactField, ...]] = {
    SubjectKind.RUN: (
        text_fact("use", "What the model is for, in the run file's words.", absent=True),
        enum_fact("use_stated", *_YES_NO, doc="Whether the run file says what the model is for."),
        text_fact("base", "Model that training starts from; `none` where it starts from nothing.", absent=True),
        enum_fact("base_stated", *_YES_NO, doc="Whether the run file says what training starts from."),
        *_naming("is made from the base"),
        text_fact("release.license", "Licence under which the weights will be released.", absent=True),
        enum_fact("release.license_use", *USES, doc="Class of that licence."),
        text_fact("copyright_policy.url", "Where the organisation's copyright policy stands.", absent=True),
        enum_fact("copyright_policy.state", "in-force", "later", "none", UNKNOWN, doc="Whether it is in force on the day of the audit."),
        text_fact("contact", "Where holders of rights can turn to.", absent=True),
        enum_fact("contact_stated", *_YES_NO, doc="Whether the run file names such a contact."),
        *_human("the sampled tokens"),
        number_fact("works.compared", "Reference sets of works that the data were compared with.", evidence="scan"),
        *_works("all datasets together"),
    ),
    SubjectKind.DATASET: (
        enum_fact("teacher_role", *_ROLES, doc="The most that a model did for the text: labels, another wording, or the text itself."),
        tri_fact("outputs", "Whether it holds outputs of a model: text that one wrote or changed, or labels that one made, of its own or inherited."),
        tri_fact("human_source", "Whether text by people went into it, as far as its lineage says."),
        number_fact("generations", "Models in a row that wrote it, each from what the one before wrote; at least so many."),
        tri_fact("generations_known", "YES where the whole lineage is known, so that there are no more."),
        *_naming("learns from it"),
        *_works("it"),
        tri_fact("crawled", "Whether it, or what it comes from, was taken from the web by a crawler."),
        tri_fact("reservations", "Whether opt-outs of the sites it was crawled from were read and honoured; YES needs robots.txt.", "reservations"),
        tri_fact("reservations_kept", "Whether digests of what was read of these opt-outs are recorded.", "reservations"),
        number_fact("summary.missing", "Points of the public summary of training content (EU) that cannot be filled in for it.", evidence="summary"),
        texts_fact("summary.gaps", "Which points, and what is missing."),
    ),
    SubjectKind.DOMAIN: _human("the domain"),
    SubjectKind.MATCH: (enum_fact("because", *_BECAUSE, doc="Why it is explained away; `none` where it is not.", evidence="match"),),
}
"""Facts by kind of subject."""
