"""Whom jobs may run as. The machine's users are made up; the real ones are asked in a machine of their own."""

import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.launcher import people
from engine.launcher.request import Refused

USERS = {
    "root": (0, 0),
    "daemon": (1, 1),
    "ada": (1000, 1000),
    "eve": (1001, 1001),
    "odd": (1002, 0),
    "nobody": (65534, 65534),
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    def entry(name: str) -> pwd.struct_passwd:
        uid, gid = USERS[name]
        return pwd.struct_passwd((name, "x", uid, gid, "", f"/home/{name}", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwnam", entry)
    monkeypatch.setattr(grp, "getgrnam", {"rcq-users": SimpleNamespace(gr_gid=900)}.__getitem__)
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid] if name == "eve" else [gid, 900])
    monkeypatch.setattr(people, "LOGIN_DEFS", tmp_path / "login.defs")
    return tmp_path / "login.defs"


def test_who_is_let_in() -> None:
    assert people.allowed("ada").pw_uid == 1000


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("root", "system user"),
        ("daemon", "system user"),
        ("odd", "system user"),
        ("nobody", "system user"),
        ("eve", "usermod -aG rcq-users eve"),
        ("mallory", "no Unix user"),
    ],
)
def test_nobody_else(name: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        people.allowed(name)


def test_where_people_begin_is_the_machines_to_say(machine: Path) -> None:
    machine.write_text("# UID_MIN 1\nUID_MIN\t\t 1001\n")
    with pytest.raises(Refused, match="system user"):
        people.allowed("ada")
    machine.write_text("UID_MIN 0\n")
    with pytest.raises(Refused, match="system user"):
        people.allowed("daemon")


def test_a_process_is_its_users_own() -> None:
    start = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    me = SimpleNamespace(pw_uid=os.geteuid(), pw_name="me")
    people.own([[os.getpid(), start]], me)
    for pid, began, who in (
        (os.getpid(), start + 1, me),
        (4_000_000, start, me),
        (os.getpid(), start, SimpleNamespace(pw_uid=54321, pw_name="x")),
    ):
        with pytest.raises(Refused, match=f"process {pid} has ended or is not"):
            people.own([[pid, began]], who)
