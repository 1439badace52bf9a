"""Metrics of the appliance: the engine keeps its sandbox, systemd opens the port for this machine alone."""

import pytest

from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.slow]
SETTINGS = """
[metrics]
listen = "/run/rcq/metrics.sock"
job_mapping_dir = "/run/rcq/jobs-on-gpus"
"""
READ = "import urllib.request as web; print(web.urlopen('http://127.0.0.1:9838/metrics', timeout=5).read().decode())"


def read(box: Appliance, user: str | None = None) -> str:
    """What a reader on the machine gets; nothing where nobody answers."""
    return box.machine.run("/usr/bin/python3", "-c", READ, user=user).out


def is_fit(box: Appliance, user: str | None = None) -> bool:
    return "\nrcq_healthy 1.0\n" in read(box, user)


def test_a_port_that_systemd_opens_leads_to_the_engine(own_box: Appliance) -> None:
    machine = own_box.machine
    machine.run("sh", "-c", "cat >>/etc/rcq/rcq.toml", text=SETTINGS).good()
    machine.run("systemctl", "restart", "rcq-engine").good()
    until(own_box.engine_answers, own_box.patience_s)
    assert not read(own_box)
    machine.run("systemctl", "enable", "--now", "rcq-metrics.socket").good()
    until(lambda: is_fit(own_box), own_box.patience_s)
    unit = own_box.unit("rcq-metrics.service", "ActiveState", "MainPID")
    assert unit["ActiveState"] == "active"
    owner = machine.run("ps", "-o", "user=", "-p", unit["MainPID"]).good().strip()
    assert owner not in ("root", "rcq")
    assert is_fit(own_box, "user1")
    (line,) = [line for line in machine.run("rcq", "doctor").out.splitlines() if "  metrics  " in line]
    assert line.startswith("ok"), line
    machine.run("systemctl", "restart", "rcq-engine").good()
    until(lambda: is_fit(own_box), own_box.patience_s)


def test_files_for_dcgm_exporter_can_be_read_by_everybody(own_box: Appliance) -> None:
    machine = own_box.machine
    machine.run("sh", "-c", "cat >>/etc/rcq/rcq.toml", text=SETTINGS).good()
    machine.run("systemctl", "restart", "rcq-engine").good()
    until(own_box.engine_answers, own_box.patience_s)
    number = own_box.script("user1", "sleep 600", "--gpus", "1")

    def shown() -> list[str]:
        told = machine.run("runuser", "-u", "user2", "--", "sh", "-c", "cat /run/rcq/jobs-on-gpus/[0-9]*").out
        return told.split()

    until(lambda: shown() == [str(number)], own_box.patience_s)
    own_box.rcq("user1", "cancel", str(number))
    until(lambda: not shown(), own_box.patience_s)
