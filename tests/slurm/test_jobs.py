"""Slurm's jobs read out of what its commands print: as recorded from 22.05, and in the form of later versions."""

import json
from pathlib import Path

import pytest

from engine.slurm.errors import SlurmAway, SlurmRefused, SlurmUnread, refusal
from engine.slurm.hostlist import gpus, hosts
from engine.slurm.jobs import Phase, Share, of_sacct, of_scontrol, of_squeue

RECORDED = Path(__file__).parent / "recorded"
SCONTROL = (
    "JobId=4 JobName=rcq-deadbeef-1.1 UserId=root(0) GroupId=root(0) JobState=RUNNING Reason=None Dependency=(null) "
    "Requeue=1 Restarts=2 BatchFlag=1 ExitCode=0:0 SubmitTime=2026-11-23T02:58:06 StartTime=1795402686 "
    "EndTime=2026-11-23T03:03:06 Partition=main NodeList=n1 NumNodes=1 NumCPUs=2 Comment=(null) WorkDir=/tmp/a b"
)


def set_(number: int) -> dict[str, object]:
    return {"set": True, "infinite": False, "number": number}


NEWER = {
    "job_id": 17,
    "name": "train",
    "user_name": "ada",
    "job_state": ["FAILED", "COMPLETING"],
    "state_reason": "NonZeroExitCode",
    "exit_code": {"status": ["ERROR"], "return_code": set_(3), "signal": {"id": {"set": False, "number": 0}}},
    "submit_time": set_(100),
    "start_time": set_(160),
    "end_time": set_(220),
    "restart_cnt": 1,
    "cpus": set_(6),
    "nodes": "gpu[01-02]",
    "gres_detail": ["gpu:a100:2(IDX:0,3)", "gpu:a100:1(IDX:2)"],
    "job_resources": {
        "nodes": {
            "list": "gpu[01-02]",
            "allocation": [
                {"name": "gpu01", "cpus": {"count": 4}, "memory": {"allocated": 900}},
                {"name": "gpu02", "cpus": {"count": 2}, "memory": {"allocated": set_(300)}},
            ],
        }
    },
}


def test_as_22_05_prints_them() -> None:
    running, waiting, failed = of_squeue((RECORDED / "squeue-22.05.json").read_text())
    assert (running.id, running.name, running.user, running.phase) == (4, "rcq-deadbeef-1.1", "root", Phase.RUNNING)
    assert running.holds == (Share(node="n1", cores=2, memory_mb=100, gpus=(("a100", 0),)),)
    assert (running.started_at, running.ended_at, running.node) == (1795402686, None, "n1")
    assert (waiting.phase, waiting.reason, waiting.expected_start) == (Phase.WAITING, "BeginTime", 1795406286)
    assert (waiting.started_at, waiting.holds, waiting.node) == (None, (), None)
    assert (failed.phase, failed.exit_code, failed.signal, failed.duration_s) == (Phase.ENDED, 3, None, 0)
    assert failed.holds == ()


def test_as_later_versions_print_them() -> None:
    (job,) = of_squeue(json.dumps({"jobs": [NEWER], "errors": []}))
    assert (job.state, job.phase, job.exit_code, job.signal, job.restarts) == ("FAILED", Phase.CLOSING, 3, None, 1)
    assert (job.submitted_at, job.started_at, job.ended_at) == (100, 160, 220)
    assert job.nodes == (
        Share(node="gpu01", cores=4, memory_mb=900, gpus=(("a100", 0), ("a100", 3))),
        Share(node="gpu02", cores=2, memory_mb=300, gpus=(("a100", 2),)),
    )


@pytest.mark.parametrize(
    ("told", "code", "signal"),
    [
        (768, 3, None),
        (9, None, 9),
        (set_(15), None, 15),
        ({"return_code": set_(0), "signal": {"signal_id": 9, "name": "KILL"}}, None, 9),
        ({"return_code": set_(0), "signal": {"id": set_(15), "name": "TERM"}}, None, 15),
    ],
)
def test_exit_codes_of_every_version(told: object, code: int | None, signal: int | None) -> None:
    (job,) = of_squeue(json.dumps({"jobs": [{**NEWER, "exit_code": told}]}))
    assert (job.exit_code, job.signal) == (code, signal)


@pytest.mark.parametrize(
    ("states", "phase"),
    [
        ("COMPLETING", Phase.CLOSING),
        ("CONFIGURING", Phase.WAITING),
        (["RUNNING", "CONFIGURING"], Phase.WAITING),
        (["PENDING", "REQUEUED"], Phase.WAITING),
        ("SUSPENDED", Phase.RUNNING),
        (["NODE_FAIL"], Phase.ENDED),
        ("OUT_OF_MEMORY", Phase.ENDED),
    ],
)
def test_where_a_job_stands(states: object, phase: Phase) -> None:
    (job,) = of_squeue(json.dumps({"jobs": [{**NEWER, "job_state": states}]}))
    assert job.phase is phase


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "slurm_load_jobs error",
        "[]",
        '{"jobs": 1}',
        '{"jobs": [{"job_id": 1}]}',
        '{"jobs": [{"job_id": "x", "job_state": "RUNNING"}]}',
    ],
)
def test_an_unknown_form_says_so(printed: str) -> None:
    with pytest.raises(SlurmUnread):
        of_squeue(printed)


def test_no_jobs_beside_an_error_is_no_answer() -> None:
    with pytest.raises(SlurmAway):
        of_squeue('{"jobs": [], "errors": [{"error": "Unspecified error"}]}')
    assert of_squeue('{"jobs": [], "errors": []}') == ()


def test_scontrol() -> None:
    job = of_scontrol(f"{SCONTROL}\n")
    assert job is not None
    assert (job.id, job.name, job.user, job.state, job.restarts) == (4, "rcq-deadbeef-1.1", "root", "RUNNING", 2)
    assert (job.submitted_at, job.started_at, job.node, job.comment) == (1795402686, 1795402686, "n1", "")
    assert of_scontrol("No jobs in the system\n") is None


def test_scontrol_of_a_job_whose_directory_is_called_as_its_fields() -> None:
    job = of_scontrol(f"{SCONTROL} WorkDir=/home/ada/x JobId=y Restarts=z JobState=COMPLETED\n")
    assert job is not None
    assert (job.id, job.state, job.restarts) == (4, "RUNNING", 2)


def test_sacct() -> None:
    one, two = of_sacct(
        "7|rcq-0-1.1|CANCELLED by 1000|0:15|100|160|n1|ada|0\n8|x|PENDING|0:0|Unknown|Unknown|None assigned|ada|\n"
    )
    assert (one.state, one.reason, one.signal, one.duration_s, one.node) == ("CANCELLED", "by 1000", 15, 60, "n1")
    assert (two.phase, two.node, two.started_at) == (Phase.WAITING, None, None)
    with pytest.raises(SlurmUnread):
        of_sacct("7|too|short\n")


def test_hosts_and_cards() -> None:
    assert hosts("gpu[01-03,7]-a,x") == ("gpu01-a", "gpu02-a", "gpu03-a", "gpu7-a", "x")
    assert gpus("gpu:2(IDX:0-1),gpu:a100:0(IDX:),gpu:h100:4(S:0-1)") == (
        ("", 2, (0, 1)),
        ("a100", 0, ()),
        ("h100", 4, ()),
    )


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)", SlurmAway),
        ("sbatch: error: Batch job submission failed: Socket timed out on send/recv operation", SlurmAway),
        ("sbatch: error: Munge encode failed: Failed to access socket (Did you start munged?)", SlurmAway),
        (
            "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates …",
            SlurmAway,
        ),
        (
            "sbatch: error: AssocGrpSubmitJobsLimit\nsbatch: error: Batch job submission failed: Job violates …",
            SlurmAway,
        ),
        ("sbatch: error: Batch job submission failed: Required partition not available (inactive or drain)", SlurmAway),
        ("", SlurmAway),
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", SlurmRefused),
        ("sbatch: error: invalid partition specified: nope", SlurmRefused),
    ],
)
def test_away_and_refused_are_told_apart(said: str, kind: type[Exception]) -> None:
    assert type(refusal("sbatch", 1, said)) is kind
