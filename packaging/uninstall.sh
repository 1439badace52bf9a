# shellcheck shell=bash
# Takes the appliance away: units, releases, links and drop-ins; with --purge settings, database, job files and users too.
# Sourced by appliance.sh. Must not know what a job is beyond its unit's name.

: "${root:?install.sh sources this file}" "${dry_run:?}" "${purge:?}" "${force:?}" "${opt:?}" "${current:?}" "${etc_dir:?}"
: "${units_dir:?}" "${settings_dir:?}" "${state_dir:?}" "${run_dir:?}" "${local_dir:?}" "${log?}" "${changes:?}"
: "${booted_dir:?}"

# uninstall: refuses while people's work would be lost. Between the look and the stop somebody may have come: it looks twice.
uninstall() {
  local was_active=0
  ((force)) || [[ -z $(running_jobs) ]] || refuse_for_jobs
  engine_active && was_active=1
  stop_units rcq-engine.service
  if [[ -n $(running_jobs) ]]; then
    ((force)) || { ((was_active)) && ((!dry_run)) && systemctl start rcq-engine.service; refuse_for_jobs; }
    change "ending $(running_jobs | wc -l) jobs" end_jobs || die "$(tail -n 1 "$log")"
  fi
  stop_units rcq-{launcher,notifier,metrics}.socket rcq-{launcher,notifier,metrics}.service rcq-jobs.slice rcq.slice
  remove_files
  ((!purge)) || purge_all
  ((changes)) || say "rcq is not installed here: nothing to do"
  ((purge)) || [[ ! -d $state_dir ]] || say "kept: $settings_dir, $state_dir and the users rcq, rcq-notifier, rcq-users (--purge takes them too)"
}

# running_jobs: a unit a line. One that has ended waits for the engine to read its result: that is in the database's files.
running_jobs() {
  [[ -d $booted_dir ]] || return 0
  systemctl list-units --plain --no-legend --full --state=running,start,start-pre,stop,stop-sigterm 'rcq-job-*' | cut -d ' ' -f 1
  slurm_jobs
}

# slurm_jobs: those that Slurm has of this engine's, by name; of a Slurm that does not answer none. The engine's file is not trusted.
slurm_jobs() {
  local instance
  [[ -f $state_dir/slurm-instance ]] && type -P squeue >/dev/null || return 0
  instance=$(head -c 8 -- "$state_dir/slurm-instance")
  [[ $instance =~ ^[0-9a-f]{8}$ ]] || return 0
  squeue --noheader --format=%j 2>/dev/null | grep "^rcq-$instance-" || true
}

refuse_for_jobs() {
  die "$(running_jobs | wc -l) jobs run. Wait for them (rcq queue), or end them: $(again) --force"
}

end_jobs() {
  systemctl stop 'rcq-job-*'
  slurm_jobs | xargs -r -n 1 scancel --name
}

stop_units() {
  local unit
  for unit in "$@"; do
    if [[ -d $booted_dir ]] && systemctl -q is-active "$unit"; then
      change "stopping $unit" systemctl stop "$unit" || die "$(tail -n 1 "$log")"
    fi
  done
}

# remove WHAT PATH...: those that are there.
remove() {
  local what=$1 path
  local -a there=()
  shift
  for path in "$@"; do
    [[ -e $path || -L $path ]] && there+=("$path")
  done
  ((${#there[@]} == 0)) || change "removing $what" take_away "${there[@]}" || die "$(tail -n 1 "$log")"
}

# take_away PATH...: of a disk that is mounted there, what is on it.
take_away() {
  local path
  for path in "$@"; do
    if mountpoint -q -- "$path"; then
      find "$path" -xdev -mindepth 1 -delete || return
    else
      rm -rf --one-file-system -- "$path" || return
    fi
  done
}

# ours: the links under /usr/local that lead into the releases.
ours() { find "$local_dir/bin" "$local_dir/share" -type l -lname "$current/*" 2>/dev/null; }

remove_files() {
  local -a links units
  local before
  mapfile -t links < <(ours)
  mapfile -t units < <(find "$units_dir" -maxdepth 2 -name 'rcq-*' ! -name '*.d' 2>/dev/null)
  before=$changes
  remove "the units" "${units[@]}"
  ((changes == before)) || [[ ! -d $booted_dir ]] || change "telling systemd" systemctl daemon-reload || true
  before=$changes
  remove "the drop-in of logind" "$etc_dir/systemd/logind.conf.d/rcq.conf"
  if ((changes != before)) && [[ -d $booted_dir ]] && systemctl -q is-active systemd-logind.service; then
    change "telling logind" reload_logind || true
  fi
  remove "the command and its manuals" "${links[@]}"
  remove "what is made at boot" "$etc_dir/sysusers.d/rcq.conf" "$etc_dir/tmpfiles.d/rcq.conf" "$run_dir"
  remove "the releases" "$opt"
}

purge_all() {
  remove "settings, database and job files" "$settings_dir" "$state_dir"
  local user
  for user in rcq rcq-notifier; do
    getent passwd "$user" >/dev/null || continue
    change "removing user $user" userdel "$user" || die "$(tail -n 1 "$log")"
  done
  if getent group rcq-users >/dev/null; then
    change "removing group rcq-users" groupdel rcq-users || die "$(tail -n 1 "$log")"
  fi
}
