"""What sbatch is asked for, what an attempt is called, and times by two clocks."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.model import GpuUuid, JobId, Shape
from engine.executor.slurm.attempt import Attempt
from engine.executor.slurm.naming import Naming
from engine.executor.slurm.notes import Note, read, write
from engine.executor.slurm.request import Where, arguments
from engine.ports import Launch
from engine.slurm.jobs import SlurmJob
from tests.contract.executor_sides import OK, RealSide, launch


def asked(root: Path, shape: Shape, gpus: tuple[str, ...] = (), **more: int) -> Launch:
    one = launch(RealSide(root), "1", OK)
    key = replace(one.lease.key, shape=shape)
    lease = replace(one.lease, key=key, gpus=tuple(map(GpuUuid, gpus)))
    return replace(one, lease=lease, **more)  # type: ignore[arg-type]


def test_all_of_a_request_is_asked_for(tmp_path: Path) -> None:
    one = asked(tmp_path / "100%", Shape(cpu_cores=4), memory_mb=900, time_limit_s=61)
    words = arguments(
        one, "rcq-0-1.1", Where(partition="gpu", account="bio", qos=None, extra=("--requeue", "--nice=5"))
    )
    assert words[:4] == ["--requeue", "--nice=5", "--partition=gpu", "--account=bio"]
    assert {"--cpus-per-task=4", "--mem=900M", "--time=3", "--nodes=1", "--job-name=rcq-0-1.1"} <= set(words)
    assert f"--output={tmp_path}/100%%/jobs/1/stdout.log" in words
    assert words.index("--no-requeue") > words.index("--requeue"), "what rcq says counts"
    assert not any(word.startswith(("--gres", "--qos")) for word in words)


def test_no_memory_asked_is_slurms_default(tmp_path: Path) -> None:
    assert not any("--mem" in word for word in arguments(asked(tmp_path, Shape()), "x", Where()))


@pytest.mark.parametrize(
    ("shape", "gpus", "gres"),
    [
        (Shape(gpus=2), ("slurm/n1/a100/0", "slurm/n1/a100/1"), "--gres=gpu:2"),
        (Shape(gpus=1, gpu_type="a100"), ("slurm/n1/a100/3",), "--gres=gpu:a100:1"),
        (Shape(gpus=1, gpu_memory_mb=9), ("slurm/n1/h100/0",), "--gres=gpu:h100:1"),
        (Shape(gpus=1, gpu_type="gpu"), ("slurm/n1/gpu/0",), "--gres=gpu:1"),
    ],
)
def test_a_type_is_named_where_the_request_cares(
    tmp_path: Path, shape: Shape, gpus: tuple[str, ...], gres: str
) -> None:
    assert gres in arguments(asked(tmp_path, shape, gpus), "x", Where())


def test_names_tell_engines_apart(tmp_path: Path) -> None:
    mine = Naming.of(tmp_path)
    assert Naming.of(tmp_path).instance == mine.instance
    name = mine.name(JobId("42"), 3)
    assert mine.named(name) == ("42", 3)
    for strange in ("train", "rcq-00000000-42.3", f"{name}x", f"{mine.prefix}42.0"):
        assert mine.named(strange) is None
    (tmp_path / "slurm-instance").write_text("no\n")
    with pytest.raises(ValueError, match="eight hexadecimal digits"):
        Naming.of(tmp_path)


@pytest.mark.parametrize("off", [0, -3600, 3600])
async def test_a_clock_of_slurms_that_is_another(tmp_path: Path, off: int) -> None:
    note = Note(name="x", asked_at=1000.0)
    attempt = Attempt(job=JobId("1"), attempt=1, directory=tmp_path, name="x", note=note)
    attempt.seen = SlurmJob(
        id=1, name="x", state="PENDING", submitted_at=1000 + off, started_at=1300 + off, expected_start=1300 + off
    )
    assert attempt.ours(attempt.seen.expected_start) == 1300.0
    assert attempt.started_at(now=1301.0) == 1300.0
    attempt.waiting_at = 1300.5
    assert attempt.started_at(now=1301.0) == 1300.5, "it was seen to wait then"
    assert attempt.started_at(now=1299.0) <= 1299.0


def test_a_note_comes_back_as_it_was(tmp_path: Path) -> None:
    note = Note(name="x", asked_at=1.5, user="ada", id=7, started_at=2.5, node="n1", gpus=(GpuUuid("slurm/n1/gpu/0"),))
    write(tmp_path, 2, note)
    assert read(tmp_path, 2) == note
    assert read(tmp_path, 1) is None
