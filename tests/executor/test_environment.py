"""A job's environment, variable by variable."""

import os
import pwd
from pathlib import Path

import pytest

from engine.core.model import Shape
from engine.executor.environment import Person, build
from engine.executor.person import this_person
from engine.protocol.fields import ElementFields, JobFields
from rcq_tui.cli.slurm.body import SET
from tests.executor.conftest import lease

ADA = Person(  # noqa: S604 (shell is a field here)
    name="ada",
    home="/home/ada",
    shell="/bin/zsh",
    path="/opt/bin:/usr/bin",
    language="de_DE.UTF-8",
)
DIRECTORY = Path("/state/jobs/42")


def made(fields: JobFields, gpus: tuple[str, ...] = ()) -> dict[str, str]:
    held = lease("42", Shape(gpus=len(gpus), cpu_cores=6, time_limit_s=3600), gpus)
    return build(fields=fields, lease=held, attempt=2, directory=DIRECTORY, person=ADA, now=1000.7)


def test_all_of_it() -> None:
    assert made(JobFields(name="fold", command=["x"], environment={"SEED": "7"}), ("GPU-b", "GPU-a")) == {
        "PATH": "/opt/bin:/usr/bin",
        "HOME": "/home/ada",
        "USER": "ada",
        "LOGNAME": "ada",
        "SHELL": "/bin/zsh",
        "LANG": "de_DE.UTF-8",
        "TERM": "dumb",
        "SEED": "7",
        "RCQ_JOB_ID": "42",
        "RCQ_JOB_NAME": "fold",
        "RCQ_ACCOUNT": "ada",
        "RCQ_GROUP": "bio",
        "RCQ_ATTEMPT": "2",
        "RCQ_ARRAY_INDEX": "",
        "RCQ_JOB_DIR": "/state/jobs/42",
        "RCQ_TIME_LIMIT_S": "3600",
        "RCQ_END_TIME": "4600",
        "CUDA_VISIBLE_DEVICES": "GPU-b,GPU-a",
        "NVIDIA_VISIBLE_DEVICES": "GPU-b,GPU-a",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "OMP_NUM_THREADS": "6",
        "SLURM_JOB_ID": "42",
        "SLURM_JOBID": "42",
        "SLURM_JOB_NAME": "fold",
        "SLURM_CPUS_PER_TASK": "6",
        "SLURM_CPUS_ON_NODE": "6",
        "SLURM_GPUS_ON_NODE": "2",
        "SLURM_SUBMIT_DIR": "/state/jobs/42",
    }


def test_a_slurm_script_that_goes_where_it_was_submitted_stays_where_it_is() -> None:
    assert made(JobFields(command=["x"], workdir="/data/run"))["SLURM_SUBMIT_DIR"] == "/data/run"
    libraries = {"SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_ID"}
    assert not libraries & made(JobFields(command=["x"])).keys()


def test_a_job_without_cards_sees_none() -> None:
    found = made(JobFields(command=["x"]))
    assert (found["CUDA_VISIBLE_DEVICES"], found["NVIDIA_VISIBLE_DEVICES"]) == ("", "void")
    assert (found["RCQ_JOB_NAME"], found["SLURM_GPUS_ON_NODE"]) == ("", "0")


def test_an_array_element_knows_its_index() -> None:
    found = made(ElementFields(command=["x"], array="0-8:4%2", array_parent=41, array_index=0))
    assert (found["RCQ_ARRAY_INDEX"], found["SLURM_ARRAY_TASK_ID"], found["SLURM_ARRAY_JOB_ID"]) == ("0", "0", "41")
    assert [found[f"SLURM_ARRAY_TASK_{name}"] for name in ("COUNT", "MIN", "MAX")] == ["3", "0", "8"]
    plain = made(JobFields(command=["x"]))
    assert plain["RCQ_ARRAY_INDEX"] == ""
    assert not [name for name in plain if name.startswith("SLURM_ARRAY")]


def test_what_slurm_scripts_are_told_to_be_set_is() -> None:
    found = made(ElementFields(command=["x"], array="0-8:4%2", array_parent=41, array_index=0))
    assert {name for name in found if name.startswith("SLURM_")} == SET


def test_a_job_cannot_give_itself_cards_or_another_name() -> None:
    asked = {
        "CUDA_VISIBLE_DEVICES": "GPU-z",
        "NVIDIA_VISIBLE_DEVICES": "all",
        "RCQ_ACCOUNT": "root",
        "RCQ_TOKEN": "x",
        "PATH": "/mine",
        "OMP_NUM_THREADS": "1",
    }
    found = made(JobFields(command=["x"], environment=asked), ("GPU-a",))
    assert (found["CUDA_VISIBLE_DEVICES"], found["NVIDIA_VISIBLE_DEVICES"]) == ("GPU-a", "GPU-a")
    assert found["RCQ_ACCOUNT"] == "ada"
    assert "RCQ_TOKEN" not in found
    assert (found["PATH"], found["OMP_NUM_THREADS"]) == ("/mine", "1")


def test_this_person_is_the_one_who_runs_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/mine")
    monkeypatch.delenv("LANG", raising=False)
    person = this_person()
    entry = pwd.getpwuid(os.getuid())
    assert (person.name, person.home, person.path, person.language) == (entry.pw_name, entry.pw_dir, "/mine", "C.UTF-8")


def test_a_person_without_an_entry_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 3_999_999)
    monkeypatch.setenv("HOME", "/somewhere")
    person = this_person()
    assert (person.name, person.home, person.shell) == ("3999999", "/somewhere", "/bin/sh")
