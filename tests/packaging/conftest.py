"""A checkout to install in and a PATH to find things on, both made for one test.

Nothing here reaches a network or a real Python: `python3`, `apt-get`, `sudo` and `id` are small scripts that note how
they were called.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# All that install.sh may count on: coreutils, grep, sed and flock, as on every Debian.
TOOLS = (
    *("bash", "sh", "cat", "chmod", "cp", "cut", "dirname", "env", "flock", "grep", "mkdir", "mktemp", "readlink"),
    *("rm", "sed", "sha256sum", "tail"),
)

# A Python as install.sh sees it: answers the probe, makes a .venv that holds a copy of itself, takes the calls to pip.
PYTHON = r"""#!/bin/bash
note() { printf '%s\n' "$*" >>"$STUB_LOG"; }
case "$*" in
  *'import sys, pip'*) echo VERSION ;;
  *-I\ -c*) echo "VERSION KIND MISSING $0" ;;
  '-m venv '*)
    note "venv $3"
    [[ -z ${STUB_VENV_FAILS:-} ]] || { echo "ensurepip went wrong"; exit 1; }
    mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
    printf 'command = %s -m venv %s\n' "$0" "$3" >"$3/pyvenv.cfg"
    printf '#!/bin/bash\nprintf "rcq %%s in %%s\\n" "$*" "$PWD"; env | grep ^PIP_; exit 7\n' >"$3/bin/rcq"
    chmod +x "$3/bin/rcq"
    ;;
  *'-m pip '*)
    note "pip ${*:4} [target=${PIP_TARGET:-} index=${PIP_INDEX_URL:-}]"
    if [[ -p ${STUB_GATE:-} ]]; then read -r _ <"$STUB_GATE"; rm "$STUB_GATE"; fi
    [[ -z ${STUB_PIP_SAYS:-} ]] || { echo "$STUB_PIP_SAYS"; exit 1; }
    ;;
  '-m pytest '*) printf 'pytest [%s] in %s\n' "${*:3}" "$PWD"; exit 5 ;;
  *) note "unexpected: $*"; exit 99 ;;
esac
"""


@dataclass(kw_only=True)
class Machine:
    """A checkout and a PATH of its own; `run` starts install.sh with nothing else around it."""

    checkout: Path
    bin: Path
    log: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def tool(self, name: str, script: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(script)
        path.chmod(0o755)

    def python(
        self, name: str = "python3", *, version: str = "3.11.9", kind: str = "cpython", missing: str = "-"
    ) -> None:
        script = PYTHON.replace("VERSION", version).replace("KIND", kind).replace("MISSING", missing)
        self.tool(name, script)

    def environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        base = {"PATH": str(self.bin), "STUB_LOG": str(self.log), "TMPDIR": str(self.log.parent)}
        return {**base, **extra}

    def start(self, *arguments: str, **extra: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [str(self.checkout / "install.sh"), *arguments],
            env=self.environment(extra),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, **extra: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments, **extra)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def calls(self) -> list[str]:
        """What the stubs were asked since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return lines

    def tree(self) -> dict[str, bytes | None]:
        """Everything in the checkout, to see that nothing changed."""
        return {
            str(path.relative_to(self.checkout)): path.read_bytes() if path.is_file() else None
            for path in sorted(self.checkout.rglob("*"))
        }


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    checkout = tmp_path / "a b" / "rcq"
    (checkout / "packaging").mkdir(parents=True)
    shutil.copy(ROOT / "install.sh", checkout)
    shutil.copy(ROOT / "pyproject.toml", checkout)
    for pattern in ("requirements*.txt", "*.sh"):
        for part in (ROOT / "packaging").glob(pattern):
            shutil.copy(part, checkout / "packaging")
    binaries = tmp_path / "bin"
    binaries.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found, f"this machine has no {name}"
        (binaries / name).symlink_to(found)
    made = Machine(checkout=checkout, bin=binaries, log=tmp_path / "calls")
    made.tool("id", "#!/bin/sh\necho 1000\n")
    yield made
    for process in made.started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits for a condition, thirty seconds at most."""

    def wait(condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < end, "waited 30 s in vain"
            time.sleep(0.01)

    return wait
