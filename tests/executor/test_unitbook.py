"""Which units there are, and whose a process is by its control group."""

import pytest

from engine.executor.unitbook import GROUP

OF_USER = "/user.slice/user-1000.slice/user@1000.service/app.slice"


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
