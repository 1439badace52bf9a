""".ci/run: a failing part is named and fails the whole, and pytest's closing line comes last."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLOSING = "======== 3 passed, 1 skipped in 0.10s ========"

# Stands for every tool of the run: `-m mypy` fails on demand, the rest is content.
PYTHON = """#!/bin/bash
[[ "$*" != "-m ${STUB_FAILS:-nothing}" ]] || { echo "it went wrong"; exit 3; }
[[ "$*" != *"-m pytest"* ]] || { echo "==== no tests ran in 0.01s ===="; exit 5; }
"""


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a b"
    script(root / ".ci" / "run", (ROOT / ".ci" / "run").read_text())
    script(root / ".venv" / "bin" / "python", PYTHON)
    script(root / ".venv" / "bin" / "lint-imports", "#!/bin/bash\n")
    script(root / "packaging" / "lock.sh", "#!/bin/bash\n")
    script(root / "install.sh", f'#!/bin/bash\n[[ $1 != --test ]] || echo "{CLOSING}"\nexit "${{STUB_INSTALL:-0}}"\n')
    script(tmp_path / "bin" / "shellcheck", "#!/bin/bash\n")
    script(tmp_path / "bin" / "git", '#!/bin/bash\nmkdir -p "$4" && cp -r install.sh "$4"\n')
    return root


def run(checkout: Path, **extra: str) -> "subprocess.CompletedProcess[str]":
    path = f"{checkout.parent}/bin:{os.environ['PATH']}"
    return subprocess.run(
        [checkout / ".ci" / "run"],
        env={**os.environ, "PATH": path, **extra},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is part of util-linux")
def test_all_well_ends_on_pytests_closing_line(checkout: Path) -> None:
    answer = run(checkout)
    assert answer.stdout.splitlines()[-1] == CLOSING, answer.stdout
    assert answer.returncode == 0
    assert "no test is marked so" in answer.stdout


def test_a_failing_part_is_named_and_the_others_still_run(checkout: Path) -> None:
    answer = run(checkout, STUB_FAILS="mypy")
    assert answer.returncode == 1
    assert "FAILED: mypy (exit 3)" in answer.stdout
    assert "==> import contracts" in answer.stdout
    assert answer.stdout.splitlines()[-1] == CLOSING


def test_failing_tests_fail_the_run(checkout: Path) -> None:
    answer = run(checkout, STUB_INSTALL="1")
    assert answer.returncode == 1
    assert "FAILED: install and test (exit 1)" in answer.stdout
    assert answer.stdout.splitlines()[-1] == CLOSING


def test_a_part_that_hangs_is_ended_and_said_to_hang(checkout: Path) -> None:
    text = (checkout / ".ci" / "run").read_text()
    shortened = re.sub(r'part "mypy" \d+', 'part "mypy" 1', text)
    assert shortened != text
    script(checkout / ".ci" / "run", shortened)
    os.mkfifo(checkout / "never")
    hangs = '[[ "$*" != "-m mypy" ]] || read -r _ <never\n'
    script(checkout / ".venv" / "bin" / "python", PYTHON + hangs)
    answer = run(checkout)
    assert answer.returncode == 1
    assert "FAILED: mypy (hung: ended after its limit of 1 s)" in answer.stdout
