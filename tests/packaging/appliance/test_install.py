"""install.sh --system: refusals, the first installation, and again where nothing changed."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Box


@pytest.mark.parametrize(
    ("place", "text", "named"),
    [
        ("uid", "1000\n", "only root may do this. Run: sudo "),
        ("etc/os-release", 'PRETTY_NAME="Fedora 40"\nID=fedora\nVERSION_ID=40\n', "this is Fedora 40"),
        ("etc/os-release", 'PRETTY_NAME="Debian 11"\nID=debian\nVERSION_ID="11"\n', "this is Debian 11"),
        ("etc/os-release", 'PRETTY_NAME="Ubuntu 20.04"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="20.04"\n', "20.04"),
    ],
)
def test_where_it_cannot_work_it_says_so_and_changes_nothing(box: "Box", place: str, text: str, named: str) -> None:
    box.write(place, text)
    box.write("systemd", "systemd 245 (245)\n")
    before = box.tree()
    code, said = box.install("--system")
    assert code == 1
    assert named in said
    assert len(said.splitlines()) == 1
    assert box.tree() == before
    assert box.calls() == []


@pytest.mark.parametrize(
    "text",
    [
        'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n',
        'PRETTY_NAME="Debian GNU/Linux trixie/sid"\nID=debian\n',
        'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="21"\n',
    ],
)
def test_later_and_kindred_distributions_are_taken(box: "Box", text: str) -> None:
    box.write("etc/os-release", text)
    code, said = box.install("--system", "--prepare")
    assert code == 0, said


def test_without_systemd_only_prepare_works(box: "Box") -> None:
    (box.root / "run/systemd/system").rmdir()
    code, said = box.install("--system")
    assert code == 1
    assert "systemd does not run this machine" in said
    code, said = box.install("--system", "--prepare")
    assert code == 0, said
    [release] = (box.root / "opt/rcq/releases").iterdir()
    assert (release / "complete").exists()
    assert not (box.root / "opt/rcq/current").exists()
    assert not any(call.startswith(("start", "enable", "runuser")) for call in box.calls())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--system", "--purge"], "--purge belongs to --uninstall"),
        (["--uninstall", "--prepare"], "--prepare belongs to --system"),
        (["--system", "--admin"], "--admin needs the name"),
        (["--system", "--frobnicate"], "unknown option --frobnicate"),
        (["--system", "extra"], "unknown option extra"),
    ],
)
def test_options_of_the_other_command_are_refused(box: "Box", words: list[str], named: str) -> None:
    code, said = box.install(*words)
    assert code == 2
    assert named in said
    assert box.calls() == []


def test_a_first_installation_ends_with_an_engine_and_an_admin(box: "Box") -> None:
    code, said = box.install("--system", SUDO_USER="ada")
    assert code == 0, said
    calls = box.calls()
    assert [call.split()[0] for call in calls] == [
        *("pip", "pip", "sysusers", "tmpfiles", "daemon-reload", "enable", "start", "usermod", "runuser")
    ]
    assert "--require-hashes" in calls[0]
    assert "--no-index --no-deps --no-build-isolation" in calls[1]
    assert "--editable" not in calls[1]
    assert calls[-2] == "usermod -aG rcq-users ada"
    assert "account add ada --role admin --password-stdin --one-time --unix-user ada <<< correct-horse" in calls[-1]
    assert "RCQ_SOCKET=/run/rcq/rcq.sock" in calls[-1]
    assert said.count("correct-horse") == 1
    assert "usermod -aG rcq-users ada; rcq account add ada --unix-user ada --no-password" in said
    assert box.current.parent == box.root / "opt/rcq/releases"
    assert box.read("etc/rcq/rcq.toml") == "# shipped\n"
    assert "RemoveIPC=no" in box.read("etc/systemd/logind.conf.d/rcq.conf")
    assert "Type=notify" in box.read("etc/systemd/system/rcq-engine.service")
    links = {"bin/rcq": "bin/rcq", "share/man/man1/rcq.1": "share/rcq/man/rcq.1"}
    links["share/zsh/site-functions/_rcq"] = "share/rcq/completions/_rcq"
    for link, target in links.items():
        assert (box.root / "usr/local" / link).readlink() == box.root / "opt/rcq/current" / target
        assert (box.root / "usr/local" / link).exists()


def test_plain_root_makes_an_admin_without_a_unix_user(box: "Box") -> None:
    assert box.install("--system")[0] == 0
    [account] = [call for call in box.calls() if call.startswith("runuser")]
    assert "account add admin --role admin --password-stdin --one-time <<< correct-horse" in account


def test_the_admin_s_name_can_be_given(box: "Box") -> None:
    assert box.install("--system", "--admin", "boss", SUDO_USER="ada")[0] == 0
    [account] = [call for call in box.calls() if call.startswith("runuser")]
    assert "account add boss " in account
    assert "--unix-user ada" in account


def test_an_engine_that_has_accounts_gets_none(box: "Box") -> None:
    (box.root / "accounts").touch()
    code, said = box.install("--system", SUDO_USER="ada")
    assert code == 0
    assert "one-time password" not in said
    assert not any(call.startswith(("runuser", "usermod")) for call in box.calls())


def test_again_with_the_same_tree_nothing_changes(box: "Box") -> None:
    box.installed()
    before = box.tree()
    code, said = box.install("--system")
    assert code == 0
    assert said.splitlines()[-1].endswith("is installed and runs: nothing to do")
    assert box.calls() == []
    assert box.tree() == before


@pytest.mark.parametrize(
    "place",
    ["etc/systemd/system/rcq-engine.service", "usr/local/bin/rcq", "etc/systemd/logind.conf.d/rcq.conf"],
)
def test_again_it_mends_what_is_missing(box: "Box", place: str) -> None:
    box.installed()
    (box.root / place).unlink()
    assert box.install("--system")[0] == 0
    assert (box.root / place).exists()
    assert not any(call.startswith(("pip", "stop")) for call in box.calls())


def test_again_it_starts_an_engine_that_was_stopped(box: "Box") -> None:
    box.installed()
    (box.root / "active/rcq-engine.service").unlink()
    assert box.install("--system")[0] == 0
    assert [call.split()[0] for call in box.calls()] == ["start"]


def test_a_release_that_was_cut_off_is_made_anew(box: "Box") -> None:
    box.fail("pip")
    code, said = box.install("--system")
    assert code == 1
    assert "pip went wrong" in said
    [cut_off] = (box.root / "opt/rcq/releases").iterdir()
    assert not (cut_off / "complete").exists()
    assert not (box.root / "opt/rcq/current").exists()
    (box.root / "fails/pip").unlink()
    assert box.install("--system")[0] == 0
    assert box.current == cut_off
    assert (cut_off / "complete").exists()


@pytest.mark.parametrize("mode", ["1000 -rwxr-xr-x", "0 -rwxr-xrwx", "0 -rwxr-x---"])
def test_a_python_that_others_could_change_or_not_read_is_not_taken(box: "Box", mode: str) -> None:
    box.write("python-mode", f"{mode}\n")
    code, said = box.install("--system")
    assert code == 1
    assert "is not fit for everybody here" in said
    assert not (box.root / "opt/rcq/current").exists()


def test_somebody_else_s_command_is_not_replaced(box: "Box") -> None:
    box.write("usr/local/bin/rcq", "another program\n")
    code, said = box.install("--system")
    assert code == 1
    assert "usr/local/bin/rcq is there and not this appliance's" in said
    assert box.read("usr/local/bin/rcq") == "another program\n"
    assert not (box.root / "opt/rcq/current").exists()


def test_dry_run_says_each_step_and_does_none(box: "Box") -> None:
    box.write("uid", "1000\n")
    before = box.tree()
    code, said = box.install("--system", "--dry-run", SUDO_USER="ada")
    assert code == 0
    for step in ("locked packages", "building rcq", "rcq-engine.service", "starting it", "admin's account ada"):
        assert step in said
    assert all(line.startswith("would: ") or "stays as it is" in line for line in said.splitlines())
    assert box.tree() == before
    assert box.calls() == []
