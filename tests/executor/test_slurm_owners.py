"""Whose a job of Slurm's is: a name is no proof, and Slurm has to know the user."""

from pathlib import Path
from typing import Any, cast

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor.slurm import ends
from engine.executor.slurm.attempt import Attempt
from engine.executor.slurm.ends import Facts
from engine.executor.slurm.notes import Note
from engine.executor.slurm.request import Where
from engine.executor.slurm.submission import Submission
from engine.slurm.commands import Commands, name_in_slurm
from engine.slurm.errors import SlurmAway
from engine.slurm.jobs import SlurmJob

NAME = "rcq-0a1b2c3d-7.1"


class Slurm:
    """What `squeue` lists, and what `sacct` prints if there is accounting."""

    def __init__(self, *jobs: SlurmJob, sacct: str | None = None) -> None:
        self.listed = jobs
        self.sacct = sacct

    async def jobs(self, max_age_s: float) -> tuple[SlurmJob, ...]:
        return self.listed

    async def run(self, program: str, *arguments: str) -> str:
        assert program == "sacct"
        if self.sacct is None:
            raise SlurmAway("Slurm accounting storage is disabled")
        return self.sacct


async def found(slurm: Slurm, directory: Path, user: str | None) -> int | None:
    submission = Submission(cast(Any, slurm), cast(Any, slurm), Where(), lambda: 1000.0)
    attempt = Attempt(job=JobId("7"), attempt=1, directory=directory, name=NAME, began=cast(Any, None))
    attempt.note = Note(name=NAME, asked_at=900.0, user=user)
    return await submission.find(attempt)


def job(number: int, user: str) -> SlurmJob:
    return SlurmJob(id=number, name=NAME, state="PENDING", user=user)


async def test_another_persons_job_of_the_same_name_is_not_taken_for_the_attempt(tmp_path: Path) -> None:
    assert await found(Slurm(job(3, "mallory"), job(4, "ada")), tmp_path, "ada") == 4
    assert await found(Slurm(job(3, "mallory")), tmp_path, "ada") is None


async def test_nor_in_the_accounting(tmp_path: Path) -> None:
    line = "{}|{}|COMPLETED|0:0|2026-11-23T03:00:00|2026-11-23T03:00:09|n1|{}|0\n"
    printed = line.format(3, NAME, "mallory")
    assert await found(Slurm(sacct=printed), tmp_path, "ada") is None
    assert await found(Slurm(sacct=printed + line.format(4, NAME, "ada")), tmp_path, "ada") == 4


async def test_where_there_is_no_sacct_there_is_no_accounting(tmp_path: Path) -> None:
    class Without(Slurm):
        async def run(self, program: str, *arguments: str) -> str:
            return await Commands(bin_dir=str(tmp_path)).run(program, *arguments)

    assert await found(Without(), tmp_path, "ada") is None


async def test_an_engine_that_submits_as_itself_knows_its_own(tmp_path: Path) -> None:
    assert await found(Slurm(job(3, "mallory"), job(4, name_in_slurm(None))), tmp_path, None) == 4


@pytest.mark.parametrize(
    ("claimed", "cause", "words"),
    [
        (True, Cause.PREEMPTED, "next attempt"),
        (False, Cause.LAUNCH_ERROR, "know the job's Unix user by one and the same number"),
    ],
)
def test_what_slurm_puts_back_before_it_began_is_not_tried_for_ever(claimed: bool, cause: Cause, words: str) -> None:
    """A controller that does not know the uid does so each time."""
    facts = Facts(
        job=JobId("7"),
        attempt=1,
        slurm=SlurmJob(id=3, name=NAME, state="CANCELLED", restarts=1),
        record=None,
        asked=None,
        claimed=claimed,
        started_at=None,
        ended_at=1000.0,
        put_back=True,
    )
    ending = ends.ending(facts)
    assert ending.cause is cause
    assert words in (ending.message or "")
