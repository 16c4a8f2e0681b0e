#!/bin/bash -p
# TaskProlog: every task on this node starts only if the clearance that PROVENANCE_JOB names holds for the data as the node sees them.
# Runs as the job's user; see README.md. What it prints is read by slurmstepd: lines that begin with "print " go to the task's output.
# Exit 0: the task starts. Exit 77: slurmstepd ends the task with 77 instead (22.05 was seen to; versions of 2018 ignore it).
set -uf
# shellcheck source=examples/slurm/gate.bash
. "${0%/*}/gate.bash" || exit 77

# Print each line of the text as slurmstepd wants it. Lines are cut: slurmstepd may read in pieces of 4096 bytes and take a piece for a command.
say() {
    local line
    while IFS= read -r line; do
        printf 'print %s\n' "${line:0:500}"
    done < <(printf '%s\n' "$1")
}

deny() {
    say "provenance: this task may not start: $1"
    exit 77
}

name=${PROVENANCE_JOB:-}
read_config "$name" || deny "$problem"
is_name "$name" || deny "no clearance is named; submit with --export=ALL,PROVENANCE_JOB=NAME"
[ -n "$clearance" ] || deny "there is no job $name in $CONFIG"
said=$(verify '') && exit 0
say "$said"
deny "its clearance does not hold"
