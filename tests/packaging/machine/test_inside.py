"""The tests that are at home inside a machine with systemd: the executors' contract, the launcher, its units."""

import pytest

from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]


def test_the_tests_inside_pass_inside(own_box: Appliance, capsys: pytest.CaptureFixture[str]) -> None:
    run = own_box.machine.run
    # An engine that sweeps would take the tests' jobs for leftovers of its own.
    run("systemctl", "stop", "rcq-engine.service").good()
    run("gpasswd", "-d", "user2", "rcq-users").good()  # the tests know of one who may and one who may not
    command = ["python3", "-P", "-m", "pytest", "-p", "no:cacheprovider", "-q", "/checkout/tests/inside"]
    environment = {"PYTHONPATH": "/checkout:/packages", "PYTHONDONTWRITEBYTECODE": "1", "RCQ_INSIDE": "1"}
    ran = run(*command, environment=environment, timeout_s=600)
    with capsys.disabled():
        print(f"\n{ran.out[-6000:]}{ran.err[-2000:]}")
    assert ran.code == 0
    assert " passed" in ran.out
