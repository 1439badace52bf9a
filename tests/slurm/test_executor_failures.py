"""The slurm executor on a real cluster when something goes wrong: nothing is lost, none runs twice, ends are true."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine.core.lifecycle import Cause
from engine.core.model import JobId
from engine.executor.slurm import following, notes, request, script
from engine.executor.slurm.executor import SlurmExecutor
from engine.executor.slurm.naming import Naming
from engine.ports import CannotPause, Ending, Running
from engine.slurm.commands import Commands
from engine.slurm.errors import SlurmAway
from tests.contract.executor_sides import MISSING, TREE, WAITS, WRITES, Engine, SlurmSide, launch, until
from tests.slurm.cluster import Cluster

pytestmark = pytest.mark.slurm
ONCE = ("sh", "-c", "echo begun; until [ -e release ]; do sleep 0.02; done; exit 3")
HUGE = 200_000
"""MiB: more than any node has."""


async def next_engine(side: SlurmSide, engine: Engine) -> Engine:
    await engine.executor.close()
    return await Engine(side).open()


def output(side: SlurmSide, job: str) -> str:
    path = side.root / "jobs" / job / "stdout.log"
    return path.read_text() if path.exists() else ""


def of_slurm(engine: Engine) -> SlurmExecutor:
    assert isinstance(engine.executor, SlurmExecutor)
    return engine.executor


def id_of(side: SlurmSide, job: str) -> int:
    note = notes.read(side.root / "jobs" / job, 1)
    assert note is not None
    assert note.id is not None
    return note.id


def ever(side: SlurmSide) -> list[str]:
    """Names of all jobs of this engine that Slurm remembers."""
    names = side.cluster.run("squeue", "--noheader", "--states=all", "--format=%j").split()
    return [name for name in names if name.startswith(Naming.of(side.root).prefix)]


def close_nodes(cluster: Cluster, state: str) -> None:
    for node in cluster.nodes:
        cluster.scontrol("update", f"nodename={node.name}", f"state={state}", "reason=test")


# ------------------------------------------------------------ submissions that nobody knows the answer to


async def test_an_sbatch_that_hangs_once_it_was_accepted(slurm: Cluster, tmp_path: Path) -> None:
    tools = slurm.commands(tmp_path / "bin")
    (tools / "sbatch").unlink()
    (tools / "sbatch").write_text(f'#!/bin/sh\n{slurm.bin_dir}/sbatch "$@" >&2\nsleep 60\n')
    (tools / "sbatch").chmod(0o755)
    side = SlurmSide(tmp_path / "state", slurm, bin_dir=tools, timeout_s=1.5)
    side.root.mkdir()
    engine = await Engine(side).open()
    one = launch(side, "1", ONCE)
    with pytest.raises(SlurmAway):
        await engine.executor.start(one)
    assert isinstance(await engine.executor.start(one), Running), "found by its name"
    engine = await next_engine(side, engine)
    assert isinstance(await engine.executor.adopt(one.job, 1, one.directory), Running)
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3
    assert (output(side, "1"), len(ever(side))) == ("begun\n", 1)
    await engine.executor.close()


async def test_who_stands_in_line_for_sbatch_is_not_in_slurms_queue(slurm: Cluster, tmp_path: Path) -> None:
    tools, gate = slurm.commands(tmp_path / "bin"), tmp_path / "gate"
    (tools / "sbatch").unlink()
    (tools / "sbatch").write_text(
        f'#!/bin/sh\n{slurm.bin_dir}/sbatch "$@"\nuntil [ -e {gate} ]; do sleep 0.02; done\nrm {gate}\n'
    )
    (tools / "sbatch").chmod(0o755)
    side = SlurmSide(tmp_path / "state", slurm, bin_dir=tools)
    side.root.mkdir()
    engine = await Engine(side).open()
    close_nodes(slurm, "drain")
    starts = [asyncio.create_task(engine.executor.start(launch(side, job, ONCE))) for job in ("1", "2")]
    await until(lambda: len(side.jobs()) == 1)
    assert of_slurm(engine).health().waiting == 0
    gate.touch()
    await until(lambda: of_slurm(engine).health().waiting == 1)
    gate.touch()
    await until(lambda: of_slurm(engine).health().waiting == 2)
    close_nodes(slurm, "resume")
    assert all(isinstance(one, Running) for one in await asyncio.gather(*starts))
    assert of_slurm(engine).health().waiting == 0
    for job in ("1", "2"):
        side.release(job)
        await engine.end_of(job)
    await engine.executor.close()


async def test_an_engine_that_died_before_it_noted_the_number(side: SlurmSide, engine: Engine) -> None:
    one = launch(side, "1", ONCE)
    await engine.executor.start(one)
    note = notes.read(one.directory, 1)
    assert note is not None
    engine = await next_engine(side, engine)
    notes.write(one.directory, 1, replace(note, id=None, started_at=None))
    assert await engine.executor.adopt(one.job, 1, one.directory) is None
    assert isinstance(await engine.executor.start(one), Running)
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3
    assert (output(side, "1"), ever(side).count(note.name)) == ("begun\n", 1)
    await engine.executor.close()


async def test_two_submissions_of_one_attempt_run_it_once(side: SlurmSide, engine: Engine) -> None:
    close_nodes(side.cluster, "drain")
    one = launch(side, "1", ONCE)
    starting = asyncio.create_task(engine.executor.start(one))
    await until(lambda: len(side.jobs()) == 1)
    name = Naming.of(side.root).name(one.job, 1)
    words = request.arguments(one, name, request.Where())
    await Commands(conf=str(side.cluster.conf)).run("sbatch", *words, stdin=script.text(one))
    close_nodes(side.cluster, "resume")
    assert isinstance(await starting, Running)
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3
    await until(lambda: not side.jobs())
    assert output(side, "1") == "begun\n"


async def test_of_two_submissions_the_one_that_was_not_noted_may_run(slurm: Cluster, tmp_path: Path) -> None:
    tools, root = slurm.commands(tmp_path / "bin"), tmp_path / "state"
    (tools / "sbatch").unlink()
    (tools / "sbatch").write_text(
        f'#!/bin/sh\ncat >{tmp_path}/script\n{slurm.bin_dir}/sbatch "$@" <{tmp_path}/script >/dev/null\n'
        f"until [ -e {root}/jobs/1/claim-1 ]; do sleep 0.02; done\n"
        f'exec {slurm.bin_dir}/sbatch "$@" <{tmp_path}/script\n'
    )
    (tools / "sbatch").chmod(0o755)
    side = SlurmSide(root, slurm, bin_dir=tools)
    side.root.mkdir()
    engine = await Engine(side).open()
    assert isinstance(await engine.executor.start(launch(side, "1", ONCE)), Running)
    await until(lambda: len(side.jobs()) == 1)
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3
    assert (output(side, "1"), len(ever(side))) == ("begun\n", 2)
    await engine.executor.close()


# ------------------------------------------------------------ Slurm's admins


async def test_stop_of_what_waits_in_its_queue(side: SlurmSide, engine: Engine) -> None:
    close_nodes(side.cluster, "drain")
    starting = asyncio.create_task(engine.executor.start(launch(side, "1", ONCE)))
    await until(lambda: len(side.jobs()) == 1)
    await engine.executor.stop(JobId("1"), Cause.CANCELLED, 2.0)
    assert await starting is None
    (ending,) = engine.endings
    assert (ending.cause, ending.started_at, ending.message) == (Cause.CANCELLED, None, None)
    assert side.jobs() == []


async def test_stop_of_what_was_never_handed_in(side: SlurmSide, engine: Engine) -> None:
    one = launch(side, "1", ONCE)
    assert await engine.executor.adopt(one.job, 1, one.directory) is None
    await engine.executor.stop(one.job, Cause.CANCELLED, 2.0)
    assert [(told.cause, told.started_at) for told in engine.endings] == [(Cause.CANCELLED, None)]
    assert await engine.executor.start(one) is None
    assert ever(side) == []


async def test_an_admin_cancels_what_waits(side: SlurmSide, engine: Engine) -> None:
    close_nodes(side.cluster, "drain")
    starting = asyncio.create_task(engine.executor.start(launch(side, "1", ONCE)))
    await until(lambda: len(side.jobs()) == 1)
    standing = None
    while standing is None or not standing.state:
        await asyncio.sleep(0)
        standing = of_slurm(engine).standing(JobId("1"), 1)
    assert standing.state == "PENDING"
    side.cluster.run("scancel", str(standing.slurm_id))
    assert await starting is None
    (ending,) = engine.endings
    assert (ending.cause, ending.message) == (Cause.CANCELLED, "cancelled in Slurm, not by rcq")


async def test_an_admin_cancels_what_runs(side: SlurmSide, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE))
    await until(lambda: side.living("1") > 0)
    side.cluster.run("scancel", str(id_of(side, "1")))
    ending = await engine.end_of("1")
    assert (ending.cause, ending.message) == (Cause.CANCELLED, "cancelled in Slurm, not by rcq")
    assert ending.started_at is not None
    assert side.living("1") == 0


async def test_an_admin_requeues_what_runs(side: SlurmSide, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", ONCE))
    await until(lambda: output(side, "1") == "begun\n")
    number = str(id_of(side, "1"))
    side.cluster.scontrol("update", f"jobid={number}", "requeue=1")
    side.cluster.scontrol("requeue", number)
    ending = await engine.end_of("1")
    assert ending.cause is Cause.PREEMPTED
    assert "put it back" in (ending.message or "")
    await until(lambda: not side.jobs())
    assert isinstance(await engine.executor.start(launch(side, "1", WRITES, attempt=2)), Running)
    await until(lambda: len(engine.endings) == 2)
    assert output(side, "1") == "begun\nout\n"


async def test_a_node_that_fails(side: SlurmSide, engine: Engine) -> None:
    running = await engine.executor.start(launch(side, "1", ONCE))
    assert running is not None
    assert running.node is not None
    side.cluster.scontrol("update", f"nodename={running.node}", "state=down", "reason=test")
    ending = await engine.end_of("1")
    assert (ending.cause, ending.node) == (Cause.HOST_REBOOT, running.node)
    assert running.node in (ending.message or "")


# ------------------------------------------------------------ Slurm's memory


async def test_a_job_that_slurm_has_forgotten(fresh_slurm: Callable[..., Cluster], tmp_path: Path) -> None:
    side = SlurmSide(tmp_path, fresh_slurm(min_job_age_s=2))
    engine = await Engine(side).open()
    one = launch(side, "1", WAITS)
    running = await engine.executor.start(one)
    assert running is not None
    await engine.executor.close()
    side.release("1")
    await until(lambda: ever(side) == [])
    engine = await Engine(side).open()
    found = await engine.executor.adopt(one.job, 1, one.directory)
    assert isinstance(found, Ending)
    assert (found.cause, found.exit_code, found.started_at) == (Cause.EXIT, 3, running.started_at)
    await engine.executor.close()


async def test_a_job_that_slurm_has_forgotten_before_anybody_saw_it_run(
    fresh_slurm: Callable[..., Cluster], tmp_path: Path
) -> None:
    side = SlurmSide(tmp_path, fresh_slurm(min_job_age_s=2))
    one = launch(side, "1", WAITS)
    close_nodes(side.cluster, "drain")
    engine = await Engine(side).open()
    start = asyncio.create_task(engine.executor.start(one))
    await until(lambda: (note := notes.read(one.directory, 1)) is not None and note.id is not None)
    start.cancel()
    await engine.executor.close()
    close_nodes(side.cluster, "resume")
    side.release("1")
    await until(lambda: ever(side) == [])
    engine = await Engine(side).open()
    found = await engine.executor.adopt(one.job, 1, one.directory)
    ending = found if isinstance(found, Ending) else await engine.end_of("1")
    assert (ending.cause, ending.exit_code) == (Cause.EXIT, 3)
    assert ending.node in {"n1", "n2", "n3"}
    await engine.executor.close()


async def test_a_controller_that_is_killed_and_comes_back(fresh_slurm: Callable[..., Cluster], tmp_path: Path) -> None:
    cluster = fresh_slurm()
    side = SlurmSide(tmp_path, cluster, timeout_s=3.0)
    engine = await Engine(side).open()
    await engine.executor.start(launch(side, "1", ONCE))
    await until(lambda: output(side, "1") == "begun\n")
    cluster.kill_controller()
    with pytest.raises(SlurmAway):
        await engine.executor.start(launch(side, "2", ONCE))
    await until(lambda: not of_slurm(engine).health().up)
    side.release("1")
    await until(lambda: notes.ended(side.root / "jobs" / "1", 1) is not None)
    assert engine.endings == [], "while Slurm is away nothing ends"
    await asyncio.to_thread(cluster.start_controller)
    assert (await engine.end_of("1")).exit_code == 3
    assert isinstance(await engine.executor.start(launch(side, "2", ONCE)), Running)
    side.release("2")
    assert (await engine.end_of("2")).exit_code == 3
    assert [output(side, job) for job in ("1", "2")] == ["begun\n", "begun\n"]
    await engine.executor.close()


async def test_a_controller_that_lost_its_books(fresh_slurm: Callable[..., Cluster], tmp_path: Path) -> None:
    cluster = fresh_slurm()
    side = SlurmSide(tmp_path, cluster)
    engine = await Engine(side).open()
    close_nodes(cluster, "drain")
    starting = asyncio.create_task(engine.executor.start(launch(side, "1", ONCE)))
    await until(lambda: len(side.jobs()) == 1)
    await asyncio.to_thread(cluster.stop_controller)
    cluster.forget_jobs()
    await asyncio.to_thread(cluster.start_controller)
    await asyncio.to_thread(cluster.wait_idle)
    assert isinstance(await starting, Running), "handed in once more"
    side.release("1")
    assert (await engine.end_of("1")).exit_code == 3
    assert output(side, "1") == "begun\n"
    await engine.executor.close()


# ------------------------------------------------------------ jobs that lie, and what cannot be


async def test_a_forged_record_is_not_followed(side: SlurmSide, engine: Engine) -> None:
    forge = 'mkdir ended-1.json; ln -s /etc/passwd ended-1.json/x; ln -sf /etc/passwd exit; kill -9 "$PPID"; exit 0'
    await engine.executor.start(launch(side, "1", ("sh", "-c", forge)))
    ending = await engine.end_of("1")
    assert ending.cause in {Cause.SIGNAL, Cause.EXIT, Cause.LAUNCH_ERROR}
    assert ending.exit_code != 0, "its script did not come to its end"


async def test_no_job_says_of_itself_that_it_was_short(
    side: SlurmSide, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "BEGINS_WITHIN_S", 1.0)
    record = '{"attempt": 1, "slurm": %s, "began": 1, "ended": 1, "status": 0}'
    forge = f"sleep 4; kill -9 $PPID; printf '{record}' $SLURM_JOB_ID >ended-1.json"
    await engine.executor.start(launch(side, "1", ("sh", "-c", forge)))
    ending = await engine.end_of("1")
    assert ending.started_at is not None
    assert ending.ended_at - ending.started_at > 2.5


async def test_what_no_node_has_room_for_is_refused_in_slurms_words(side: SlurmSide, engine: Engine) -> None:
    assert await engine.executor.start(replace(launch(side, "1", ONCE), memory_mb=HUGE)) is None
    (ending,) = engine.endings
    assert ending.cause is Cause.LAUNCH_ERROR
    assert "Requested node configuration is not available" in (ending.message or "")


async def test_what_runs_there_does_not_stand_still(side: SlurmSide, engine: Engine) -> None:
    await engine.executor.pause(JobId("1"))
    await engine.executor.start(launch(side, "1", WAITS))
    with pytest.raises(CannotPause, match="Slurm"):
        await engine.executor.pause(JobId("1"))
    side.release("1")
    await engine.end_of("1")
    await engine.executor.start(launch(side, "2", MISSING))
    assert MISSING[0] in ((await engine.end_of("2")).message or "")


async def test_what_the_books_let_go_of_is_taken_back(side: SlurmSide, engine: Engine) -> None:
    close_nodes(side.cluster, "drain")
    one = launch(side, "1", ONCE)
    starting = asyncio.create_task(engine.executor.start(one))
    await until(lambda: len(side.jobs()) == 1)
    await until(lambda: (note := notes.read(one.directory, 1)) is not None and note.id is not None)
    second = await next_engine(side, engine)
    starting.cancel()
    assert await second.executor.adopt(one.job, 1, one.directory) is None
    await second.executor.sweep(lambda job, attempt: False)
    await until(lambda: side.jobs() == [])
    await second.executor.close()


async def test_what_the_books_do_not_know_is_cancelled(side: SlurmSide, engine: Engine) -> None:
    await engine.executor.start(launch(side, "1", TREE))
    second = await next_engine(side, engine)
    await second.executor.sweep(lambda job, attempt: False)
    await until(lambda: side.jobs() == [])
    assert side.living("1") == 0
    await second.executor.close()
