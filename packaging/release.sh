# shellcheck shell=bash
# Makes /opt/rcq/releases/VERSION-FINGERPRINT: a Python environment with rcq and everything it needs, and in share/rcq
# what it brings for the machine. Sourced by appliance.sh; uses install.sh's search for a Python, its pip and its steps.
#
# A release is complete or it does not count, and it never changes: `complete` is written last. Must not know what runs.

: "${root:?install.sh sources this file}" "${releases:?}" "${dry_run:?}" "${log?}"

release=''      # the directory of the release that this checkout makes
release_name='' # its last part

# What of packaging/ goes to a machine, beside the settings file with its comments.
shared=(systemd sysusers.d tmpfiles.d logind.conf.d man completions)

version_here() { sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml" | head -n 1; }

# fingerprint_here PYTHON: changes whenever the release could differ. A venv works with one minor version alone.
fingerprint_here() {
  local -a parts=(engine rcq_tui config pyproject.toml README.md LICENSE packaging/requirements.txt)
  local name
  for name in "${shared[@]}"; do
    [[ -e $root/packaging/$name ]] && parts+=("packaging/$name")
  done
  {
    "$1" -I -c 'import sys; print(sys.implementation.cache_tag, sys.platform)'
    cd -- "$root" && find "${parts[@]}" -type f ! -path '*/__pycache__/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
  } | sha256sum | cut -c 1-12
}

# fit_for_all PYTHON: root runs it, and so does the engine's user: nobody else may change it, everybody must reach it.
# Asked of the program, of its library and of every directory above. A group's right to write is the distribution's.
fit_for_all() {
  local library path
  library=$("$1" -I -c 'import os; print(os.path.dirname(os.path.realpath(os.__file__)))') || return 1
  [[ $library == /* ]] || return 1
  for path in "$(readlink -f -- "$1")" "$library"; do
    while :; do
      [[ $(stat -c '%u %A' -- "$path") =~ ^0\ .{7}r-[xt]$ ]] || return 1
      [[ $path != / ]] || break
      path=$(dirname -- "$path")
    done
  done
}

# name_release: which release this checkout makes with the Python that is there; fails when there is none.
name_release() {
  local python
  scan_pythons
  ((${#suitable[@]})) || return 1
  # By its real name: /usr/bin/python3 is another version after the distribution's next upgrade.
  for python in "${!suitable[@]}"; do
    suitable[python]=$(readlink -f -- "${suitable[python]}")
  done
  release_name=$(version_here)-$(fingerprint_here "${suitable[0]}")
  release=$releases/$release_name
  # shellcheck disable=SC2034  # install.sh's own: where its pip and its venv work
  venv=$release venv_name=$release marks=$release/.making
}

locked_packages() { pip install --no-compile --require-hashes -r "$root/packaging/requirements.txt"; }

# itself: rcq as a wheel built from this checkout. What builds it is among the locked packages: nothing is fetched.
itself() { pip install --no-compile --no-index --no-deps --no-build-isolation "$root"; }

# compile_all: nobody who runs it later may write beside the code. Bound to no date, so that an image may be copied.
compile_all() { "$release/bin/python" -I -m compileall -q -j 0 --invalidation-mode unchecked-hash "$release/lib"; }

bring_along() {
  local name to=$release/share/rcq
  mkdir -p -- "$to" && cp -- "$root/config/rcq.toml" "$to/" || return 1
  for name in "${shared[@]}"; do
    [[ -d $root/packaging/$name ]] || continue
    cp -R -- "$root/packaging/$name" "$to/" || return 1
  done
}

# seal: root's, readable for all, and tried by somebody who is nobody.
seal() {
  chmod -R u=rwX,go=rX -- "$release" || return 1
  setpriv --reuid=65534 --regid=65534 --clear-groups "$release/bin/rcq" --version || return 1
  rm -rf -- "$marks" && sync -f -- "$release" && : >"$release/complete"
}

is_complete() { [[ -n $1 && -f $1/complete ]]; }

# make_release: nothing to do where it is there. An earlier try that was cut off is made anew.
make_release() {
  local count
  if name_release && is_complete "$release"; then
    say "$release is complete"
    return
  fi
  if [[ -z $release_name ]]; then
    bring_python
    ((dry_run)) || name_release || no_python "$(again), once one that is root's own is first on PATH"
  fi
  mkdir_releases
  try_pythons || no_python "When that is mended, run: $(again)"
  count=$(grep -c '^[a-z]' "$root/packaging/requirements.txt")
  step "installing $count locked packages into $venv_name" locked_packages || explain "$root/packaging/requirements.txt"
  step "building rcq $(version_here) from $root" itself || explain "$root/pyproject.toml"
  step "compiling it" compile_all || fail_release
  step "bringing units, settings and manuals along" bring_along || fail_release
  step "trying it as nobody" seal || fail_release
}

mkdir_releases() { ((dry_run)) || mkdir -p -- "$releases" || die "cannot make $releases. Is the disk full or read-only?"; }

fail_release() {
  tail -n 15 "$log" >&2
  die "$release could not be made; the lines above say why, and what runs was left alone. When that is mended, run: $(again)"
}
