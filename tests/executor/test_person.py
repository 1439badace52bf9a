"""Whom a job may run as, by the user database and the files of this machine."""

import grp
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.executor import logindefaults, person
from engine.executor.person import is_system_user, person_named
from engine.ports import CannotLaunch


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes the files that are looked into; those not named are not there."""
    monkeypatch.setattr(logindefaults, "ENVIRONMENT", tmp_path / "environment")
    monkeypatch.setattr(logindefaults, "LOCALES", (tmp_path / "locale", tmp_path / "locale.conf"))
    monkeypatch.setattr(logindefaults, "LOGIN_DEFS", tmp_path / "login.defs")

    def write(**files: str) -> None:
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)

    return write


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user database of our own: ann is in the group, bob is not."""
    entries = {
        name: pwd.struct_passwd((name, "x", uid, gid, "", home, shell))
        for name, uid, gid, home, shell in (
            ("root", 0, 0, "/root", "/bin/bash"),
            ("daemon", 999, 999, "/", "/usr/sbin/nologin"),
            ("nobody", 65_534, 65_534, "/", ""),
            ("toor", 1005, 0, "/root", "/bin/sh"),
            ("ann", 1001, 1001, "/home/ann", "/bin/zsh"),
            ("bob", 1002, 1002, "", ""),
        )
    }
    groups = {"ann": [1001, 200], "bob": [1002]}
    monkeypatch.setattr(pwd, "getpwnam", entries.__getitem__)
    monkeypatch.setattr(grp, "getgrnam", {person.GROUP: grp.struct_group((person.GROUP, "x", 200, []))}.__getitem__)
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: groups[name])


def test_a_person_has_what_a_log_in_gives(people: None, etc: Callable[..., None]) -> None:
    etc(
        login_defs="# ENV_PATH PATH=/nowhere\nENV_PATH\tPATH=/usr/local/bin:/usr/bin:/bin:/usr/games\n",
        locale='# made by hand\nLANG="de_DE.UTF-8"\n',
    )
    found = person_named("ann")
    assert (found.name, found.uid, found.home, found.shell) == ("ann", 1001, "/home/ann", "/bin/zsh")
    assert (found.path, found.language) == ("/usr/local/bin:/usr/bin:/bin:/usr/games", "de_DE.UTF-8")


def test_etc_environment_wins_and_holds_no_surprises(etc: Callable[..., None]) -> None:
    etc(
        environment='export LANG=fr_FR.UTF-8\nPATH="/opt/cuda/bin::relative:$HOME/bin:/usr/bin"\nnonsense\n',
        login_defs="ENV_PATH PATH=/bin\n",
        locale="LANG=de_DE.UTF-8\n",
    )
    assert logindefaults.search_path() == "/opt/cuda/bin:/usr/bin"
    assert logindefaults.language() == "fr_FR.UTF-8"


def test_without_any_file_there_are_usual_values(etc: Callable[..., None]) -> None:
    assert logindefaults.search_path() == "/usr/local/bin:/usr/bin:/bin"
    assert logindefaults.language() == "C.UTF-8"
    assert logindefaults.uid_min() == 1000


@pytest.mark.parametrize(
    ("name", "why", "system"),
    [
        ("root", "root or a system user", True),
        ("daemon", "root or a system user", True),
        ("nobody", "root or a system user", True),
        ("toor", "root or a system user", True),
        ("bob", "usermod -aG rcq-users bob", False),
        ("eve", "there is no Unix user", None),
    ],
)
def test_nobody_else_runs_jobs(
    people: None, etc: Callable[..., None], name: str, why: str, system: bool | None
) -> None:
    with pytest.raises(CannotLaunch, match=why):
        person_named(name)
    assert is_system_user(name) is system


def test_the_machine_says_whose_ids_are_peoples(people: None, etc: Callable[..., None]) -> None:
    etc(login_defs="UID_MIN 2000\n")
    with pytest.raises(CannotLaunch, match="system user"):
        person_named("ann")
    etc(login_defs="UID_MIN 100\n")
    assert logindefaults.uid_min() == 500, "system users stay what they are"
    assert person_named("ann").uid == 1001
