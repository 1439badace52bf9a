#!/usr/bin/env bash
# Locks what pyproject.toml asks for, with hashes, for every platform and every Python from 3.11 on:
#   packaging/requirements.txt       to run rcq
#   packaging/requirements-test.txt  the same and the test tools
#   packaging/requirements-lint.txt  the same, the test tools, the linters and the fuzzer: what CI wants
#
# Usage: packaging/lock.sh            keeps the locked versions where pyproject.toml still allows them
#        packaging/lock.sh --upgrade  takes the newest that it allows
#
# Must not know where packages come from: the files name versions and hashes, never an index, a host or a path.
set -euo pipefail
unset CDPATH
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

if command -v uv >/dev/null; then
  uv=uv
else
  python3 -m venv "$scratch/venv"
  "$scratch/venv/bin/python" -m pip install --quiet uv
  uv=$scratch/venv/bin/uv
fi

# lock FILE ARGUMENT...: the sets share one resolution, each later one bound to the versions of the one before.
lock() {
  local file=$1
  shift
  printf 'locking %s\n' "$file"
  "$uv" pip compile --quiet --generate-hashes --universal --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links --no-header --output-file "$file" \
    pyproject.toml packaging/requirements-build.in "${upgrade[@]}" "$@" >/dev/null
}

upgrade=()
case ${1:-} in
  '') ;;
  --upgrade) upgrade=(--upgrade) ;;
  *) echo "Usage: packaging/lock.sh [--upgrade]" >&2 && exit 2 ;;
esac

lock packaging/requirements.txt
lock packaging/requirements-test.txt --extra test --constraints packaging/requirements.txt
lock packaging/requirements-lint.txt --extra test --extra lint --extra fuzz --constraints packaging/requirements-test.txt

if grep -nE '://|--(extra-)?index|--find-links|file:| /' packaging/requirements*.txt; then
  echo "lock.sh: the lines above name an index, a host or a path: take them out of the uv configuration and lock again" >&2
  exit 1
fi
