"""Commands in the foreground on the appliance: as their owner, in their own unit, at the terminal they came from."""

import pytest

from tests.packaging.machine.answer import until
from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]
LISTENS = """
import os, socket
listener = socket.socket(socket.AF_UNIX)
os.umask(0)
listener.bind("/tmp/theirs")
listener.listen()
print("ready", flush=True)
connection = listener.accept()[0]
connection.settimeout(30)
print(connection.recv(100), flush=True)
"""
POSTS = """
import json, socket
body = json.dumps({"command": ["touch", "begun"], "foreground": "/tmp/theirs"}).encode()
with socket.socket(socket.AF_UNIX) as link:
    link.connect("/run/rcq/rcq.sock")
    head = f"POST /v1/jobs HTTP/1.1\\r\\nHost: rcq\\r\\nConnection: close\\r\\nContent-Length: {len(body)}\\r\\n"
    link.sendall(head.encode() + b"Content-Type: application/json\\r\\n\\r\\n" + body)
    print(link.makefile().read())
"""


def test_pipes_and_exit_code(box: Appliance) -> None:
    told = 'id -un; pwd; grep -m1 -o "rcq-job-.*" /proc/self/cgroup; echo "$RCQ_JOB_ID $CUDA_VISIBLE_DEVICES"'
    script = f"cat; {told}; exit 3"
    ran = box.machine.run("rcq", "run", "--gpus", "1", "--", "sh", "-c", script, user="user1", text="given\n")
    assert ran.code == 3, ran.err
    given, name, place, group, told = ran.out.splitlines()
    number, card = told.split()
    assert (given, name, place) == ("given", "user1", "/home/user1")
    assert group == f"rcq-job-{number}.service"
    assert box.job(int(number))["gpu_uuids"] == [card]
    assert "in the foreground" in box.log(int(number), "user1")


def test_a_terminal(box: Appliance) -> None:
    """`script` gives rcq one; the job's is another, which it may open, and no card with it."""
    inside = "tty; stty size; cat /dev/nvidia0; echo through >/dev/tty; exit 4"
    shell = f'stty rows 33 cols 77; rcq shell -- sh -c "{inside}"; echo code $?'
    ran = box.machine.run("script", "-qec", shell, "/dev/null", user="user1", environment={"SHELL": "/bin/sh"})
    lines = [line.strip() for line in ran.out.replace("^@", "").splitlines()]  # as `script` ends its input
    assert lines[0].startswith("job "), ran.out + ran.err
    assert lines[1].startswith("/dev/pts/")
    assert lines[2] == "33 77"
    assert "Operation not permitted" in lines[3]
    assert lines[4:6] == ["through", "code 4"]


def test_who_goes_away_leaves_nothing(box: Appliance) -> None:
    run = box.machine.run
    job = "trap '' HUP; echo ready; while :; do sleep 0.05; done"
    begin = f'rcq run -- sh -c "{job}" >said & pid=$!; until grep -q ready said; do sleep 0.1; done; kill -9 $pid'
    run("bash", "-c", begin, user="user1").good()
    number = max(box.jobs("--state", "running,failed"))
    assert box.ended(number)["signal"] == 9
    until(lambda: f"rcq-job-{number}." not in run("systemctl", "list-units", "--all", "--plain").out, 30.0)


def test_a_cancel_ends_a_shell_that_takes_no_notice_of_sigterm(box: Appliance) -> None:
    begin = "mkfifo -m 600 keys; script -qfec 'rcq shell -- bash --norc' told <keys >/dev/null & exec 9>keys"
    wait = "until grep -q 'no GPU' told; do sleep 0.1; done"
    box.machine.run("bash", "-c", f"{begin}; {wait}; rcq cancel --all-mine --yes; wait", user="user1").good()
    last = box.job(max(box.jobs("--state", "cancelled")))
    assert (last["command"], last["signal"]) == (["bash", "--norc"], 1)


def test_a_socket_of_somebody_else_learns_nothing(box: Appliance) -> None:
    run = box.machine.run
    run("bash", "-c", 'nohup python3 -c "$(cat)" >/tmp/theirs-heard 2>&1 </dev/null &', user="user2", text=LISTENS)
    until(lambda: "ready" in run("cat", "/tmp/theirs-heard").out, 30.0)
    assert "201" in run("python3", "-c", POSTS, user="user1").good().splitlines()[0]
    number = max(box.jobs("--state", "pending,scheduled,running,failed"))
    assert box.ended(number)["exit_code"] == 1
    assert "belongs to the Unix user" in box.rcq("user1", "logs", "--stderr", str(number))
    assert run("cat", "/tmp/theirs-heard").good().split() == ["ready", "b''"]
