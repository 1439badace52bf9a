"""install.sh --uninstall: what it takes away, what it keeps, and when it refuses."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Box


@pytest.fixture
def used(box: "Box") -> "Box":
    box.installed()
    box.write("var/lib/rcq/rcq.db", "jobs")
    return box


def traces(box: "Box") -> set[str]:
    """Every file and link on the machine with rcq in its place; the stubs' own are none."""
    return {place for place in box.tree() if "rcq" in place and not place.startswith(("active/", "enabled/"))}


def test_data_stays_and_everything_else_goes(used: "Box") -> None:
    code, said = used.install("--uninstall")
    assert code == 0, said
    assert traces(used) == {"etc/rcq", "etc/rcq/rcq.toml", "var/lib/rcq", "var/lib/rcq/rcq.db"}
    assert (used.root / "users").exists()
    assert "kept: " in said
    assert not (used.root / "active/rcq-engine.service").exists()


def test_purge_takes_data_and_users_too(used: "Box") -> None:
    code, said = used.install("--uninstall", "--purge")
    assert code == 0, said
    assert traces(used) == set()
    assert {"userdel rcq", "userdel rcq-notifier", "groupdel rcq-users"} <= set(used.calls())


def test_a_disk_that_is_mounted_on_the_state_directory_is_emptied(used: "Box") -> None:
    (used.root / "disk").touch()
    code, said = used.install("--uninstall", "--purge")
    assert code == 0, said
    assert list((used.root / "var/lib/rcq").iterdir()) == []


def test_again_there_is_nothing_to_do(used: "Box") -> None:
    used.install("--uninstall", "--purge")
    used.calls()
    code, said = used.install("--uninstall", "--purge")
    assert code == 0
    assert "rcq is not installed here: nothing to do" in said
    assert used.calls() == []


def test_it_refuses_while_jobs_run(used: "Box") -> None:
    for number in (7, 8):
        (used.root / f"active/rcq-job-{number}.service").touch()
    before = used.tree()
    code, said = used.install("--uninstall", "--purge")
    assert code == 1
    assert "2 jobs run" in said
    assert "--force" in said
    assert used.tree() == before
    assert used.calls() == []


def test_force_ends_jobs_after_the_engine(used: "Box") -> None:
    (used.root / "active/rcq-job-7.service").touch()
    code, said = used.install("--uninstall", "--force")
    assert code == 0, said
    stops = [call for call in used.calls() if call.startswith("stop ")]
    assert stops[:2] == ["stop rcq-engine.service", "stop rcq-job-*"]
    assert not (used.root / "active/rcq-job-7.service").exists()


def test_jobs_that_slurm_has_count_like_those_here(used: "Box") -> None:
    used.write("var/lib/rcq/slurm-instance", "0a1b2c3d\n")
    used.write("slurm", "rcq-0a1b2c3d-7.1\nrcq-ffffffff-8.1\nsomebody's\nrcq-0a1b2c3d-9.2\n")
    code, said = used.install("--uninstall")
    assert code == 1
    assert "2 jobs run" in said
    assert used.calls() == []
    code, said = used.install("--uninstall", "--force")
    assert code == 0, said
    ended = [call for call in used.calls() if call.startswith("scancel")]
    assert ended == ["scancel --name rcq-0a1b2c3d-7.1", "scancel --name rcq-0a1b2c3d-9.2"]


def test_what_lies_where_the_engine_writes_is_no_pattern(used: "Box") -> None:
    used.write("var/lib/rcq/slurm-instance", ".*\n")
    used.write("slurm", "rcq-ffffffff-8.1\n")
    assert used.install("--uninstall")[0] == 0


def test_the_drop_in_for_slurm_goes_and_an_admins_own_stays(used: "Box") -> None:
    own = "etc/systemd/system/rcq-engine.service.d/override.conf"
    used.write(own, "[Service]\n")
    used.write("etc/systemd/system/rcq-engine.service.d/rcq-slurm.conf", "[Service]\n")
    assert used.install("--uninstall")[0] == 0
    assert own in used.tree()
    assert not any(place.endswith("rcq-slurm.conf") for place in used.tree())


def test_links_of_others_stay(used: "Box") -> None:
    other = used.root / "usr/local/bin/other"
    other.symlink_to("/usr/bin/true")
    assert used.install("--uninstall")[0] == 0
    assert other.is_symlink()


def test_dry_run_names_each_step_and_does_none(used: "Box") -> None:
    before = used.tree()
    code, said = used.install("--uninstall", "--purge", "--dry-run")
    assert code == 0
    for step in ("stopping rcq-engine.service", "the units", "the releases", "user rcq"):
        assert step in said
    assert used.tree() == before
    assert used.calls() == []
