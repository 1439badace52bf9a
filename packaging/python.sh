# shellcheck shell=bash
# Finds a Python that can make a virtual environment, or brings one with apt where the caller may.
# Sourced by install.sh, whose steps and messages it uses. Must not know what the environment is for.

: "${root:?install.sh sources this file}" "${venv:?}" "${mode?}" "${log?}"

suitable=() # Pythons that can make it, best first
seen=()     # the others, with the reason, for the message

# The executable comes last: its path may hold spaces. The base one outlives a virtual environment that is active now.
probe='
import sys
missing = []
for name in ("venv", "ensurepip", "sqlite3", "ssl"):
    try:
        __import__(name)
    except ImportError:
        missing.append(name)
print("%d.%d.%d" % sys.version_info[:3], sys.implementation.name, ",".join(missing) or "-",
      getattr(sys, "_base_executable", None) or sys.executable)
'

# new_enough VERSION
new_enough() { [[ $1 =~ ^3\.([0-9]+)\. ]] && ((BASH_REMATCH[1] >= 11)); }

# judge PATH: puts one Python into `suitable` or `seen`.
judge() {
  local answer version kind missing executable
  answer=$("$1" -I -c "$probe" 2>/dev/null </dev/null) || return 0
  read -r version kind missing executable <<<"$answer"
  if [[ $kind != cpython ]]; then
    seen+=("$1 is $kind, not CPython")
  elif ! new_enough "$version"; then
    seen+=("$1 is $version, too old")
  elif [[ $missing != - ]]; then
    seen+=("$1 $version lacks the module ${missing//,/ and }")
  elif [[ $mode == system ]] && ! fit_for_all "$executable"; then
    seen+=("$1 $version is not fit for everybody here: it must be root's, unchangeable and readable for all others")
  else
    suitable+=("$executable")
  fi
}

# scan_pythons: every Python on PATH once, under whatever names.
scan_pythons() {
  local name path real
  local -A judged=()
  suitable=() seen=()
  hash -r
  for name in python3 python3.14 python3.13 python3.12 python3.11; do
    while IFS= read -r path; do
      real=$(readlink -f -- "$path") || continue
      # One name may be a different program at each place, and one place may have several names. A shim answers by
      # the name it is called by, so that the name counts too.
      [[ $path == "$venv"/* || -n ${judged[$name:$real]:-} ]] && continue
      judged[$name:$real]=1
      judge "$path"
    done < <(type -ap "$name" || true)
  done
}

# apt_packages: the packages that bring a suitable Python here, by what apt knows now. The distribution's own first.
apt_packages() {
  local candidate minor
  candidate=$(LC_ALL=C apt-cache policy python3 2>/dev/null | sed -n 's/^ *Candidate: //p')
  if [[ $candidate != 3.* ]] || new_enough "$candidate"; then
    printf 'python3 python3-venv'
    return
  fi
  for minor in 14 13 12; do
    apt-cache show "python3.$minor-venv" >/dev/null 2>&1 && break
    minor=11
  done
  printf 'python3.%s python3.%s-venv' "$minor" "$minor"
}

# root_prefix: what goes before a command that needs root; fails where the caller would be asked for a password.
root_prefix() {
  if [[ $(id -u) == 0 ]]; then
    printf 'env'
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    printf 'sudo -n env'
  else
    return 1
  fi
}

# apt_get PREFIX WORD...: apt-get that asks nothing and waits for another apt-get to finish.
apt_get() {
  local -a prefix
  read -ra prefix <<<"$1"
  "${prefix[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "${@:2}"
}

# no_python WHAT-TO-DO: why there is none, and the one command that mends it.
no_python() {
  local found='none on PATH; '
  ((${#seen[@]})) && printf -v found '%s; ' "${seen[@]}"
  die "needs Python 3.11 or later with its venv module (found: ${found%; }). $1"
}

# mend_with_apt: the command for a person's own hands.
mend_with_apt() {
  local sudo=''
  [[ $(id -u) == 0 ]] || sudo='sudo '
  printf 'Run: %sapt-get update && %sapt-get install -y %s && %s' "$sudo" "$sudo" "$(apt_packages)" "$(again)"
}

# bring_python: installs a Python where the caller may; else ends with the command to run.
bring_python() {
  local prefix packages
  command -v apt-get >/dev/null || no_python "Install one with your system's package tool, then run: $(again)"
  prefix=$(root_prefix) || no_python "$(mend_with_apt)"
  step "apt-get update" apt_get "$prefix" update || complain "$(tail -n 1 "$log")"
  packages=$(apt_packages)
  # shellcheck disable=SC2086  # the list is meant to split
  step "apt-get install $packages" apt_get "$prefix" install --no-install-recommends $packages ||
    no_python "apt-get could not bring it: is there a network? ($(tail -n 1 "$log")) $(mend_with_apt)"
}
