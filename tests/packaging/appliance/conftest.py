"""A machine for install.sh --system, all of it below one temporary directory.

systemd, Python and whatever needs root are small scripts that note how they were called and keep what they were told in
files. What a real systemd makes of it is tried on a booted machine.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..conftest import Machine

ROOT = Path(__file__).resolve().parents[3]
BROUGHT = ("systemd", "sysusers.d", "tmpfiles.d", "logind.conf.d")

TOOLS = (
    *("cmp", "date", "find", "head", "install", "ln", "mv", "sleep", "sort", "sync", "touch", "tr", "wc", "xargs"),
    *("ls", "rmdir"),
)

PLACES = """
opt={0}/opt/rcq releases={0}/opt/rcq/releases current={0}/opt/rcq/current settings_dir={0}/etc/rcq
state_dir={0}/var/lib/rcq run_dir={0}/run/rcq units_dir={0}/etc/systemd/system etc_dir={0}/etc
local_dir={0}/usr/local os_release={0}/etc/os-release booted_dir={0}/run/systemd/system healthy_within_s=1
"""

STUBS = {
    "python3": r"""
case "$*" in
  *ensurepip*) echo "3.11.9 cpython - $0" ;;
  *cache_tag*) echo "cpython-311 linux" ;;
  *'import sys, pip'*) echo 3.11.9 ;;
  *os.__file__*) echo /usr/lib/python3.11 ;;
  *secrets*) echo correct-horse ;;
  *healthz*)
    [[ ! -e $BOX/fails/health || $(readlink "$BOX/opt/rcq/current") == "$(cat "$BOX/healthy")" ]] || exit 1
    [[ -e $BOX/accounts ]] && echo True || echo False
    ;;
  '-m venv '*)
    mkdir -p "$3/bin" "$3/lib" && cp "$0" "$3/bin/python" && printf '#!/bin/sh\necho rcq\n' >"$3/bin/rcq"
    chmod +x "$3/bin/rcq"
    ;;
  *'-m pip '*) note "pip ${*:5}"; ! fails pip ;;
  *compileall*) ;;
  *engine.daemon.backup*) note "${*:3}"; ! fails backup && : >"${*: -1}" ;;
  *engine.daemon.migrate*) note "${*:3}"; ! fails migrate && cat "$BOX/steps" ;;
  *engine.daemon.restore*) note "${*:3}"; ! fails restore ;;
  *) note "unexpected python: $*"; exit 99 ;;
esac""",
    "systemctl": r"""
[[ $1 != -q ]] || shift
verb=$1; shift; [[ ${1:-} != -q ]] || shift
case $verb in
  is-active) [[ -e $BOX/active/$1 ]] ;;
  is-enabled) for one in "$@"; do [[ -e $BOX/enabled/$one ]] || exit 1; done ;;
  enable) note "enable $*"; for one in "$@"; do touch "$BOX/enabled/$one"; done ;;
  start)
    note "start $* with $(readlink "$BOX/opt/rcq/current")"
    ! fails start || { rm "$BOX/fails/start"; exit 1; }
    for one in "$@"; do touch "$BOX/active/$one"; done
    ;;
  stop)
    note "stop $*"
    missing=0
    for one in "$@"; do
      rm -f "$BOX/active"/$one
      [[ $one == rcq-job* || -e $BOX/etc/systemd/system/$one ]] || { echo "Unit $one not loaded."; missing=5; }
    done
    exit "$missing"
    ;;
  daemon-reload) note daemon-reload ;;
  list-units) ls "$BOX/active" | grep ^rcq-job- | sed 's/$/ loaded active running/' ;;
  --version) cat "$BOX/systemd" ;;
  show) echo none ;;
  *) note "unexpected systemctl: $verb $*"; exit 99 ;;
esac""",
    "busctl": '[[ -e $BOX/etc/systemd/logind.conf.d/rcq.conf ]] && echo "b false" || echo "b true"',
    "systemd-sysusers": 'note "sysusers"; touch "$BOX/users"',
    "systemd-tmpfiles": 'note "tmpfiles"; mkdir -p "$BOX/var/lib/rcq" "$BOX/run/rcq"',
    "getent": 'if [[ $2 == -- ]]; then [[ $3 == ada ]]; else [[ -e $BOX/users ]]; fi',
    "stat": r"""
if [[ $2 == '%U %a' ]]; then [[ -d $4 ]] && printf 'rcq 711\nrcq 755\n'; else cat "$BOX/python-mode"; fi""",
    "setpriv": r"""
[[ $1 != --reuid=rcq ]] || note "$5 as rcq: ${*:6}"
while [[ $1 == --* ]]; do shift; done; exec "$@" """,
    "runuser": 'note "runuser ${*:3} <<< $(cat)"; ! fails account && touch "$BOX/accounts"',
    "id": 'if [[ $1 == -u ]]; then cat "$BOX/uid"; else echo "$3"; fi',
    "usermod": 'note "usermod $*"',
    "squeue": 'cat "$BOX/slurm" 2>/dev/null',
    "scancel": 'note "scancel $*"; sed -i "/^${*: -1}$/d" "$BOX/slurm"',
    "mountpoint": '[[ $3 == "$BOX/var/lib/rcq" && -e $BOX/disk ]]',
    "userdel": 'note "userdel $*"',
    "groupdel": 'note "groupdel $*"; rm "$BOX/users"',
    "journalctl": "echo 'rcq engine: a reason of its own'",
}  # fmt: skip

PREAMBLE = """#!/bin/bash
note() { printf '%s\\n' "$*" >>"$STUB_LOG"; }
fails() { [[ -e $BOX/fails/$1 ]] && echo "$1 went wrong"; }
"""


@dataclass(slots=True, kw_only=True)
class Box:
    """The machine and its checkout. root: what stands for `/`."""

    root: Path
    machine: "Machine"

    @property
    def checkout(self) -> Path:
        return self.machine.checkout

    @property
    def current(self) -> Path:
        """The release in use."""
        return (self.root / "opt/rcq/current").readlink()

    def install(self, *words: str, **extra: str) -> tuple[int, str]:
        """Exit code, and all that was said."""
        answer = self.machine.run(*words, BOX=str(self.root), **extra)
        return answer.returncode, answer.stdout + answer.stderr

    def installed(self) -> None:
        """Install it, and forget how."""
        code, said = self.install("--system")
        assert code == 0, said
        self.calls()

    def calls(self) -> list[str]:
        """What was asked of the machine since the last look, with places as on a real one."""
        return [call.replace(str(self.root), "") for call in self.machine.calls()]

    def newer(self) -> None:
        """A change of the program."""
        with (self.checkout / "engine/main.py").open("a") as file:
            file.write("# newer\n")

    def fail(self, what: str) -> None:
        (self.root / "fails" / what).touch()

    def write(self, place: str, text: str) -> None:
        (self.root / place).parent.mkdir(parents=True, exist_ok=True)
        (self.root / place).write_text(text)

    def read(self, place: str) -> str:
        return (self.root / place).read_text()

    def tree(self) -> set[str]:
        """Every name on the machine."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


@pytest.fixture
def box(machine: "Machine", tmp_path: Path) -> Box:
    root = tmp_path / "box"
    made = Box(root=root, machine=machine)
    for place in ("active", "enabled", "fails", "etc", "usr/local/bin", "run/systemd/system"):
        (root / place).mkdir(parents=True)
    made.write("etc/os-release", 'PRETTY_NAME="Debian GNU/Linux 12"\nID=debian\nVERSION_ID="12"\n')
    made.write("systemd", "systemd 252 (252.39)\n")
    made.write("uid", "0\n")
    made.write("steps", "0\n")
    made.write("python-mode", "0 -rwxr-xr-x\n")
    (root / "active/systemd-logind.service").touch()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"this machine has no {name}"
        (machine.bin / name).symlink_to(found)
    for name, script in STUBS.items():
        machine.tool(name, PREAMBLE + script)
    for name in BROUGHT:
        shutil.copytree(ROOT / "packaging" / name, machine.checkout / "packaging" / name)
    for name in ("man", "completions"):
        (machine.checkout / "packaging" / name).mkdir()
    (machine.checkout / "packaging/man/rcq.1").write_text(".TH rcq\n")
    (machine.checkout / "packaging/completions/_rcq").write_text("#compdef rcq\n")
    (machine.checkout / "packaging/places.sh").write_text(PLACES.format(root))
    for name in ("engine", "rcq_tui", "config"):
        (machine.checkout / name).mkdir()
    (machine.checkout / "engine/main.py").write_text("")
    (machine.checkout / "config/rcq.toml").write_text("# shipped\n")
    for name in ("README.md", "LICENSE"):
        (machine.checkout / name).touch()
    return made
