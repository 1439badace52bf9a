"""Which units there are, in whatever order one hears of them, and whose a process is by its control group."""

import os
from typing import Any

import pytest

from engine.core.model import JobId
from engine.executor.unitbook import GROUP, UnitBook, job_of
from engine.executor.unitstate import Phase, Unit

OF_USER = "/user.slice/user-1000.slice/user@1000.service/app.slice"
ENDED = {"ActiveState": "failed", "SubState": "failed", "ExecMainCode": 1}
LEFT = {"ActiveState": "active", "SubState": "exited", "ExecMainCode": 1}
RUNS = {"ActiveState": "active", "SubState": "running", "ExecMainCode": 0}


def news(state: dict[str, Any], job: int = 7, attempt: int = 1) -> dict[str, Any]:
    return {"unit": f"rcq-job-{job}.service", "Description": f"rcq job {job}, attempt {attempt}", **state}


class Heard:
    def __init__(self) -> None:
        self.changed: list[Phase] = []
        self.gone: list[str] = []
        self.book = UnitBook(lambda unit: self.changed.append(unit.phase), self.gone.append)


def test_news_that_come_late_take_nothing_back() -> None:
    """The answer to a start told that it had ended; how it began is heard after that."""
    heard = Heard()
    answer = Unit.of(news(LEFT))
    assert answer is not None
    assert heard.book.newer(answer) is answer
    heard.book.heard(news(RUNS))
    assert heard.changed == []
    assert heard.book.one(JobId("7"), 1) is answer
    heard.book.heard(news(ENDED))
    assert heard.changed == [Phase.ENDED]


def test_the_next_attempt_begins_anew() -> None:
    heard = Heard()
    heard.book.heard(news(ENDED))
    heard.book.heard(news(RUNS, attempt=2))
    assert heard.changed == [Phase.ENDED, Phase.RUNNING]
    assert [unit.attempt for unit in heard.book.of(JobId("7"))] == [2]


def test_what_a_list_does_not_name_is_gone() -> None:
    heard = Heard()
    heard.book.listed([news(RUNS), news(RUNS, job=8)])
    heard.book.listed([news(RUNS, job=8)])
    assert heard.gone == ["rcq-job-7.service"]
    assert [unit.job for unit in heard.book.all()] == ["8"]
    heard.book.heard({"unit": "rcq-job-8.service", "ActiveState": "gone"})
    heard.book.heard({"unit": "rcq-job-8.service", "ActiveState": "gone"})
    assert heard.gone == ["rcq-job-7.service", "rcq-job-8.service"]


def test_this_process_is_no_jobs() -> None:
    assert job_of(os.getpid()) is None
    assert job_of(4_000_000) is None


@pytest.mark.parametrize(
    ("told", "job"),
    [
        ("0::/rcq.slice/rcq-jobs.slice/rcq-job-42.service\n", "42"),
        ("0::/rcq.slice/rcq-jobs.slice/rcq-job-42.service/deeper\n", "42"),
        ("1:name=systemd:/rcq.slice/rcq-jobs.slice/rcq-job-7.scope\n0::/x\n", "7"),
        ("0::/rcq.slice/rcq-jobs.slice/rcq-task-42.service\n", None),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", None),
        # what `systemd-run --user --unit=…` makes of it, and who makes the whole path anew below the own log-in
        (f"0::{OF_USER}/rcq-job-42.service\n", None),
        (f"0::{OF_USER}/rcq.slice/rcq-jobs.slice/rcq-job-42.service\n", None),
        (f"0::{OF_USER}/1:x:/rcq.slice/rcq-jobs.slice/rcq-job-42.service\n", None),
    ],
)
def test_a_process_is_a_jobs_only_in_the_slice_of_jobs(told: str, job: str | None) -> None:
    found = GROUP.search(told)
    assert (found and found[1]) == job
