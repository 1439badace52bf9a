# shellcheck shell=bash
# From the release that runs to the one that this checkout makes, and back where that does not work. Jobs run on.
# Sourced by appliance.sh. Must not know what is in the database: the releases' own programs copy, migrate and restore it.

: "${root:?install.sh sources this file}" "${dry_run:?}" "${log?}" "${releases:?}" "${current:?}" "${state_dir:?}" "${release?}"

kept_releases=3

previous='' # the release that was current when this began; empty where there was none
backup=''   # the database before the upgrade
migrated=0  # whether the database has been changed since

# in_release RELEASE MODULE ARGUMENT...: the programs that work on the database give up root by themselves.
in_release() { "$1/bin/python" -I -m "engine.daemon.$2" --system "${@:3}"; }

as_rcq() { setpriv --reuid=rcq --regid=rcq --clear-groups --no-new-privs "$@"; }

has_database() { [[ -s $state_dir/rcq.db ]]; }

# upgrade: every step can be gone back from until the new engine answers; whoever hangs up meanwhile does not stop it.
# The new release is the current one before the database is changed: after a power cut in between, the machine boots into
# an engine that goes on where this was cut off, and not into one that finds its database too new.
upgrade() {
  trap '' HUP INT TERM
  if [[ -n $previous ]]; then
    stop_engine || roll_back "the engine could not be stopped"
  fi
  if has_database; then
    back_up || roll_back "the database could not be backed up"
    point "$current" "$release" || roll_back "it could not be put in place"
    migrate || roll_back "its database steps failed"
  fi
  activate "$release" || roll_back "it could not be put in place"
  start_engine || roll_back "its engine does not come up: $(why_not)"
  trap - HUP INT TERM
  drop_old_releases
}

back_up() {
  backup=$state_dir/backups/before-upgrade-$(date -u +%Y-%m-%dT%H%M%SZ).db
  # By its own user: root would follow a link that is put there now, and give away what it leads to.
  [[ -d $state_dir/backups ]] || change "making $state_dir/backups" as_rcq mkdir -m 700 -- "$state_dir/backups" || return
  change "backing the database up to $backup" in_release "$release" backup --to "$backup"
}

migrate() {
  # Only a migration that says that it had nothing to do is known to have changed nothing.
  migrated=1
  change "bringing the database to this version" in_release "$release" migrate || return
  ((dry_run)) || [[ $(tail -n 1 "$log") != 0 ]] || migrated=0
}

# roll_back WHY: the database as it was, the old release, its engine. What the new one wrote is kept beside it.
roll_back() {
  local why=$1 outcome
  [[ ! -s $log ]] || tail -n 15 "$log" >&2 || true
  complain "upgrade to ${release##*/}: $why; going back" || true
  halt_engine || true
  if ((migrated)); then
    change "putting the database back" in_release "$release" restore "$backup" ||
      die "the database could not be put back: $(tail -n 1 "$log"). It is whole in $backup." \
        "Make room on $state_dir, then: rcq restore --system $backup && $(again)"
  fi
  if [[ -z $previous ]]; then
    die "${release##*/} was not put to use: $why. See: journalctl -u rcq-engine. When that is mended, run: $(again)"
  fi
  if activate "$previous" && start_engine; then
    outcome="${previous##*/} runs again"
  else
    outcome="${previous##*/} does not start either ($(why_not)): see journalctl -u rcq-engine"
  fi
  die "the upgrade to ${release##*/} was taken back: $why. $outcome; jobs ran on. When it is mended, run: $(again)"
}

# drop_old_releases: the youngest stay, and whatever is or was in use.
drop_old_releases() {
  local -a old
  local one
  mapfile -t old < <(find "$releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' 2>/dev/null | sort -rn |
    tail -n +$((kept_releases + 1)) | cut -d ' ' -f 2-)
  for one in "${old[@]}"; do
    [[ $one == "$release" || $one == "$previous" ]] && continue
    change "removing the old release ${one##*/}" rm -rf -- "$one" || complain "$one could not be removed"
  done
}
