# include provenance.mk, then: make train. Needs no state of its own: every target is judged or verified anew.
# make itself ends with 2 and prints the code of the command: Error 10 needs a reviewer, Error 11 blocked, Error 77 denied.
RUN ?= run.yaml
CLEARANCE ?= helpdesk-7b.clearance.json
TRUST ?= /etc/provenance/trust.json
ROOTS ?= data
TRAIN ?= ./train.sh

.PHONY: audit clear train

audit:
	provenance -q audit $(RUN) --no-report

clear: audit
	provenance -q clear --out $(CLEARANCE)

# Not after clear: who trains need not hold the key. Without a clearance that holds, this is Error 77.
train:
	provenance exec --clearance $(CLEARANCE) --run $(RUN) --trust $(TRUST) $(ROOTS:%=--root %) -- $(TRAIN)
