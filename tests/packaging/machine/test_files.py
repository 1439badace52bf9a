"""Staged files on the appliance: read and placed with their owner's rights, and nobody else's."""

import pytest

from tests.packaging.machine.appliance import Appliance

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(900)]
SECRET = "hush-4712"


def test_a_file_is_its_owners_there_and_nobody_elses(box: Appliance) -> None:
    run = box.machine.run
    run(
        "sh",
        "-c",
        f"umask 077; echo {SECRET} >mine.txt; printf '#!/bin/sh\\necho ran\\n' >tool; chmod 700 tool",
        user="user1",
    ).good()
    text = 'cd "$RCQ_JOB_DIR"; cat mine.txt conf/again; ./tool; stat -c "%U %G" mine.txt conf; echo more >>mine.txt'
    text += "; sleep 1000"
    job = box.script("user1", text, "--file", "mine.txt", "--file", "conf/again=mine.txt", "--file", "tool")
    box.wait(job, "running")
    said = f"{SECRET}\n{SECRET}\nran\nuser1 user1\nuser1 user1\n"
    place = f"/var/lib/rcq/jobs/{job}"
    run("sh", "-c", f"until grep -q more {place}/mine.txt; do sleep 0.1; done", user="user1").good()
    assert box.log(job, "user1") == said

    made = ("mine.txt", "conf/again", "conf", "tool")
    [uid] = {run("stat", "-c", "%u", f"{place}/{name}").good().strip() for name in made}
    assert uid == run("id", "-u", "user1").good().strip()
    [upload, _, _] = [one["upload"] for one in box.job(job)["files"]]
    original = f"/var/lib/rcq/staged/{upload}"
    assert run("cat", original).good() == f"{SECRET}\n"  # root alone
    for user in ("user1", "user2"):
        assert "Permission denied" in run("cat", original, user=user).err
        assert "Permission denied" in run("ls", "/var/lib/rcq/staged", user=user).err
    assert "Permission denied" in run("cat", f"{place}/mine.txt", user="user2").err
    assert run("stat", "-c", "%U %a", original).good() == "rcq 600\n"

    box.rcq("user1", "cancel", str(job))
    assert box.ended(job)["state"] == "cancelled"


def test_what_its_owner_may_not_read_is_not_sent(box: Appliance) -> None:
    box.machine.run("sh", "-c", "umask 077; echo x >own", user="user2").good()
    refused = box.machine.run("rcq", "submit", "--file", "/home/user2/own", "--", "true", user="user1")
    assert (refused.code, "Permission denied" in refused.err) == (2, True)


def test_elements_of_an_array_get_their_own_side_by_side(box: Appliance) -> None:
    box.machine.run("sh", "-c", "head -c 20000000 /dev/zero >zeros", user="user1").good()
    text = 'cd "$RCQ_JOB_DIR"; stat -c "%s %U" zeros; cat zeros >/dev/null'
    first = box.script("user1", text, "--array", "0-7", "--file", "zeros")
    for job in range(first, first + 8):
        assert box.ended(job)["state"] == "completed"
        assert box.log(job) == "20000000 user1\n"


def test_a_link_in_the_way_ends_the_attempt_in_words(box: Appliance) -> None:
    """The second attempt meets what the first one left: with its owner's rights it could write nowhere else anyway."""
    box.machine.run("sh", "-c", "echo x >in", user="user1").good()
    text = 'cd "$RCQ_JOB_DIR"; rm -r sub; ln -s /home/user1 sub; exit 1'
    job = box.script("user1", text, "--retries", "1", "--file", "sub/placed=in")
    ended = box.ended(job)
    assert (ended["cause"], ended["attempt"]) == ("launch-error", 2)
    assert "sub/placed" in ended["message"]
    assert box.machine.run("ls", "/home/user1/placed").code != 0
