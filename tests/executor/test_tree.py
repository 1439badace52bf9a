"""Who is who in /proc."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.executor import tree
from tests.executor.conftest import until


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "300"]) as process:
        yield process
        process.kill()


def test_a_process_is_known_by_pid_and_start(child: subprocess.Popen[bytes]) -> None:
    found = tree.stat(child.pid)
    assert found is not None
    assert (found.parent, found.session) == (os.getpid(), os.getsid(0))
    assert tree.is_alive(child.pid, found.start)
    assert not tree.is_alive(child.pid, found.start + 1)


async def test_a_zombie_is_not_alive(child: subprocess.Popen[bytes]) -> None:
    found = tree.stat(child.pid)
    assert found is not None
    child.kill()
    await until(lambda: not tree.is_alive(child.pid, found.start))
    assert child.returncode is None, "not reaped yet"


def test_a_name_full_of_parentheses_does_not_confuse() -> None:
    code = "import sys; open('/proc/self/comm', 'w').write(') Z 1 (('); print('ready', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = tree.stat(process.pid)
        process.kill()
    assert found is not None
    assert found.parent == os.getpid()


def test_a_signal_reaches_only_the_very_process(child: subprocess.Popen[bytes]) -> None:
    found = tree.stat(child.pid)
    assert found is not None
    tree.send(tree.Stat(found.pid, found.parent, found.session, found.start + 1), signal.SIGKILL)
    assert child.poll() is None
    tree.send(found, signal.SIGTERM)
    assert child.wait(10) == -signal.SIGTERM
    tree.send(found, signal.SIGTERM)  # gone: nothing happens


def test_descendants_are_found_over_generations() -> None:
    processes = {pid: tree.Stat(pid, parent, 1, 1) for pid, parent in ((2, 1), (3, 2), (4, 3), (5, 1), (6, 9))}
    assert [one.pid for one in tree.descendants([2], processes)] == [3, 4]
    assert sorted(one.pid for one in tree.descendants([1], processes)) == [2, 3, 4, 5]


def test_who_wants_a_signal(child: subprocess.Popen[bytes]) -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        assert tree.wants(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not tree.wants(child.pid, signal.SIGUSR1)
    assert not tree.wants(0, signal.SIGUSR1)


@pytest.mark.parametrize(("name", "wanted"), [("podman", False), ("podman-init", False), ("train", True)])
def test_who_would_hand_a_signal_on_to_who_may_not_handle_it_does_not_count(
    tmp_path: Path, name: str, *, wanted: bool
) -> None:
    program = tmp_path / name
    shutil.copy("/bin/bash", program)
    script = "trap : USR1; echo ready; while :; do sleep 0.1; done"
    with subprocess.Popen([str(program), "-c", script], stdout=subprocess.PIPE, start_new_session=True) as one:
        assert one.stdout is not None
        assert one.stdout.readline() == b"ready\n"
        try:
            assert tree.wants(one.pid, signal.SIGUSR1) is wanted
        finally:
            os.killpg(one.pid, signal.SIGKILL)
