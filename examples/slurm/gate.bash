# shellcheck shell=bash
# What prolog_slurmctld.bash and task_prolog.bash share. Sourced, never run. Nothing of the environment decides anything here.

CONFIG=/etc/provenance/slurm.conf # change it here if it lies elsewhere; no variable of the environment moves it
export PATH=/usr/sbin:/usr/bin:/sbin:/bin # Slurm sets none

python=/opt/provenance/bin/python # python, trust, denials, gated, clearance, roots and bound are what the file says
trust=/etc/provenance/trust.json
# shellcheck disable=SC2034 # prolog_slurmctld.bash reads it
denials=
gated=()
clearance=
roots=()
bound=() # --run and --policy with their files
problem= # why the last function returned 1

# Put the fault into words and return 1.
fault() {
    problem=$1
    return 1
}

# A name of a job line: nothing in it that a path or a shell could take for more.
is_name() {
    [[ $1 =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$ ]]
}

# Whether the file belongs to whom this script belongs to, and nobody else can write to it.
is_ours() {
    local owner mode ours
    read -r owner mode < <(stat -L -c '%u %a' -- "$1")
    read -r ours < <(stat -L -c %u -- "$0")
    [ -n "${owner:-}" ] && [ "$owner" = "${ours:-}" ] && ! ((8#$mode & 8#022))
}

# Read the file; of its job lines keep the one of the name given ('' keeps none). One line that is not understood makes all of it invalid.
read_config() {
    local wanted=$1 number=0 words seen=' '
    [ -f "$CONFIG" ] && [ -r "$CONFIG" ] || { fault "$CONFIG is not a file that can be read" || return; }
    is_ours "$CONFIG" || { fault "$CONFIG must belong to the owner of $0 and be writable by no other" || return; }
    while read -r -a words || [ "${#words[@]}" -gt 0 ]; do
        number=$((number + 1))
        [[ ${words[0]:-#} == '#'* ]] && continue
        case ${words[0]}:${#words[@]} in
        python:2 | trust:2 | denials:2) printf -v "${words[0]}" %s "${words[1]}" ;;
        slurm:2) PATH=${words[1]}:$PATH ;;
        gate:1) fault "$CONFIG:$number: gate names no partition" || return ;;
        gate:*) gated+=("${words[@]:1}") ;;
        job:1 | job:2 | job:3) fault "$CONFIG:$number: expected: job NAME CLEARANCE ROOT..." || return ;;
        job:*) read_job "$wanted" || { fault "$CONFIG:$number: $problem" || return; } ;;
        run:3 | policy:3) read_bound "$wanted" || { fault "$CONFIG:$number: $problem" || return; } ;;
        run:* | policy:*) fault "$CONFIG:$number: expected: ${words[0]} NAME FILE" || return ;;
        *) fault "$CONFIG:$number: not understood: ${words[0]}" || return ;;
        esac
    done <"$CONFIG"
    [ "${#gated[@]}" -gt 0 ] || { fault "$CONFIG has no gate line" || return; }
}

# Take in one job line, which read_config left in words.
read_job() {
    local path
    is_name "${words[1]}" || { fault "${words[1]} is no name of a job" || return; }
    [[ $seen != *" ${words[1]} "* ]] || { fault "${words[1]} is there twice" || return; }
    seen+="${words[1]} "
    for path in "${words[@]:2}"; do
        [[ $path == /* || $path == *://* ]] || { fault "$path is not an absolute path" || return; }
    done
    if [ "${words[1]}" = "$1" ]; then
        clearance=${words[2]}
        roots=("${words[@]:3}")
    fi
}

# Take in one run or policy line, which read_config left in words. It stands below the job's line: one of a misspelt name would bind nothing.
read_bound() {
    [[ $seen == *" ${words[1]} "* ]] || { fault "there is no job ${words[1]} above" || return; }
    [[ ${words[2]} == /* ]] || { fault "${words[2]} is not an absolute path" || return; }
    [ "${words[1]}" = "$1" ] || return 0
    [[ ${words[0]} != run || " ${bound[*]-} " != *" --run "* ]] || { fault "$1 has two run lines" || return; }
    bound+=("--${words[0]}" "${words[2]}")
}

# Verify the clearance against every byte below the roots; a denial is written to the file given as JSON, or nowhere ('').
# Prints what the gate says and returns its exit code: 0 it holds, 77 denied.
# Python starts without the caller's environment and in isolated mode, so that no variable and no file of a user is loaded.
verify() {
    local options=(--clearance "$clearance" --trust "$trust" ${bound[@]+"${bound[@]}"}) root
    for root in "${roots[@]}"; do options+=(--root "$root"); done
    [ -z "$1" ] || options+=(--denial-json "$1")
    /usr/bin/env -i PATH="$PATH" LC_ALL=C.UTF-8 "$python" -I -m provenance.hooks.launcher "${options[@]}" -- /bin/true </dev/null 2>&1
}
