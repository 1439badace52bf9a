"""Whose a process on a card is: a job's, rcq's own, a stranger's, or nobody's that can be seen. The pids are real."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from types import SimpleNamespace

import psutil
import pytest

from engine.core.model import AccountName, GpuUuid, JobId
from engine.daemon.attribution import Acquaintances, ProcessAttribution
from engine.daemon.carduse import CardUse
from engine.readings import GpuProcess, GpuReading

CARD = GpuUuid("GPU-a")
ME = psutil.Process().username()


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    """A process of another session, whose parent is not this one: rcq's own children are no strangers."""
    with subprocess.Popen(["sh", "-c", "setsid sleep 300 & echo $!"], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        pid = int(shell.stdout.readline())
        shell.wait()
    process = psutil.Process(pid)
    while process.name() != "sleep":
        time.sleep(0.001)
    yield process
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill()


class Host:
    """An attribution whose jobs, leases and readiness the test sets."""

    def __init__(self, *leased: GpuUuid) -> None:
        self.leased = frozenset(leased)
        self.jobs: dict[int, JobId] = {}
        self.ready = True
        self.attribution = ProcessAttribution(SimpleNamespace(leased=lambda: self.leased))
        self.attribution.introduce(
            Acquaintances(job_of=self.jobs.get, accounts=lambda: {ME: AccountName("ann")}, ready=lambda: self.ready)
        )

    def use(self, used_mb: int, *processes: tuple[int, int | None], told: bool = True) -> CardUse:
        self.attribution.prepare()
        return self.read(used_mb, *processes, told=told)

    def read(self, used_mb: int, *processes: tuple[int, int | None], told: bool = True) -> CardUse:
        reading = GpuReading(
            uuid=CARD,
            index=0,
            model="NVIDIA RTX A6000",
            memory_mb=48_000,
            read_at=0.0,
            memory_used_mb=used_mb,
            processes=tuple(GpuProcess(pid=pid, memory_mb=mb) for pid, mb in processes) if told else None,
        )
        return self.attribution.uses([reading])[CARD]


def test_a_stranger_is_told_with_user_command_and_account(sleeper):
    found = Host().use(3000, (sleeper.pid, 2900))
    (stranger,) = found.strangers
    assert (stranger.pid, stranger.user, stranger.command) == (sleeper.pid, ME, "sleep 300")
    assert (stranger.account, stranger.memory_mb) == ("ann", 2900)
    assert (found.held_mb, found.leaked_mb) == (0, 100)


def test_a_stranger_beside_a_job_is_seen(sleeper):
    host = Host(CARD)
    host.jobs[os.getpid()] = JobId("7")
    found = host.use(9000, (os.getpid(), 6000), (sleeper.pid, 2500))
    assert (found.held_mb, dict(found.jobs), len(found.strangers)) == (6500, {"7": 6000}, 1)
    assert [(job, process.pid) for job, process in found.processes] == [("7", os.getpid())]


def test_a_job_launched_after_the_leases_were_taken_down_is_no_stranger(sleeper):
    host = Host()
    host.attribution.prepare()
    host.jobs[sleeper.pid] = JobId("7")
    found = host.read(4000, (sleeper.pid, 3800))
    assert (found.held_mb, found.strangers) == (4000, ())


def test_a_job_that_ended_since_keeps_its_memory_in_that_reading(sleeper):
    host = Host(CARD)
    host.jobs[sleeper.pid] = JobId("7")
    assert host.use(4000, (sleeper.pid, 3800)).held_mb == 4000
    host.leased = frozenset()
    host.jobs.clear()
    sleeper.kill()
    while psutil.pid_exists(sleeper.pid):
        time.sleep(0.001)
    found = host.use(4000, (sleeper.pid, 3800))
    assert (found.held_mb, found.strangers, found.leaked_mb) == (4000, (), 0)


def test_memory_that_no_process_explains_is_leaked_on_an_idle_card_and_ours_on_a_leased_one():
    assert Host().use(5000).leaked_mb == 5000
    found = Host(CARD).use(5000)
    assert (found.held_mb, found.leaked_mb) == (5000, 0)


def test_memory_that_is_not_told_for_each_process(sleeper):
    idle = Host().use(5000, (sleeper.pid, None))
    assert (idle.held_mb, idle.leaked_mb, idle.strangers[0].memory_mb) == (0, 0, None)
    leased = Host(CARD)
    leased.jobs[os.getpid()] = JobId("7")
    found = leased.use(5000, (os.getpid(), None), (sleeper.pid, None))
    assert (found.held_mb, dict(found.jobs)) == (5000, {}), "what known strangers do not explain is ours"


def test_where_processes_are_not_told_a_lease_means_all_of_the_card():
    assert Host(CARD).use(5000, told=False).held_mb == 5000
    assert Host().use(5000, told=False).held_mb == 0


def test_rcqs_own_processes_are_no_strangers():
    child = subprocess.Popen(["sleep", "300"])
    try:
        found = Host().use(900, (os.getpid(), 300), (child.pid, 500))
        assert (found.strangers, found.held_mb, found.leaked_mb) == ((), 800, 100)
    finally:
        child.kill()
        child.wait()


def test_a_process_that_the_host_does_not_show():
    hidden = 2**22 + 7  # beyond any pid
    idle = Host()
    assert idle.use(3000, (hidden, 3000)).strangers == (), "it may just have ended"
    (stranger,) = idle.use(3000, (hidden, 3000)).strangers
    assert (stranger.user, stranger.command, stranger.account) == ("", "", None)
    leased = Host(CARD)
    leased.use(3000, (hidden, 3000))
    found = leased.use(3000, (hidden, 3000))
    assert (found.held_mb, found.strangers) == (3000, ()), "the holder's, in a container of its own"


def test_before_all_running_jobs_are_known_nobody_is_a_stranger(sleeper):
    host = Host()
    host.ready = False
    found = host.use(3000, (sleeper.pid, 2900))
    assert (found.strangers, found.held_mb) == ((), 0)


def test_hostile_command_lines_are_data(sleeper):
    with subprocess.Popen(
        ["sh", "-c", "setsid bash -c 'exec -a \"\x1b[2J[red]evil\" sleep 300' & echo $!"],
        stdout=subprocess.PIPE,
        text=True,
    ) as shell:
        assert shell.stdout is not None
        pid = int(shell.stdout.readline())
    evil = psutil.Process(pid)
    try:
        while evil.cmdline() != ["\x1b[2J[red]evil", "300"]:
            time.sleep(0.001)
        (stranger,) = Host().use(3000, (pid, 2900)).strangers
        assert stranger.command == "\x1b[2J[red]evil 300"
    finally:
        evil.kill()
