"""Any job that can be submitted comes back as it was written; command lines for listings."""

import asyncio
import shlex
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.bookkeeping import KnownJob, NewJob
from engine.core.model import AccountName, GroupKey, GroupName, Owner, ServiceName, Shape
from engine.protocol.fields import WHENS, After, JobFields
from engine.store.request import COMMAND_LINE_CHARACTERS, command_line
from engine.store.store import Store

TEXT = st.text(max_size=20)
WORDS = st.lists(TEXT, max_size=4)
SMALL = st.integers(0, 2**31)
MAP = st.dictionaries(TEXT, TEXT, max_size=3)
FIELDS = st.builds(
    JobFields,
    job_id=st.none() | TEXT,
    name=st.none() | TEXT,
    command=st.none() | WORDS,
    script=st.none() | TEXT,
    args=WORDS,
    group=st.none() | TEXT,
    service=st.none() | TEXT,
    gpus=SMALL,
    gpu_type=st.none() | TEXT,
    gpu_memory_mb=SMALL,
    gpu_share=st.booleans(),
    cpu_cores=SMALL,
    memory_mb=SMALL,
    time_limit_s=st.none() | SMALL,
    priority=st.integers(1, 10),
    preemptible=st.booleans(),
    idle_ok=st.booleans(),
    anywhere=st.booleans(),
    gpu_power_w=st.none() | SMALL,
    workdir=st.none() | TEXT,
    environment=MAP,
    image=st.none() | TEXT,
    after=st.lists(st.builds(After, id=SMALL, when=st.sampled_from(WHENS)), max_size=3),
    begin=st.none() | st.floats(0, 1e11),
    cron=st.none() | TEXT,
    tags=MAP,
    submitted_at=st.none() | st.floats(0, 1e12),
)
SHAPES = st.builds(
    Shape,
    gpus=SMALL,
    gpu_type=st.none() | TEXT,
    gpu_memory_mb=SMALL,
    share=st.booleans(),
    cpu_cores=SMALL,
    memory_mb=SMALL,
    time_limit_s=SMALL,
)
KEYS = st.builds(
    GroupKey,
    owner=st.builds(Owner, account=TEXT.map(AccountName), group=TEXT.map(GroupName)),
    service=st.none() | TEXT.map(ServiceName),
    priority=st.integers(1, 10),
    preemptible=st.booleans(),
    shape=SHAPES,
    anywhere=st.booleans(),
)
JOBS = st.lists(st.builds(NewJob, fields=FIELDS, key=KEYS, submitted_at=st.floats(0, 1e12)), min_size=1, max_size=5)


async def through_a_store(jobs: list[NewJob]) -> tuple[list[NewJob], list[JobFields], list[KnownJob]]:
    """The jobs that were taken, and what two lives of a store make of them."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "rcq.db"
        store = Store.open(path, half_life_s=1.0)
        added = await store.jobs.add(jobs)
        await store.close()
        store = Store.open(path, half_life_s=1.0)
        fields = [await store.jobs.fields(job) for job in added if job is not None]
        known = list(store.jobs.unended())
        await store.close()
    return [job for job, number in zip(jobs, added, strict=True) if number is not None], fields, known


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JOBS)
def test_jobs_come_back_as_they_were_written(jobs: list[NewJob]) -> None:
    taken, fields, known = asyncio.run(through_a_store(jobs))
    assert fields == [job.fields for job in taken]
    assert [(each.key, each.submitted_at) for each in known] == [(job.key, job.submitted_at) for job in taken]
    assert all(type(each.gpu_share) is type(each.preemptible) is type(each.anywhere) is bool for each in fields)
    assert all(
        type(each.key.shape.share) is type(each.key.preemptible) is type(each.key.anywhere) is bool for each in known
    )


@given(WORDS, WORDS)
def test_a_short_command_line_means_the_command(command: list[str], args: list[str]) -> None:
    line = command_line(JobFields(command=command, args=args))
    if len(line) < COMMAND_LINE_CHARACTERS:
        assert shlex.split(line) == [*command, *args]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        (JobFields(command=["python", "train.py"], args=["--lr", "0.1"]), "python train.py --lr 0.1"),
        (JobFields(command=["sh", "-c", "a && b"]), "sh -c 'a && b'"),
        (JobFields(command=["echo", "a b", "c"]), "echo 'a b' c"),
        (JobFields(command=["echo", ""]), "echo ''"),
        (
            JobFields(script="#!/bin/bash\n#RCQ --gpus 2\n\n  # load\n  module load cuda \npython x.py\n"),
            "#module load cuda",
        ),
        (JobFields(script="#!/bin/bash\n"), "#"),
        (JobFields(command=["#x"]), "'#x'"),
        (JobFields(command=["x" * 1_000_000]), "x" * COMMAND_LINE_CHARACTERS),
        (JobFields(command=["echo", "\ud800"]), "echo '?'"),
    ],
)
def test_a_command_line(fields: JobFields, line: str) -> None:
    assert command_line(fields) == line


def test_a_command_line_is_cut_whatever_the_arguments() -> None:
    many = JobFields(command=["it's"] * 100_000)
    assert len(command_line(many)) == COMMAND_LINE_CHARACTERS
