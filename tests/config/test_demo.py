"""The demo's people, cards and jobs: everything is accepted, can run, and tells the stories it is there for."""

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

import config
from config.load import load
from config.settings import SimulatedCard
from engine.api.formats import Csv, Ndjson
from engine.core.model import Shape
from engine.core.placement.possible import impossible
from engine.core.snapshot import Gpu, Host
from engine.gpu.simulated import SimulatedCardSpec, SimulatedGpus
from engine.protocol.fields import JobFields
from engine.readings import GpuLoad

DEMO = Path(config.__file__).parent / "demo"
SETTINGS = load(DEMO / "rcq.toml")
PEOPLE = tomllib.loads((DEMO / "people.toml").read_text(encoding="utf-8"))
FILES = sorted((DEMO / "jobs").iterdir())
LIMIT = 1_048_576


def jobs_of(file: Path) -> list[JobFields]:
    reader = Csv(LIMIT) if file.suffix == ".csv" else Ndjson(LIMIT)
    lines = [*reader.feed(file.read_bytes()), *reader.finish()]
    found = [reader.parse(line) for line in lines]
    refused = [job for job in found if not isinstance(job, JobFields)]
    assert not refused, [(job.message, job.details) for job in refused]
    return [job for job in found if isinstance(job, JobFields)]


JOBS = {file.stem: jobs_of(file) for file in FILES}
ALL = [job for jobs in JOBS.values() for job in jobs]


def specs() -> list[SimulatedCardSpec]:
    return [
        SimulatedCardSpec(**card.model_dump(exclude={"count", "load"}))
        for card in SETTINGS.gpu.simulated
        for _ in range(card.count)
    ]


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at


def cards() -> list[Gpu]:
    readings = SimulatedGpus(specs(), list, Clock()).read()
    return [
        Gpu(uuid=reading.uuid, index=reading.index, model=reading.model, memory_mb=reading.memory_mb)
        for reading in readings
    ]


def shape_of(job: JobFields) -> Shape:
    assert job.time_limit_s is not None
    return Shape(
        gpus=job.gpus,
        gpu_type=job.gpu_type,
        gpu_memory_mb=job.gpu_memory_mb,
        share=job.gpu_share,
        cpu_cores=job.cpu_cores,
        memory_mb=job.memory_mb,
        time_limit_s=job.time_limit_s,
    )


def quota_of(account: str) -> dict[str, Any]:
    group = next(one["group"] for one in PEOPLE["accounts"] if one["name"] == account)
    return next(one.get("quota", {}) for one in PEOPLE["groups"] if one["name"] == group)


def test_settings_and_the_providers_cards_have_the_same_fields_and_defaults() -> None:
    """The spec is filled from the settings field by field; one that drifts would be lost on the way."""
    of_settings = {name: field.default for name, field in SimulatedCard.model_fields.items()}
    assert of_settings.pop("count") == 1
    assert of_settings.pop("load") == 0.9
    assert {field.name: field.default for field in fields(SimulatedCardSpec)} == of_settings


def test_there_are_four_cards_of_two_kinds() -> None:
    assert SETTINGS.gpu.provider == "simulated"
    assert [card.model for card in cards()] == ["NVIDIA RTX A6000"] * 3 + ["NVIDIA A100-SXM4-80GB"]


def test_people_and_files_belong_together() -> None:
    accounts = [account["name"] for account in PEOPLE["accounts"]]
    groups = [group["name"] for group in PEOPLE["groups"]]
    assert PEOPLE["accounts"][0]["role"] == "admin"
    assert sorted(JOBS) == sorted(accounts[1:])
    assert {account["group"] for account in PEOPLE["accounts"]} == set(groups)
    assert {file.suffix for file in FILES} == {".ndjson", ".csv"}


def test_the_workload_is_small_and_named() -> None:
    assert 24 <= len(ALL) <= 30
    for jobs in JOBS.values():
        names = [job.job_id for job in jobs]
        assert len(set(names)) == len(names)
        assert all(job.name and job.time_limit_s and job.time_limit_s <= 20 for job in jobs)


@pytest.mark.parametrize("job", ALL, ids=lambda job: job.name)
def test_every_job_can_run_on_the_demos_host(job: JobFields) -> None:
    host = Host(cpu_cores=SETTINGS.scheduling.cpu_cores or 0, memory_mb=SETTINGS.scheduling.memory_mb or 0)
    assert impossible(shape_of(job), cards(), host) == ()


@pytest.mark.parametrize("account", JOBS)
def test_no_job_is_larger_than_its_groups_quota(account: str) -> None:
    limit = quota_of(account).get("gpus", len(cards()))
    assert all(job.gpus <= limit for job in JOBS[account])


def test_every_kind_of_job_is_there() -> None:
    assert [job.name for job in ALL if job.gpus == 4] == ["vit-large-4gpu"]
    assert any(job.gpus == 2 for job in ALL)
    assert sum(job.gpu_share and job.gpu_memory_mb > 0 for job in ALL) >= 3
    assert sum(job.gpus == 0 for job in ALL) >= 3
    assert sum(job.gpu_type == "a100" for job in ALL) == 2
    assert any(job.script and "\n" in job.script for job in ALL)


def test_what_is_expected_to_fail_says_so() -> None:
    expected = {job.name: job for job in ALL if job.tags.get("expect", "completed") != "completed"}
    assert set(expected) == {"broken-checkpoint", "runaway-generation"}
    assert all(job.tags["expect"] == "failed" for job in expected.values())
    broken, runaway = (expected[name].command or [] for name in ("broken-checkpoint", "runaway-generation"))
    assert broken[-1].endswith("exit 3")
    assert "seq 60" in runaway[-1]
    assert expected["runaway-generation"].time_limit_s == 3


def test_a_group_has_more_work_than_its_quota() -> None:
    wanted = sum(job.gpus for job in JOBS["bob"])
    assert wanted > 2 * quota_of("bob")["gpus"]


def test_simulated_work_is_told_in_numbers_and_fits_the_cards() -> None:
    for job in ALL:
        if job.gpus:
            assert 0 < float(job.tags["sim_load"]) <= 1
            assert 0 < int(job.tags["sim_memory_mb"]) <= (81_920 if job.gpu_type == "a100" else 49_140)
            if job.gpu_share:
                assert int(job.tags["sim_memory_mb"]) <= job.gpu_memory_mb


def test_the_a100_is_hot_at_first_and_ready_after_a_few_seconds() -> None:
    clock = Clock()
    provider = SimulatedGpus(specs(), list, clock)
    assert degrees(provider, 3) >= SETTINGS.thermal.threshold_c
    clock.at = 2.0
    assert degrees(provider, 3) > SETTINGS.thermal.resume_c
    clock.at = 6.0
    assert degrees(provider, 3) < SETTINGS.thermal.resume_c


def test_a_heavy_job_on_the_a100_makes_it_too_hot_for_the_next() -> None:
    """However late the workload comes in: the second job for this card is held back by heat."""
    clock = Clock()
    loads: list[GpuLoad] = []
    provider = SimulatedGpus(specs(), lambda: loads, clock)
    clock.at = 600.0
    uuid = provider.read()[3].uuid
    heavy = next(job for job in ALL if job.gpu_type == "a100")
    loads.append(GpuLoad(gpu=uuid, load=float(heavy.tags["sim_load"]), memory_mb=1))
    provider.read()
    clock.at += 7.0
    assert degrees(provider, 3) >= SETTINGS.thermal.threshold_c


def test_the_other_cards_get_warm_and_stay_in_use() -> None:
    clock = Clock()
    provider = SimulatedGpus(specs(), lambda: [GpuLoad(gpu=uuid, load=0.95, memory_mb=1)], clock)
    uuid = cards()[0].uuid
    provider.read()
    clock.at = 60.0
    assert 65.0 < degrees(provider, 0) < SETTINGS.thermal.threshold_c
    assert max(float(job.tags["sim_load"]) for job in ALL if job.gpus and job.gpu_type != "a100") <= 0.95


def degrees(provider: SimulatedGpus, index: int) -> float:
    temperature = provider.read()[index].temperature_c
    assert temperature is not None
    return temperature
