"""The two commands as a stranger meets them: a new clone with a space in its path, real Python, real pip.

Runs as an unprivileged user when the tests run as root. Needs a package index.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


class Stranger:
    """Somebody without rights, with an empty home and the system's PATH."""

    def __init__(self, base: Path) -> None:
        self.home = base / "home"
        self.clone = base / "a b" / "rcq"
        self.home.mkdir()
        subprocess.run(["git", "clone", "--quiet", ROOT, self.clone], check=True)
        self.prefix: list[str] = []
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
            subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", base], check=True)

    def run(self, *command: object, **extra: str) -> "subprocess.CompletedProcess[str]":
        kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "LANG", "SSL_"))}
        path = "/usr/local/bin:/usr/bin:/bin"
        return subprocess.run(
            [*self.prefix, *map(str, command)],
            env={**kept, "PATH": path, "HOME": str(self.home), **extra},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    # Not under tmp_path: every pytest that starts takes the stranger's way into the folder above it.
    with tempfile.TemporaryDirectory(prefix="rcq-stranger-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        yield Stranger(base)


@pytest.mark.timeout(280)
def test_install_again_and_after_a_move(stranger: Stranger) -> None:
    install = stranger.clone / "install.sh"
    first = stranger.run(install, "--test", "--version")
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("pytest ")
    assert "WARNING" not in first.stderr

    began = time.monotonic()
    second = stranger.run(install, "--test", "--version")
    assert second.returncode == 0
    assert second.stderr == ".venv is up to date\n"
    assert time.monotonic() - began < 10

    answer = stranger.run(stranger.clone / ".venv" / "bin" / "rcq", "--help")
    assert answer.returncode == 0, answer.stderr
    assert "submit" in answer.stdout

    moved = stranger.clone.parent / "elsewhere"
    stranger.clone.rename(moved)
    answer = stranger.run(moved / "install.sh", "--demo", "--help")
    assert answer.returncode == 0, answer.stderr
    assert "made anew" in answer.stderr
    assert "--gpus" in answer.stdout


def test_no_network_is_one_line_that_names_the_command(stranger: Stranger) -> None:
    closed = "http://127.0.0.1:9/simple"
    answer = stranger.run(
        stranger.clone / "install.sh", "--demo", PIP_INDEX_URL=closed, PIP_RETRIES="1", PIP_CONFIG_FILE=os.devnull
    )
    assert answer.returncode == 1
    last = answer.stderr.splitlines()[-1]
    assert "the package index cannot be reached" in last
    assert last.endswith("install.sh --demo")
    assert "Traceback" not in answer.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to own what the stranger may not write")
def test_a_checkout_of_another_owner_is_refused_with_the_way_out(stranger: Stranger) -> None:
    shutil.chown(stranger.clone, "root")
    answer = stranger.run(stranger.clone / "install.sh", "--demo")
    assert answer.returncode == 1
    assert "may not write into" in answer.stderr
    assert "sudo" in answer.stderr
    assert not (stranger.clone / ".venv").exists()
