#!/usr/bin/env bash
# Puts rcq and everything it needs into .venv beside this file and starts it, or makes this machine rcq's appliance.
# `./install.sh --help` says how.
#
# --demo and --test touch .venv in this checkout alone, and ask the system for a Python where one is missing and the
# caller may. What --system and --uninstall do is in packaging/appliance.sh and the files that it names.
# Must not know what rcq does, nor where packages come from: pip's own configuration says that.

if [ -z "${BASH_VERSION:-}" ]; then
  if [ -f "$0" ] && command -v bash >/dev/null 2>&1; then exec bash "$0" "$@"; fi
  echo "install.sh: this is a bash script. Run it as: bash install.sh" >&2
  exit 2
fi
set -euo pipefail
# Another Python's settings would reach into .venv, CDPATH would make cd print.
unset CDPATH PYTHONHOME PYTHONPATH

root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
venv=$root/.venv
venv_name=.venv # in messages
marks=$venv/.rcq # of this script: `unfinished` while it works in .venv, then one file per installed set
dry_run=0
mode=''
inner=()
log=''

usage() {
  cat <<'EOT'
Usage: ./install.sh --demo [ARGUMENT...]   install rcq into .venv, then run: rcq demo ARGUMENT...
       ./install.sh --test [ARGUMENT...]   install the test tools too, then run the test suite: pytest ARGUMENT...

       sudo ./install.sh --system [--admin NAME] [--prepare]
                                           make this machine's appliance, or bring the one that runs up to this
                                           checkout; jobs run on. Debian 12, Ubuntu 22.04 and later, with systemd.
       sudo ./install.sh --uninstall [--purge] [--force]
                                           take the appliance away; settings, database and job files stay

  --admin NAME  the first admin's account (default: who called sudo)
  --prepare     only download and install into /opt/rcq/releases; what runs is left alone
  --purge       settings, database, job files and the users go too
  --force       end jobs that run; without it, --uninstall refuses while there are any
  --dry-run     say each step and do none of them
  --help        this text

Needs Python 3.11 or later with its venv module. On Debian and Ubuntu a missing one is installed when run as root
or where sudo asks for no password. --demo and --test put everything else into .venv; to take it away: rm -rf .venv
EOT
}

complain() { printf 'install.sh: %s\n' "$*" >&2; }
die() {
  complain "$@"
  exit 1
}
usage_error() {
  complain "$* See: ./install.sh --help"
  exit 2
}

# again: how to run this very thing once more, for messages that ask for it.
again() {
  case $mode in
    system | uninstall) printf 'sudo %q --%s' "$root/install.sh" "$mode" ;;
    *) printf '%q --%s' "$root/install.sh" "$mode" ;;
  esac
}

# say WORD...: a terminal that has gone away stops nothing that is under way.
say() { printf '%s\n' "$*" >&3 || true; }

# now_ms: milliseconds. EPOCHREALTIME has the locale's decimal sign.
now_ms() {
  local now=${EPOCHREALTIME:-${SECONDS}.000000}
  printf '%s' $((${now/[.,]/} / 1000))
}

# step WHAT COMMAND...: one line with its seconds; what the command prints goes to $log.
step() {
  local what=$1 began took
  shift
  if ((dry_run)); then
    say "would: $what"
    return
  fi
  printf '%s ... ' "$what" >&3 || true
  began=$(now_ms)
  if ! "$@" >"$log" 2>&1 </dev/null; then
    say failed
    return 1
  fi
  took=$(($(now_ms) - began))
  say "$((took / 1000)).$((took % 1000 / 100)) s"
}

[[ -f $root/packaging/python.sh ]] || die "needs the whole checkout around it, not this file alone: git clone rcq, then run it there."
# shellcheck source=packaging/python.sh
source "$root/packaging/python.sh"

# ---- .venv --------------------------------------------------------------------------------------------------------

# venv_version: the version of .venv's Python; fails unless it and its pip can be used.
venv_version() {
  "$venv/bin/python" -I -c 'import sys, pip; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null </dev/null
}

# venv_fault: why .venv has to be made anew; nothing when it is sound.
venv_fault() {
  local version made
  [[ -e $venv || -L $venv ]] || { printf 'there is none' && return; }
  [[ ! -e $marks/unfinished ]] || { printf 'an earlier run did not finish it' && return; }
  version=$(venv_version) || { printf 'its Python or pip does not run' && return; }
  new_enough "$version" || { printf 'its Python %s is too old' "$version" && return; }
  made=$(grep '^command = ' "$venv/pyvenv.cfg" 2>/dev/null) || true
  [[ $made == *" $venv" ]] || printf 'it was made for another place'
}

fresh_venv() {
  rm -rf -- "$venv" || return 1
  mkdir -p -- "$marks" && : >"$marks/unfinished" && "$1" -m venv "$venv"
}

# try_pythons: makes .venv with the first Python that really can.
try_pythons() {
  local python
  for python in "${suitable[@]}"; do
    step "making $venv_name with $python" fresh_venv "$python" && return
    seen+=("$python could not make $venv_name: $(tail -n 1 "$log")")
  done
  return 1
}

# may_make_venv WHY: ends unless the caller may put .venv into the checkout.
may_make_venv() {
  [[ -w $root ]] || die "may not write into $root. Clone rcq to a folder of your own, or run: sudo $(again)"
  if [[ -d $venv && ! -w $venv ]]; then
    die "$venv belongs to another user and has to be made anew ($1). Run: sudo rm -rf $(printf %q "$venv") && $(again)"
  fi
}

make_venv() {
  scan_pythons
  try_pythons && return
  if ((${#suitable[@]})); then
    die "${seen[-1]}. When that is mended, run: $(again)"
  fi
  bring_python
  if ((dry_run)); then
    step "making $venv_name with the new Python"
    return
  fi
  scan_pythons
  try_pythons || no_python "$(again), once a Python that can make a virtual environment is first on PATH"
}

# ---- packages -----------------------------------------------------------------------------------------------------

# fingerprint FILE: changes whenever what is installed from FILE could differ.
fingerprint() {
  { printf '%s\n' "$root" "$(venv_version)" && cat -- "$root/pyproject.toml" "$1"; } | sha256sum | cut -d ' ' -f 1
}

# pip ARGUMENT...: pip of .venv, into .venv whatever the caller's settings say; its index is the caller's affair.
pip() {
  env -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT PIP_USER=0 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore "$venv/bin/python" -I -m pip --quiet "$@"
}

# explain: ends with one line on why pip failed and what mends it.
explain() {
  local missing unreachable='NewConnectionError|name resolution|Network is unreachable|Connection refused|timed out|ProxyError'
  if grep -q 'No space left on device' "$log"; then
    die "the disk is full. Free some 300 MB for $venv, then run: $(again)"
  elif grep -qE "$unreachable" "$log"; then
    die "the package index cannot be reached. With a network (or pip's index-url set to a mirror) run: $(again)"
  elif missing=$(sed -n 's/.*No matching distribution found for \([^ ]*\).*/\1/p' "$log") && [[ -n $missing ]]; then
    die "the package index does not answer, or lacks $missing. Check the network and pip's index-url, then run: $(again)"
  fi
  tail -n 15 "$log" >&2
  die "pip could not install what $1 names; the lines above say why. When that is mended, run: $(again)"
}

# install_set NAME FILE: the locked packages of FILE and rcq itself, unless that is what .venv holds.
install_set() {
  local name=$1 file=$2 count
  if [[ -z $(venv_fault) && $(fingerprint "$file") == "$(cat "$marks/$name" 2>/dev/null)" ]]; then
    say ".venv is up to date"
    return
  fi
  if ((!dry_run)); then
    [[ ! -d $venv || -w $venv ]] || die "may not write into $venv. Run: sudo rm -rf $(printf %q "$venv") && $(again)"
    mkdir -p -- "$marks"
    : >"$marks/unfinished"
  fi
  count=$(grep -c '^[a-z]' "$file")
  step "installing $count locked packages into .venv" pip install --require-hashes -r "$file" || explain "$file"
  step "installing rcq itself, as it stands in $root" editable || explain "$root/pyproject.toml"
  if ((!dry_run)); then
    fingerprint "$file" >"$marks/$name"
    rm -- "$marks/unfinished"
  fi
}

# What builds it is among the locked packages: nothing is fetched.
editable() { (cd -- "$root" && pip install --no-index --no-deps --no-build-isolation --editable .); }

# ---- the two commands ---------------------------------------------------------------------------------------------

install_all() {
  local fault
  fault=$(venv_fault)
  if [[ -n $fault ]]; then
    [[ -e $venv || -L $venv ]] && say ".venv has to be made anew: $fault"
    may_make_venv "$fault"
    make_venv
  fi
  if [[ $mode == test ]]; then
    install_set test "$root/packaging/requirements-test.txt"
  else
    install_set run "$root/packaging/requirements.txt"
  fi
}

# one_at_a_time: a second install.sh in this checkout waits for the first. The lock is on this very file: no file more.
one_at_a_time() {
  command -v flock >/dev/null || return 0
  exec 9<"$root/install.sh"
  flock -n 9 && return
  say "another install.sh works in $root: waiting for it"
  flock -w 900 9 || die "another install.sh has worked in $root for 15 minutes. End it, then run: $(again)"
}

run() {
  if ((dry_run)); then
    say "would:$(printf ' %q' "$@")"
    exit 0
  fi
  exec "$@" 3>&- 9<&-
}

# choose MODE: one command at a time.
choose() {
  [[ -z $mode ]] || usage_error "--$mode and --$1 are two commands: give one of them."
  mode=$1
}

# parse WORD...: the words after --demo and --test are those of what they start.
parse() {
  local early=''
  while (($#)); do
    case $1 in
      --demo | --test | --system | --uninstall) choose "${1#--}" ;;
      --dry-run) dry_run=1 ;;
      --)
        [[ $mode == demo || $mode == test ]] || usage_error "unknown option --."
        shift && inner+=("$@") && break
        ;;
      *)
        if [[ $1 == --help || $1 == -h ]] && [[ $mode != demo && $mode != test ]]; then
          usage && exit 0
        fi
        [[ -n $mode ]] || early=${early:-$1}
        inner+=("$1")
        ;;
    esac
    shift
  done
  if [[ -n $early && $mode != system && $mode != uninstall ]]; then
    usage_error "unknown option $early."
  fi
  [[ -n $mode ]] || usage_error "say what to do: --demo or --test, --system or --uninstall."
}

# prepare_output: what is said goes to file descriptor 3, what commands print to $log.
prepare_output() {
  if ((dry_run)); then
    exec 3>&1
    return
  fi
  exec 3>&2
  log=$(mktemp) || die "cannot write to ${TMPDIR:-/tmp}. Set TMPDIR to a folder you may write to, then run: $(again)"
  trap 'rm -f -- "$log"' EXIT
  one_at_a_time
}

main() {
  parse "$@"
  if [[ $mode == system || $mode == uninstall ]]; then
    # shellcheck source=packaging/appliance.sh
    source "$root/packaging/appliance.sh"
    appliance "${inner[@]}"
    return
  fi
  prepare_output
  install_all
  rm -f -- "$log"
  if [[ $mode == test ]]; then
    cd -- "$root"
    # three at a time also on two cores: a third of what the tests do is waiting
    run "$venv/bin/python" -m pytest -n 3 --dist loadfile \
      -m "not slow and not systemd and not qemu and not slurm and not gpu and not root" "${inner[@]}"
  fi
  say "$(printf 'next: %q --help, or put it on PATH: source %q' "$venv/bin/rcq" "$venv/bin/activate")"
  run "$venv/bin/rcq" demo "${inner[@]}"
}

main "$@"
