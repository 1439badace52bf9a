"""install.sh's two commands, step by step, with a Python and a pip that only note how they were called."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Machine


def test_help_names_both_commands(machine: "Machine") -> None:
    answer = machine.run("--help")
    assert answer.returncode == 0
    assert "--demo" in answer.stdout
    assert "--test" in answer.stdout
    assert answer.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--demo or --test"),
        (["--frobnicate"], "--frobnicate"),
        (["--dry-run"], "--demo or --test"),
        (["--demo", "--test"], "two commands"),
        (["--system", "--uninstall"], "two commands"),
        (["--purge", "--demo"], "unknown option --purge"),
        (["--purge"], "unknown option --purge"),
    ],
)
def test_bad_usage_is_refused_and_changes_nothing(machine: "Machine", arguments: list[str], named: str) -> None:
    machine.python()
    before = machine.tree()
    answer = machine.run(*arguments)
    assert answer.returncode == 2
    assert named in answer.stderr
    assert "--help" in answer.stderr
    assert machine.tree() == before
    assert machine.calls() == []


def test_sh_hands_over_to_bash(machine: "Machine") -> None:
    script = str(machine.checkout / "install.sh")
    answer = subprocess.run(
        ["sh", script, "--help"], env=machine.environment({}), capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0
    assert "--demo" in answer.stdout


def test_demo_installs_the_lock_and_passes_arguments_place_and_exit_code_through(machine: "Machine") -> None:
    machine.python()
    answer = machine.run("--demo", "--gpus", "2", "--", "--dry-run")
    assert answer.returncode == 7
    assert answer.stdout == "rcq demo --gpus 2 --dry-run in /\n"
    lock = machine.checkout / "packaging" / "requirements.txt"
    venv, packages, itself = machine.calls()
    assert venv == f"venv {machine.checkout}/.venv"
    assert packages.startswith(f"pip --quiet install --require-hashes -r {lock} ")
    assert "--no-index --no-deps --no-build-isolation --editable ." in itself
    assert "next: " in answer.stderr


def test_test_runs_pytest_in_the_checkout_without_what_needs_a_special_machine(machine: "Machine") -> None:
    machine.python()
    answer = machine.run("--test", "-k", "one or two")
    assert answer.returncode == 5
    assert answer.stdout.startswith("pytest [-n 3 --dist loadfile -m not slow and not systemd and not qemu")
    assert answer.stdout.endswith(f"-k one or two] in {machine.checkout}\n")
    assert "requirements-test.txt" in machine.calls()[1]


def test_a_second_run_installs_nothing(machine: "Machine") -> None:
    machine.python()
    machine.run("--demo")
    machine.calls()
    before = machine.tree()
    answer = machine.run("--demo")
    assert answer.returncode == 7
    assert ".venv is up to date" in answer.stderr
    assert machine.calls() == []
    assert machine.tree() == before


@pytest.mark.parametrize("changed", ["packaging/requirements.txt", "pyproject.toml"])
def test_a_changed_lock_or_project_is_installed_into_the_same_venv(machine: "Machine", changed: str) -> None:
    machine.python()
    machine.run("--demo")
    machine.calls()
    with (machine.checkout / changed).open("a") as file:
        file.write("# newer\n")
    machine.run("--demo")
    assert [call.split()[0] for call in machine.calls()] == ["pip", "pip"]
    machine.run("--demo")
    assert machine.calls() == []


def test_the_test_tools_are_one_more_set_in_the_same_venv(machine: "Machine") -> None:
    machine.python()
    machine.run("--demo")
    machine.calls()
    machine.run("--test")
    assert [call.split()[0] for call in machine.calls()] == ["pip", "pip"]
    machine.run("--demo")
    machine.run("--test")
    assert machine.calls() == []


def test_dry_run_says_each_step_and_does_none(machine: "Machine") -> None:
    machine.python()
    before = machine.tree()
    for arguments in (["--dry-run", "--demo", "--gpus", "2"], ["--test", "--dry-run", "-x"]):
        answer = machine.run(*arguments)
        assert answer.returncode == 0
        assert "would: making .venv" in answer.stdout
        assert "locked packages" in answer.stdout
        assert ("rcq demo --gpus 2" in answer.stdout) != ("-m pytest" in answer.stdout)
    assert machine.tree() == before
    assert machine.calls() == []


def test_an_unfinished_venv_is_made_anew(machine: "Machine") -> None:
    machine.python()
    assert machine.run("--demo", STUB_PIP_SAYS="broken pipe").returncode == 1
    machine.calls()
    answer = machine.run("--demo")
    assert "an earlier run did not finish it" in answer.stderr
    assert answer.returncode == 7
    assert machine.calls()[0].startswith("venv ")


def test_a_moved_venv_is_made_anew(machine: "Machine", tmp_path: Path) -> None:
    machine.python()
    machine.run("--demo")
    machine.calls()
    machine.checkout = shutil.move(machine.checkout, tmp_path / "elsewhere")
    answer = machine.run("--demo")
    assert "it was made for another place" in answer.stderr
    assert machine.calls()[0] == f"venv {tmp_path}/elsewhere/.venv"


def test_a_venv_whose_python_is_gone_is_made_anew(machine: "Machine") -> None:
    machine.python()
    machine.run("--demo")
    machine.calls()
    python = machine.checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert "its Python or pip does not run" in machine.run("--demo").stderr
    assert machine.calls()[0].startswith("venv ")


def test_a_sound_venv_made_by_hand_is_kept(machine: "Machine") -> None:
    machine.python()
    venv = machine.checkout / ".venv"
    subprocess.run(
        [machine.bin / "python3", "-m", "venv", venv], env=machine.environment({}), check=True, stdin=subprocess.DEVNULL
    )
    (venv / "mine").touch()
    machine.calls()
    assert machine.run("--demo").returncode == 7
    assert (venv / "mine").exists()
    assert [call.split()[0] for call in machine.calls()] == ["pip", "pip"]


def test_the_venv_being_remade_is_not_its_own_python(machine: "Machine") -> None:
    machine.python()
    machine.run("--demo")
    (machine.checkout / ".venv" / "bin" / "python3").symlink_to("python")
    machine.calls()
    (machine.checkout / ".venv" / ".rcq" / "unfinished").touch()
    active = f"{machine.checkout}/.venv/bin:{machine.bin}"
    assert machine.run("--demo", PATH=active).returncode == 7
    assert machine.calls()[0].startswith("venv ")


def test_started_through_a_link_it_installs_where_it_lives(machine: "Machine", tmp_path: Path) -> None:
    machine.python()
    home = machine.checkout
    machine.checkout = tmp_path / "links"
    machine.checkout.mkdir()
    (machine.checkout / "install.sh").symlink_to(home / "install.sh")
    assert machine.run("--demo").returncode == 7
    assert (home / ".venv").is_dir()
    assert not (machine.checkout / ".venv").exists()


def test_the_second_of_two_waits_and_then_finds_all_done(
    machine: "Machine", tmp_path: Path, until: Callable[[Callable[[], bool]], None]
) -> None:
    machine.python()
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    first = machine.start("--demo", STUB_GATE=str(gate))
    until(lambda: machine.log.exists() and "pip" in machine.log.read_text())
    second = machine.start("--demo")
    assert second.stderr is not None
    assert "waiting for it" in second.stderr.readline()
    gate.write_text("go on\n")
    assert first.communicate(timeout=60)[0].startswith("rcq demo")
    out, err = second.communicate(timeout=60)
    assert out.startswith("rcq demo")
    assert "up to date" in err
    assert [call.split()[0] for call in machine.calls()] == ["venv", "pip", "pip"]


def test_pip_keeps_the_callers_index_but_not_a_target_elsewhere(machine: "Machine") -> None:
    machine.python()
    answer = machine.run("--demo", PIP_TARGET="/elsewhere", PIP_INDEX_URL="file:///mirror")
    assert all(call.endswith("[target= index=file:///mirror]") for call in machine.calls()[1:])
    inner = answer.stdout.splitlines()[1:]
    assert sorted(inner) == ["PIP_INDEX_URL=file:///mirror", "PIP_TARGET=/elsewhere"]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("Failed to establish: NewConnectionError: Temporary failure in name resolution", "cannot be reached"),
        (
            "ERROR: No matching distribution found for anyio==4.1",
            "does not answer, or lacks anyio==4.1",
        ),
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
    ],
)
def test_pip_s_usual_failures_are_one_line_with_the_command_that_mends(
    machine: "Machine", said: str, named: str
) -> None:
    machine.python()
    answer = machine.run("--demo", STUB_PIP_SAYS=said)
    assert answer.returncode == 1
    (line,) = [line for line in answer.stderr.splitlines() if line.startswith("install.sh: ")]
    assert answer.stderr.splitlines()[-1] == line
    assert named in line
    assert line.endswith("install.sh --demo")


def test_any_other_failure_of_pip_is_shown(machine: "Machine") -> None:
    machine.python()
    answer = machine.run("--test", STUB_PIP_SAYS="ERROR: hashes do not match")
    assert answer.returncode == 1
    assert "ERROR: hashes do not match" in answer.stderr
    assert answer.stderr.splitlines()[-1].endswith("install.sh --test")
