"""Whether a repeat of a key asks for what its job was asked for, as the books hold it."""

import dataclasses

import pytest

from engine.daemon.sameness import differing
from engine.protocol.fields import After, JobFields
from engine.store.keys import Asked


def job(**fields):
    return JobFields(**{"command": ["true"], **fields})


RICH = {
    "job_id": "k",
    "name": "train",
    "args": ["--lr", "0.1"],
    "gpus": 1,
    "gpu_memory_mb": 1000,
    "gpu_share": True,
    "environment": {"A": "1", "B": ""},
    "tags": {"sweep": "x"},
    "retries": 2,
    "begin": 2_000_000.0,
    "submitted_at": 7.0,
}


@pytest.mark.parametrize(
    "fields",
    [
        {"job_id": "k"},
        RICH,
        {"job_id": "k", "array": "0-3%2", "name": "a", "gpus": 1},
        {"job_id": "k", "priority": 5, "time_limit_s": 86_400},
        {"job_id": "k", "group": "bio", "workdir": "/", "idle_ok": True},
        {"job_id": "k", "cron": "0 3 * * *"},
    ],
)
async def test_what_was_written_down_is_the_same_when_it_comes_again(world, fields):
    number = await world.submit(**fields)
    assert await world.jobs.differences(world.ann, [(number, job(**fields))]) == [[]]
    given = {"name": "other", "retries": 3, "priority": 6}
    assert await world.jobs.differences(world.ann, [(number, job(**{**fields, **given}))]) == [
        ["name", "priority", "retries"]
    ]


async def test_order_and_strangers(world):
    mine = await world.submit(job_id="k", after=[])
    theirs = await world.submit(world.bob, job_id="k")
    asked = [(theirs, job(job_id="k")), (mine, job(job_id="k", after=[After(id=theirs)])), (mine, job(job_id="k"))]
    assert await world.jobs.differences(world.ann, asked) == [["job_id"], ["after"], []]


async def test_an_edit_since_is_a_difference(world):
    number = await world.submit(job_id="k", name="x")
    await world.jobs.edit(world.ann, number, {"priority": 7})
    assert await world.jobs.differences(world.ann, [(number, job(job_id="k", name="x"))]) == [["priority"]]


def test_gpu_memory_that_the_engine_raised_is_none():
    before = job(job_id="k", gpus=1, gpu_memory_mb=1000, gpu_share=True)
    grown = dataclasses.replace(before, gpu_memory_mb=1536, gpu_share=False)
    assert differing(before, Asked(fields=grown, oom_retries=1)) == []
    assert differing(before, Asked(fields=grown, oom_retries=0)) == ["gpu_memory_mb", "gpu_share"]
