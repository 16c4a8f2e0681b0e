"""A bundle to begin with: it loads, its tests hold, and lint has no fault to find."""

from __future__ import annotations

_TEMPLATE = """\
# A policy bundle: rules that say what must hold of a run. Every key is explained in docs/formats/policy.md.
# Try it:   provenance policy lint NAME.yaml     provenance policy test NAME.yaml
# Use it:   name it under policy: in run.yaml; the shipped baseline judges every run beside it.
format: provenance.policy
version: 1
name: NAME
release: 0.1.0            # raise it with every change; an audit records it with the digest of this file
title: What we ask beyond the baseline
params: {max_share: 0.5}  # numbers and texts that rules compare facts with; audits record them
rules:
  - id: OWN-001           # capitals, digits and hyphens; no other bundle of a run may hold it
    title: No dataset is more than half of the run
    for_each: dataset     # shard, dataset, domain, run, match or waiver
    require: dataset.share <= params.max_share
    action: review        # deny blocks, review asks for a reviewer, warn is listed
    severity: medium      # critical, high, medium or low
    waivable: true
    message: "{dataset.name} is {dataset.share:percent} of the run; the limit is {params.max_share:percent}"
    remedies:
      - {kind: reweight, summary: "lower the weight of {dataset.name} to {params.max_share:percent} or less"}
      - waive
  - id: OWN-002
    title: The licence of generated text is known
    for_each: dataset
    applies: dataset.synthetic != "NO"   # where nobody knows whether a model made it, the rule applies
    require: dataset.license.known == "YES"
    action: deny
    message: "{dataset.name} is generated (synthetic: {dataset.synthetic}) and its licence is not known: {dataset.license.expression}"
    remedies:
      - {kind: declare, summary: "look the licence of {dataset.name} up and declare it"}
      - drop
      - waive
# Each test gives facts that differ from harmless ones, and the outcomes that must follow.
tests:
  - {name: half of the run, given: {dataset.share_known: "YES", dataset.share: 0.5}, expect: {OWN-001: SATISFIED}}
  - {name: more than half, given: {dataset.share_known: "YES", dataset.share: 0.51}, expect: {OWN-001: VIOLATED}}
  - {name: a share nobody knows, given: {dataset.share_known: "NO"}, expect: {OWN-001: UNKNOWN}}
  - {name: human text, given: {dataset.synthetic: "NO"}, expect: {OWN-002: NOT_APPLICABLE}}
  - {name: generated and licensed, given: {dataset.synthetic: "YES", dataset.license.known: "YES"}, expect: {OWN-002: SATISFIED}}
  - {name: generated without a licence, given: {dataset.synthetic: "YES", dataset.license.known: "NO"}, expect: {OWN-002: VIOLATED}}
  - {name: perhaps generated without a licence, given: {dataset.synthetic: UNKNOWN, dataset.license.known: "NO"}, expect: {OWN-002: UNKNOWN}}
"""


def new_bundle(name: str) -> str:
    """Return the text of a bundle of a name."""
    return _TEMPLATE.replace("NAME", name)
