"""Metrics of the appliance: the engine keeps its sandbox, systemd opens the port, and only this machine gets through."""

import pytest

from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.slow]
SETTINGS = """
[metrics]
listen = "/run/rcq/metrics.sock"
job_mapping_dir = "/run/rcq/jobs-on-gpus"
"""
HERE = "http://127.0.0.1:9838/metrics"


def test_a_port_that_systemd_opens_leads_to_the_engine(own_box: Appliance) -> None:
    machine = own_box.machine
    machine.run("sh", "-c", "cat >>/etc/rcq/rcq.toml", text=SETTINGS).good()
    machine.run("systemctl", "restart", "rcq-engine").good()
    until(own_box.engine_answers, own_box.patience_s)
    assert machine.run("curl", "-fsS", HERE).code != 0
    machine.run("systemctl", "enable", "--now", "rcq-metrics.socket").good()
    until(lambda: "\nrcq_healthy 1.0\n" in machine.run("curl", "-fsS", HERE).out, own_box.patience_s)
    unit = own_box.unit("rcq-metrics.service", "ActiveState", "MainPID")
    assert unit["ActiveState"] == "active"
    owner = machine.run("ps", "-o", "user=", "-p", unit["MainPID"]).good().strip()
    assert owner not in ("root", "rcq")
    assert machine.run("runuser", "-u", "user1", "--", "curl", "-fsS", HERE).code == 0
    assert "metrics" in machine.run("rcq", "doctor").out
    machine.run("systemctl", "restart", "rcq-engine").good()
    until(lambda: "\nrcq_healthy 1.0\n" in machine.run("curl", "-fsS", HERE).out, own_box.patience_s)


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
