"""What a service manager hears from the engine, on a real socket; and the form of its log lines."""

import asyncio
import logging
import os
import socket
from contextlib import contextmanager

import pytest

from engine.daemon.loglines import JournalFormatter, goes_to_journal
from engine.daemon.servicemanager import ServiceManager


@pytest.fixture
def heard(tmp_path):
    """The service manager's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        yield line


def words(line):
    found = []
    try:
        while True:
            found.append(line.recv(4096).decode())
    except BlockingIOError:
        return found


@contextmanager
def telling(manager, fit, status=lambda: "busy"):
    task = asyncio.get_running_loop().create_task(manager.keep_told(fit, status))
    yield task
    task.cancel()


def environ(heard, **more):
    return {"NOTIFY_SOCKET": heard.getsockname(), **more}


async def test_without_a_service_manager_nothing_is_said_and_nothing_waits():
    manager = ServiceManager({"WATCHDOG_USEC": "1000"})
    manager.ready()
    manager.stopping()
    await asyncio.wait_for(manager.keep_told(lambda: True, lambda: ""), 5)
    assert manager.every_s is None


async def test_it_says_what_it_is_told_and_keeps_the_variables_from_its_children(heard):
    given = environ(heard, WATCHDOG_USEC="3000000", WATCHDOG_PID=str(os.getpid()), LANG="C")
    manager = ServiceManager(given)
    assert given == {"LANG": "C"}
    assert manager.every_s == 1.5
    manager.ready()
    manager.status("two\nlines")
    manager.stopping()
    assert words(heard) == ["READY=1", "STATUS=two lines", "STOPPING=1"]


def test_a_watchdog_of_another_process_or_without_a_number_is_none(heard):
    assert ServiceManager(environ(heard, WATCHDOG_USEC="3000000", WATCHDOG_PID="1")).every_s is None
    assert ServiceManager(environ(heard, WATCHDOG_USEC="soon")).every_s is None
    assert ServiceManager(environ(heard, WATCHDOG_USEC="0")).every_s is None


async def test_the_watchdog_is_fed_while_the_engine_is_fit_and_not_a_word_longer(heard, until, caplog):
    fit = [True]
    with telling(ServiceManager(environ(heard, WATCHDOG_USEC="20000")), lambda: fit[0]):
        seen = []
        await until(lambda: seen.extend(words(heard)) or seen.count("WATCHDOG=1") >= 3)
        fit[0] = False
        await until(lambda: "restart this engine" in caplog.text)
        words(heard)
        seen.clear()
        await until(lambda: seen.extend(words(heard)) or seen.count("STATUS=busy") >= 3)
        assert set(seen) == {"STATUS=busy"}
        fit[0] = True
        await until(lambda: "WATCHDOG=1" in words(heard))
    assert caplog.text.count("restart this engine") == 1


async def test_a_service_manager_that_went_away_ends_nothing(heard, tmp_path, caplog):
    manager = ServiceManager(environ(heard))
    (tmp_path / "notify").unlink()
    manager.ready()
    assert "could not be told READY" in caplog.text


def test_an_abstract_name_is_spoken_to():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("")  # the kernel picks one
        ServiceManager({"NOTIFY_SOCKET": "@" + line.getsockname()[1:].decode()}).ready()
        assert line.recv(100) == b"READY=1"


def test_each_line_for_the_journal_has_its_priority_and_no_time():
    form = JournalFormatter()
    try:
        raise ValueError("one\ntwo")
    except ValueError as error:
        trouble = (ValueError, error, error.__traceback__)
    said = form.format(logging.LogRecord("rcq", logging.ERROR, "f.py", 1, "It %s.", ("failed",), trouble)).split("\n")
    assert said[0] == "<3>rcq: It failed."
    assert said[-2:] == ["<3>  ValueError: one", "<3>  two"]
    levels = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.CRITICAL: 2}
    for level, number in levels.items():
        assert form.format(logging.LogRecord("a", level, "f.py", 1, "b", (), None)) == f"<{number}>a: b"


def test_only_a_standard_error_that_is_the_journals_counts():
    mine = os.fstat(2)
    assert goes_to_journal({"JOURNAL_STREAM": f"{mine.st_dev}:{mine.st_ino}"})
    assert not goes_to_journal({"JOURNAL_STREAM": f"{mine.st_dev}:{mine.st_ino + 1}"})
    assert not goes_to_journal({})
