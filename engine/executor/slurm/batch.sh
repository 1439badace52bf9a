# What a node runs of an attempt, behind the lines that script.py writes before it: they set job, attempt, dir, workdir,
# limit_s, warn_s, grace_s, mask and define `begin` and `clean`. POSIX sh; needs grep -z, sleep, date, mv, mkdir.
#
# Signals to this shell alone: TERM ends the job (after grace_s all of it is killed), USR2 kills it, USR1 warns it.

id=${SLURM_JOB_ID:-0}
mark="RCQ_SLURM_RUN=$id.$attempt"
umask 022

say() { printf 'rcq: job %s, attempt %s: %s\n' "$job" "$attempt" "$1" >&2; }

now() {
    moment=$(date +%s.%N)
    case $moment in *[!0-9.]*) moment=$(date +%s) ;; esac
    printf '%s' "$moment"
}

put() {
    printf '%s\n' "$2" >"$dir/.$1.$id" && mv -f "$dir/.$1.$id" "$dir/$1"
}

# The processes of the job, whatever they descend from: by what they were started with. A job that it handed to Slurm
# itself has that, too, and a number of its own.
tree() {
    set -- $(grep -lszxF "$mark" /proc/[0-9]*/environ)
    [ "$#" -gt 0 ] || return 0
    { grep -lszxF "SLURM_JOB_ID=$id" "$@"; grep -LszE '^SLURM_JOB_ID=' "$@"; } | sed 's|^/proc/||; s|/environ$||'
}

tell() {
    alive=$(tree)
    for pid in $alive; do kill -s "$1" "$pid" 2>/dev/null; done
    case "
$alive
" in
    *"
$child
"*) ;;
    *) [ -z "$child" ] || kill -s "$1" "$child" 2>/dev/null ;; # it has not become the command yet
    esac
}

# SIGUSR1 to those that handle it, but not to what would hand it on into a container.
warn() {
    for pid in $(tree); do
        grep -qsE '^Sig(Cgt|Blk):.*[2367abef]..$' "/proc/$pid/status" || continue
        grep -qsE '^Name:.(podman|docker|conmon|catatonit|podman-init|docker-init|tini)$' "/proc/$pid/status" && continue
        kill -s USR1 "$pid" 2>/dev/null
    done
}

lives() {
    read -r stat <"/proc/$1/stat" || return 1
    case $stat in *') Z '*) return 1 ;; esac
}

# Until it is gone: a signal that comes while a shell forks is lost on the child.
end() {
    while lives "$1"; do
        kill "$1"
        sleep 0.01
    done
}

clocks=
after() {
    (
        trap - ALRM USR1 USR2
        gone=
        trap 'gone=1' TERM # until it is known what to end
        sleep "$1" &
        clock=$!
        trap 'end "$clock"; exit' TERM
        [ -z "$gone" ] || end "$clock"
        wait "$clock" && kill -s "$2" $$
    ) </dev/null >/dev/null 2>&1 3>&- &
    clocks="$clocks $!"
}

child= stopped= limited= heard= # what the functions go by
on_stop() {
    heard=1
    [ -n "$stopped$limited" ] || after "$grace_s" USR2
    stopped=1
    tell TERM
}
on_limit() {
    heard=1
    [ -z "$stopped$limited" ] || return
    limited=1
    after "$grace_s" USR2
    tell TERM
}
on_kill() { heard=1; tell KILL; }
on_warn() { heard=1; warn; }

record() {
    put "ended-$attempt.json" "{\"attempt\": $attempt, \"slurm\": $id, \"began\": $began, \"ended\": $(now), \
\"status\": $1, \"stopped\": ${stopped:-0}, \"limited\": ${limited:-0}}"
}

# The claim: whoever makes this folder runs the attempt, and nobody else ever.
if [ "${SLURM_RESTART_COUNT:-0}" -ne 0 ]; then
    say "Slurm ran this before; rcq starts it anew itself"
    exit 98
fi
if ! mkdir "$dir/claim-$attempt"; then
    # A slurmctld that lost its last seconds may start the same job a second time while it runs: then this is its shadow.
    trap 'tell TERM' TERM
    trap 'tell KILL' USR2
    while [ -n "$(tree)" ]; do sleep 1; done
    say "another job of Slurm's runs this attempt, or its folder cannot be written to"
    exit 98
fi
began=$(now)
node=${SLURMD_NODENAME:-}
case $node in *[!A-Za-z0-9._-]*) node= ;; esac
put "begun-$attempt.json" "{\"attempt\": $attempt, \"slurm\": $id, \"began\": $began, \"node\": \"$node\"}" || {
    say "nothing can be written to its folder on ${node:-this node}: no room, or over quota"
    exit 97
}

trap on_stop TERM
trap on_kill USR2
trap on_limit ALRM
trap on_warn USR1
if [ -e "$dir/stop-$attempt" ]; then
    stopped=1
    record 143
    exit 143
fi

resets=
/usr/bin/env --default-signal=INT,QUIT true 2>/dev/null && resets=--default-signal=INT,QUIT
(
    trap - TERM USR2 ALRM USR1
    if ! cd "$workdir"; then
        : >"$dir/unbegun-$attempt"
        say "the working directory cannot be entered on ${SLURMD_NODENAME:-this node}"
        exit 96
    fi
    umask "$mask"
    begin
) </dev/null &
child=$!
exec 3>&2 2>/dev/null # what a shell says of a child's end is not the job's output
after "$limit_s" ALRM
[ -z "$warn_s" ] || after "$warn_s" USR1

status=127 again=
while :; do
    heard=
    wait "$child"
    code=$?
    # after a signal the code may be the wait's own: the next one tells, or 127 where the child's was told already
    [ "$code" -eq 127 ] && [ -n "$again" ] || status=$code
    [ -n "$heard" ] || break
    again=1
done
trap '' TERM USR2 ALRM USR1

child=
for clock in $clocks; do end "$clock"; done
tries=0
while [ -n "$(tree)" ] && [ "$tries" -lt 100 ]; do
    tell KILL
    tries=$((tries + 1))
    sleep 0.1
done
clean </dev/null >/dev/null 2>&1
record "$status" || say "its end could not be written down" 2>&3
exit "$status"
