"""Jobs' units on a real systemd: the warning, what is left over, what only the owner may remove, other attempts."""

import os
import subprocess
from dataclasses import replace

from engine.core.lifecycle import Cause
from engine.executor.systemd import SystemdExecutor
from tests.contract.executor_sides import ALL_OF_TREE, OK, TREE, WAITS, Engine, launch, until
from tests.inside.systemd_side import SystemdSide, as_root

HEEDS = "trap 'echo warned; exit 5' USR1; echo ready; while :; do sleep 0.05; done"


def systemctl(*words: str) -> None:
    """As an administrator."""
    with as_root():
        subprocess.run(["systemctl", *words], check=True)


async def test_the_warning_reaches_who_heeds_it_and_kills_nobody(side: SystemdSide, engine: Engine) -> None:
    one = launch(side, "1", ("sh", "-c", f"sh -c '{HEEDS.replace(chr(39), chr(34))}' & wait $!; exit 9"))
    await engine.executor.start(replace(one, time_limit_s=30.0, warn_before_s=29.5))
    ending = await engine.end_of("1")
    assert ((one.directory / "stdout.log").read_text(), ending.cause, ending.exit_code) == (
        "ready\nwarned\n",
        Cause.EXIT,
        9,
    )


async def test_a_warning_is_given_once_whoever_is_the_engine(side: SystemdSide, engine: Engine) -> None:
    script = "trap 'echo warned' USR1; until [ -e release ]; do sleep 0.05; done"
    one = replace(launch(side, "1", ("sh", "-c", script)), time_limit_s=30.0, warn_before_s=29.9)
    await engine.executor.start(one)
    await until((one.directory / "warned-1").exists)
    await engine.executor.close()
    second = await Engine(side).open()
    await second.executor.adopt(one.job, 1, one.directory)
    side.release("1")
    assert (await second.end_of("1")).exit_code == 0
    assert (one.directory / "stdout.log").read_text() == "warned\n"
    await second.executor.close()


async def test_what_a_job_leaves_behind_ends_with_it(side: SystemdSide, engine: Engine) -> None:
    """Before its end is told: nobody holds the card any more."""
    for job, code in (("1", 0), ("2", 3)):
        await engine.executor.start(
            launch(side, job, ("sh", "-c", f"(trap '' TERM; setsid sleep 300) & sleep 0.1; exit {code}"))
        )
        ending = await engine.end_of(job)
        assert (ending.cause, ending.exit_code, side.living(job)) == (Cause.EXIT, code, 0)


async def test_an_end_is_kept_until_it_is_on_disk(side: SystemdSide, engine: Engine) -> None:
    one = launch(side, "1", ("sh", "-c", "exit 4"))
    await engine.executor.start(one)
    await engine.end_of("1")
    await engine.executor.close()
    second = await Engine(side).open()
    found = await second.executor.adopt(one.job, 1, one.directory)
    assert getattr(found, "exit_code", None) == 4
    second.executor.forget(one.job)
    await until(lambda: side.units() == "")
    await second.executor.close()


async def test_what_nobody_knows_is_swept_away(side: SystemdSide, engine: Engine) -> None:
    for job, argv in (("1", TREE), ("2", WAITS), ("3", OK)):
        await engine.executor.start(launch(side, job, argv))
    await engine.end_of("3")
    await until(lambda: side.living("1") == ALL_OF_TREE)
    await engine.executor.close()
    second = await Engine(side).open()
    await second.executor.sweep(lambda job, attempt: job == "2")
    await until(lambda: [line.split()[0] for line in side.units().splitlines()] == ["rcq-job-2.service"])
    assert side.living("1") == 0
    assert side.living("2") > 0
    assert second.endings == []
    side.release("2")
    await second.executor.close()


async def test_an_end_that_was_just_found_is_not_swept_away(side: SystemdSide, engine: Engine) -> None:
    """The engine that found it may die before it is on disk: the next one has to find it, too."""
    one = launch(side, "1", ("sh", "-c", "echo ran; exit 4"))
    await engine.executor.start(one)
    await engine.end_of("1")
    await engine.executor.close()
    for _ in range(2):
        (one.directory / "exit").unlink()  # the unit alone has to do
        again = await Engine(side).open()
        assert getattr(await again.executor.adopt(one.job, 1, one.directory), "exit_code", None) == 4
        await again.executor.sweep(lambda job, attempt: False)
        assert "rcq-job-1.service" in side.units()
        await again.executor.start(one)
        await again.executor.close()
    assert (one.directory / "stdout.log").read_text() == "ran\n"


async def test_a_record_of_the_jobs_own_counts_nothing(side: SystemdSide, engine: Engine) -> None:
    """It says that it was stopped for another reason, and that it may run for ever."""
    forge = (
        'rm -f run-1.json; echo \'{"cause": "preempted"}\' > stop-1;'
        'echo \'{"limit_s": 1e9, "cores": []}\' > run-1.json; echo x > stdout.log'
    )
    one = launch(side, "1", ("sh", "-c", f"{forge}; touch done; sleep 300"), time_limit_s=2.0)
    await engine.executor.start(one)
    await until((one.directory / "done").exists)
    await engine.executor.close()
    second = await Engine(side).open()
    await second.executor.adopt(one.job, 1, one.directory)
    assert isinstance(second.executor, SystemdExecutor)
    assert [attempt.cause for attempt in second.executor._of(one.job)] == [None]
    await second.executor.stop(one.job, Cause.CANCELLED, 1.0)
    assert (await second.end_of("1")).cause is Cause.CANCELLED
    await second.executor.close()


async def test_logs_are_files_of_the_engines_own(side: SystemdSide, engine: Engine) -> None:
    """What an attempt put in their place is not written to by the next one."""
    target = side.root / "target"
    target.touch()
    target.chmod(0o666)
    swap = f"rm -f stdout.log stderr.log; ln -s {target} stdout.log; mkfifo stderr.log; exit 3"
    await engine.executor.start(launch(side, "1", ("sh", "-c", swap)))
    await engine.end_of("1")
    await engine.executor.start(launch(side, "1", ("sh", "-c", "echo out; echo err >&2"), attempt=2))
    await until(lambda: len(engine.endings) == 2)
    place = side.root / "jobs" / "1"
    assert target.read_text() == ""
    assert [(place / f"{name}.log").read_text() for name in ("stdout", "stderr")] == ["out\n", "err\n"]


async def test_only_the_owner_can_remove_some_files(side: SystemdSide, engine: Engine) -> None:
    one = launch(
        side,
        "1",
        ("sh", "-c", "mkdir -p deep/er; touch deep/er/x; chmod 0 deep/er deep; mkdir -m 700 own; touch own/y"),
    )
    await engine.executor.start(one)
    await engine.end_of("1")
    assert isinstance(engine.executor, SystemdExecutor)
    await engine.executor.tasks.remove(one.directory, os.stat(one.directory / "own").st_uid)  # noqa: PTH116
    assert os.listdir(one.directory) == []  # noqa: PTH208 - names are all that is wanted


async def test_a_new_launcher_holds_on_to_what_the_one_before_held(side: SystemdSide, engine: Engine) -> None:
    """An administrator stops a unit: how it ended stays, until that is on disk."""
    await engine.executor.start(launch(side, "1", WAITS))
    systemctl("kill", "--signal=KILL", "rcq-launcher.service")
    await engine.executor.start(launch(side, "2", OK))  # it goes through a new one
    systemctl("stop", "rcq-job-1.service")
    await until(lambda: len(engine.endings) == 2)
    ending = next(one for one in engine.endings if one.job == "1")
    assert (ending.cause, ending.signal, ending.message) == (Cause.SIGNAL, 15, None)
