"""Which Python install.sh takes; where there is none it installs one if it may, else it says the command."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Machine

APT_CACHE = """#!/bin/bash
case "$*" in
  'policy python3') printf 'python3:\\n  Installed: (none)\\n  Candidate: CANDIDATE\\n' ;;
  'show python3.11-venv') ;;
  *) exit 100 ;;
esac
"""


def apt(machine: "Machine", *, candidate: str, brings: str = "python3") -> None:
    """An apt-get that notes its calls; `install` lays the Python that waits under `NAME.deb` onto PATH."""
    machine.tool("apt-cache", APT_CACHE.replace("CANDIDATE", candidate))
    machine.python(f"{brings}.deb")
    machine.tool(
        "apt-get",
        f"""#!/bin/bash
printf 'apt-get %s [%s]\\n' "$*" "${{DEBIAN_FRONTEND:-}}" >>"$STUB_LOG"
[[ -z ${{STUB_APT_SAYS:-}} ]] || {{ echo "$STUB_APT_SAYS"; exit 100; }}
[[ "$*" != *install* ]] || cp "{machine.bin}/{brings}.deb" "{machine.bin}/{brings}"
""",
    )


def test_too_old_is_said_with_the_command(machine: "Machine") -> None:
    machine.python(version="3.10.12")
    apt(machine, candidate="3.10.6-1~22.04")
    answer = machine.run("--demo")
    assert answer.returncode == 1
    assert "3.10.12, too old" in answer.stderr
    assert "sudo apt-get install -y python3.11 python3.11-venv && " in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not (machine.checkout / ".venv").exists()
    assert machine.calls() == []


def test_a_missing_venv_module_is_said_with_the_command(machine: "Machine") -> None:
    machine.python(version="3.11.2", missing="ensurepip")
    apt(machine, candidate="3.11.2-1+b1")
    answer = machine.run("--test")
    assert answer.returncode == 1
    assert "3.11.2 lacks the module ensurepip" in answer.stderr
    assert "sudo apt-get update && sudo apt-get install -y python3 python3-venv && " in answer.stderr
    assert answer.stderr.rstrip().endswith("install.sh --test")
    assert machine.calls() == []


def test_without_apt_the_line_still_says_what_is_needed(machine: "Machine") -> None:
    answer = machine.run("--demo")
    assert answer.returncode == 1
    assert "needs Python 3.11 or later with its venv module (found: none on PATH)" in answer.stderr
    assert answer.stderr.rstrip().endswith("install.sh --demo")


def test_another_kind_of_python_is_not_taken(machine: "Machine") -> None:
    machine.python(kind="pypy")
    assert "is pypy, not CPython" in machine.run("--demo").stderr


def test_root_gets_the_missing_part_installed_without_questions(machine: "Machine") -> None:
    machine.python(missing="venv,ensurepip")
    machine.tool("id", "#!/bin/sh\necho 0\n")
    apt(machine, candidate="3.11.2-1+b1")
    answer = machine.run("--demo")
    assert answer.returncode == 7
    update, install, venv, *_ = machine.calls()
    assert update.endswith(" update [noninteractive]")
    assert install.endswith(" install --no-install-recommends python3 python3-venv [noninteractive]")
    assert "-qq" in install
    assert venv.startswith("venv ")
    assert "apt-get install python3 python3-venv ... " in answer.stderr


def test_where_the_distributions_python_is_too_old_a_newer_package_is_taken(machine: "Machine") -> None:
    machine.python(version="3.10.12")
    machine.tool("id", "#!/bin/sh\necho 0\n")
    apt(machine, candidate="3.10.6-1~22.04", brings="python3.11")
    assert machine.run("--demo").returncode == 7
    calls = machine.calls()
    assert calls[1].endswith(" install --no-install-recommends python3.11 python3.11-venv [noninteractive]")
    assert (machine.checkout / ".venv" / "pyvenv.cfg").read_text().startswith(f"command = {machine.bin}/python3.11 ")


@pytest.mark.parametrize("allowed", [True, False])
def test_sudo_is_used_only_where_it_asks_for_no_password(machine: "Machine", allowed: bool) -> None:
    machine.python(missing="ensurepip")
    apt(machine, candidate="3.11.2-1+b1")
    answer_to_n = '[[ $1 == -n ]] || exit 9\nshift\necho "sudo" >>"$STUB_LOG"\nexec "$@"' if allowed else "exit 1"
    machine.tool("true", "#!/bin/bash\n")
    machine.tool("sudo", f"#!/bin/bash\n{answer_to_n}\n")
    answer = machine.run("--demo")
    calls = machine.calls()
    if allowed:
        assert answer.returncode == 7
        assert calls[0] == calls[1] == "sudo"
        assert "apt-get" in calls[2]
    else:
        assert answer.returncode == 1
        assert "sudo apt-get install" in answer.stderr
        assert calls == []


def test_an_apt_that_cannot_is_quoted_and_followed_by_the_command(machine: "Machine") -> None:
    machine.tool("id", "#!/bin/sh\necho 0\n")
    apt(machine, candidate="3.11.2-1+b1")
    answer = machine.run("--demo", STUB_APT_SAYS="E: Unable to fetch some archives")
    assert answer.returncode == 1
    assert "E: Unable to fetch some archives" in answer.stderr.splitlines()[-1]
    assert "Run: apt-get update && apt-get install -y python3 python3-venv && " in answer.stderr
    assert not (machine.checkout / ".venv").exists()


def test_dry_run_says_what_it_would_install_and_installs_nothing(machine: "Machine") -> None:
    machine.tool("id", "#!/bin/sh\necho 0\n")
    apt(machine, candidate="3.11.2-1+b1")
    before = machine.tree()
    answer = machine.run("--dry-run", "--demo")
    assert answer.returncode == 0
    assert "would: apt-get install python3 python3-venv" in answer.stdout
    assert machine.calls() == []
    assert machine.tree() == before


def test_a_python_that_cannot_really_make_a_venv_gives_way_to_the_next(machine: "Machine") -> None:
    machine.python()
    broken = (machine.bin / "python3").read_text().replace("STUB_VENV_FAILS:-", "STUB_LOG:-")
    machine.tool("python3", broken)
    machine.python("python3.12", version="3.12.1")
    answer = machine.run("--demo")
    assert answer.returncode == 7
    made_by = (machine.checkout / ".venv" / "pyvenv.cfg").read_text().split(" -m ")[0]
    assert made_by == f"command = {machine.bin}/python3.12"


def test_when_no_python_can_make_a_venv_the_reason_is_said(machine: "Machine") -> None:
    machine.python()
    answer = machine.run("--demo", STUB_VENV_FAILS="1")
    assert answer.returncode == 1
    assert "could not make .venv: ensurepip went wrong" in answer.stderr
