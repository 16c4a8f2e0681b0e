#!/bin/bash -p
# PrologSlurmctld: a job of a gated partition starts only if the clearance that its comment names holds for the data.
# Runs on the controller as SlurmUser; see README.md. Exit 0: the job starts. Not 0: it does not, and is held (batch) or cancelled.
set -uf
# shellcheck source=examples/slurm/gate.bash
. "${0%/*}/gate.bash" || exit 1

job=${SLURM_JOB_ID:-}

# The name after provenance: in the job's comment; '' if there is none. Two different ones are a fault.
name_in_comment() {
    local word words
    name=
    IFS=$' \t\n,;' read -r -d '' -a words < <(printf '%s\0' "$1")
    for word in "${words[@]}"; do
        [[ $word == provenance:* ]] || continue
        is_name "${word#provenance:}" || { fault "the comment names no job after provenance:" || return; }
        [ -z "$name" ] || [ "$name" = "${word#provenance:}" ] || { fault "the comment names two jobs" || return; }
        name=${word#provenance:}
    done
}

# Whether a partition of the list is gated. No partition is unknown, and unknown is gated.
is_gated() {
    local partition gate
    [ -n "$1" ] || return 0
    for partition in ${1//,/ }; do
        for gate in "${gated[@]}"; do
            [ "$partition" != "$gate" ] || return 0
        done
    done
    return 1
}

# Say why, keep the job from starting and from being tried again, and end. A denial is final until somebody mends its cause.
deny() {
    local why="provenance: denied: $1"
    logger -t provenance -- "job $job: $1" 2>/dev/null
    if [[ $job =~ ^[0-9]+$ ]]; then
        timeout 30 scontrol update "JobId=$job" "AdminComment=${why:0:500}"
        timeout 30 scontrol requeuehold "$job" || timeout 30 scancel "$job"
    fi
    exit 77
} >/dev/null 2>&1

name_in_comment "${SLURM_JOB_COMMENT:-}"
misnamed=$problem
read_config "${name:-}" || deny "$problem"
is_gated "${SLURM_JOB_PARTITION:-}" || exit 0
[ -z "$misnamed" ] || deny "$misnamed"
[ -n "$name" ] || deny "no clearance is named; submit with --comment=provenance:NAME"
[ -n "$clearance" ] || deny "there is no job $name in $CONFIG"
said=$(verify "${denials:+$denials/job-$job.json}") && exit 0
case $said in
*because*) reason=${said#*because} ;;
*) reason=${said##*$'\n'} ;; # not a denial: the gate could not run, and its last line says why
esac
reason=${reason#"${reason%%[![:space:]]*}"}
deny "${reason%%$'\n'*}"
