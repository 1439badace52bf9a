"""The notifier as a unit: started by what the engine has to send, with a network, away from the engine's files."""

import pytest

from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.slow]

# The mail server of the machine, in a namespace that the engine cannot reach, for one mail.
SERVER = """
import socketserver
class Talk(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 here\\r\\n")
        for line in self.rfile:
            word = line.strip().upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\\r\\n")
                open("/tmp/mail", "ab").write(b"".join(iter(self.rfile.readline, b".\\r\\n")))
            self.wfile.write(b"250 fine\\r\\n")
socketserver.TCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 25), Talk).serve_forever()
"""
SETTINGS = """
[notify]
mail = "smtp"
summary_s = 0.5
command = ["/bin/sh", "-c", "cat; id -un; ls /var/lib/rcq /run/rcq; true"]
"""


def test_mail_and_a_program_from_a_unit_that_has_nothing_but_the_network(own_box: Appliance) -> None:
    machine = own_box.machine
    machine.run("sh", "-c", "cat >>/etc/rcq/rcq.toml", text=SETTINGS).good()
    machine.run("sh", "-c", "cat >/tmp/server.py", text=SERVER).good()
    machine.run("systemd-run", "--unit=mailserver", "/opt/rcq/current/bin/python", "/tmp/server.py").good()
    machine.run("systemctl", "restart", "rcq-engine").good()
    until(own_box.engine_answers, own_box.patience_s)
    assert own_box.unit("rcq-notifier.service", "ActiveState")["ActiveState"] == "inactive"
    own_box.rcq("user1", "notify", "set", "--mail", "user1@example.org", "--command")
    told = own_box.rcq("user1", "notify", "test")
    assert told.count(" sent: ") == 2, told
    number = own_box.script("user1", "exit 3")
    own_box.ended(number)
    until(lambda: f"Job {number}" in machine.run("cat", "/tmp/mail").out, own_box.patience_s)
    unit = own_box.unit("rcq-notifier.service", "ActiveState", "MainPID", "User")
    assert (unit["ActiveState"], unit["User"]) == ("active", "rcq-notifier")
    said = machine.run("journalctl", "-q", "-u", "rcq-notifier", "-o", "cat").good()
    assert f'"id": {number}' in said
    assert "rcq.db" not in said
    assert "rcq.sock" not in said
    assert machine.run("runuser", "-u", "user1", "--", "curl", "--unix-socket", "/run/rcq-notifier.sock", "x").code != 0
    until(lambda: own_box.unit("rcq-notifier.service", "ActiveState")["ActiveState"] == "inactive", 150.0)
    own_box.rcq("user1", "notify", "test")
