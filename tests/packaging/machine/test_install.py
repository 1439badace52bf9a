"""`install.sh --system` on a booted Debian: from nothing to the first finished job; what systemd says of the units."""

import re

import pytest

from tests.packaging.machine.appliance import Appliance, install
from tests.packaging.machine.nspawn import Nspawn

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]
UNITS = (
    "rcq-engine.service",
    "rcq-launcher.service",
    "rcq-launcher.socket",
    "rcq-notifier.service",
    "rcq-notifier.socket",
    "rcq-metrics.service",
    "rcq-metrics.socket",
    "rcq-jobs.slice",
)


def test_from_nothing_to_the_first_job_of_user1(bare: Nspawn) -> None:
    bare.run("useradd", "-m", "boss").good()
    assert bare.run("sh", "-c", "command -v rcq").code != 0
    first = install(bare)
    first.good()
    password = re.search(r"password \(shown only now\): (\S+)", first.err)
    assert password, first.err

    appliance = Appliance(bare)
    bare.run("usermod", "-aG", "rcq-users", "user1").good()
    appliance.rcq("boss", "account", "add", "user1", "--unix-user", "user1", "--no-password")
    job = appliance.submit("user1", "--", "id")
    assert appliance.ended(job)["state"] == "completed"
    assert appliance.log(job, "user1") == bare.run("id", user="user1").good()

    again = install(bare)
    assert again.good() == ""
    assert "nothing to do" in again.err
    assert password[1] not in again.err


def test_systemd_finds_no_fault_in_the_units(box: Appliance, capsys: pytest.CaptureFixture[str]) -> None:
    verified = box.machine.run("systemd-analyze", "verify", "--man=no", *UNITS)
    engine = box.machine.run("systemd-analyze", "security", "--no-pager", "rcq-engine.service").good()
    launcher = box.machine.run("systemd-analyze", "security", "--no-pager", "rcq-launcher.service").good()
    notifier = box.machine.run("systemd-analyze", "security", "--no-pager", "rcq-notifier.service").good()
    with capsys.disabled():
        word = (verified.out + verified.err).strip() or "no word"
        print("\nsystemd-analyze verify:", word, f"\n{engine}\n{launcher}\n{notifier}")
    assert (verified.code, verified.out + verified.err) == (0, "")
    for told, most in ((engine, 2.0), (launcher, 2.0), (notifier, 2.0)):
        exposure = re.search(r"Overall exposure level for \S+: ([\d.]+)", told)
        assert exposure, told
        assert float(exposure[1]) <= most
