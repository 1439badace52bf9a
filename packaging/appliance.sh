# shellcheck shell=bash
# `install.sh --system` and `--uninstall`: makes this machine rcq's appliance, keeps it up to date, takes it away.
# Sourced by install.sh, whose steps and messages it uses. Must not know what rcq does.

: "${root:?install.sh sources this file}" "${dry_run:?}" "${mode?}" "${log?}" "${venv_name:?}"

admin=''
prepare_only=0
purge=0
force=0

# shellcheck source=packaging/places.sh
source "$root/packaging/places.sh"
# shellcheck source=packaging/release.sh
source "$root/packaging/release.sh"
# shellcheck source=packaging/machine.sh
source "$root/packaging/machine.sh"
# shellcheck source=packaging/service.sh
source "$root/packaging/service.sh"
# shellcheck source=packaging/upgrade.sh
source "$root/packaging/upgrade.sh"
# shellcheck source=packaging/firstadmin.sh
source "$root/packaging/firstadmin.sh"
# shellcheck source=packaging/uninstall.sh
source "$root/packaging/uninstall.sh"

# appliance WORD...: the whole of it, as a table of contents.
appliance() {
  parse_appliance "$@"
  # Root's files are for all to read here; a run that is dry changes nothing and needs no root.
  umask 022
  ((dry_run)) || [[ $(id -u) == 0 ]] || die "only root may do this. Run: $(again)"
  prepare_output
  one_installer
  if [[ $mode == uninstall ]]; then
    uninstall
    return
  fi
  check_distribution
  ((prepare_only)) || check_booted
  make_release
  if ((prepare_only)); then
    ((dry_run)) || say "prepared: $venv_name. To put it to use: sudo $(printf %q "$root/install.sh") --system"
    return
  fi
  put_to_use
}

# put_to_use: a first installation, an upgrade, or a look whether all is as it should be.
put_to_use() {
  previous=$(readlink -- "$current") || previous=''
  is_complete "$previous" || previous=''
  check_command
  if [[ $previous == "$release" ]]; then
    activate "$release" || die "a step failed: $(tail -n 1 "$log"). When that is mended, run: $(again)"
    start_engine || die "the engine does not come up: $(why_not). See: journalctl -u rcq-engine"
  else
    upgrade
  fi
  first_admin
  if ((dry_run)); then
    return
  elif ((changes == 0)); then
    say "rcq ${release##*/} is installed and runs: nothing to do"
  else
    say "rcq ${release##*/} runs."
    what_next
  fi
}

check_booted() {
  [[ -d $booted_dir ]] || die "systemd does not run this machine. The appliance needs it; --prepare works without." \
    "For yourself alone: $(printf %q "$root/install.sh") --demo"
}

# check_command: somebody else's program of that name is not replaced.
check_command() {
  local file=$local_dir/bin/rcq
  [[ ! -e $file && ! -L $file ]] || [[ $(readlink -- "$file") == "$current/"* ]] ||
    die "$file is there and not this appliance's. Move it away, then run: $(again)"
}

# option MODE OPTION: ends unless the option belongs to what is being done.
option() { [[ $mode == "$1" ]] || usage_error "$2 belongs to --$1."; }

parse_appliance() {
  while (($#)); do
    case $1 in
      --prepare) option system "$1" && prepare_only=1 ;;
      --admin)
        option system "$1"
        [[ -n ${2:-} && ${2:-} != -* ]] || usage_error "--admin needs the name of an account."
        admin=$2
        shift
        ;;
      --admin=?*) option system --admin && admin=${1#*=} ;;
      --purge) option uninstall "$1" && purge=1 ;;
      --force) option uninstall "$1" && force=1 ;;
      *) usage_error "unknown option $1." ;;
    esac
    shift
  done
}

# one_installer: a second one on this machine, from whatever checkout, waits for the first.
one_installer() {
  ((dry_run)) && return
  exec 8<"$etc_dir"
  flock -n 8 && return
  say "another install.sh works on this machine: waiting for it"
  flock -w 1800 8 || die "another install.sh has worked on this machine for half an hour. End it, then run: $(again)"
}

# distribution: name, id, its families, and version of what /etc/os-release tells, a line each.
distribution() {
  (
    # shellcheck source=/dev/null
    source "$os_release" && printf '%s\n' "${PRETTY_NAME:-${ID:-unknown}}" "${ID:-}" "${ID_LIKE:-}" "${VERSION_ID:-}"
  ) 2>/dev/null
}

# at_least VERSION LEAST: of two dotted numbers.
at_least() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

# check_distribution: Debian's rolling releases name no version: they are newer than all that do.
check_distribution() {
  local name id like version
  { read -r name && read -r id && read -r like && read -r version; } < <(distribution) || name=${name:-an unknown system}
  case $id in
    debian) [[ -z $version ]] || at_least "$version" 12 && return ;;
    ubuntu) at_least "${version:-0}" 22.04 && return ;;
  esac
  if [[ " ${like:-} " =~ \ (debian|ubuntu)\  ]] && at_least "$(systemd_version)" 249; then
    say "$name is not tried; it is of ${like}'s family and its systemd is new enough"
    return
  fi
  die "the appliance needs Debian 12 or Ubuntu 22.04, or later, with systemd 249; this is $name." \
    "For yourself alone rcq runs on any Linux, without root: $(printf %q "$root/install.sh") --demo"
}

systemd_version() { systemctl --version 2>/dev/null | sed -n '1s/^systemd \([0-9]*\).*/\1/p' | grep . || echo 0; }
