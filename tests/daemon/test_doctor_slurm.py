"""What the doctor says of the way to a Slurm cluster: with commands that the test writes, and with a real one."""

from pathlib import Path

import pytest

from config.paths import personal
from config.settings import Settings
from engine.daemon.checks import nodes, slurm
from engine.daemon.checks.cards import cards
from engine.daemon.checks.finding import Host


def host(tmp_path, **what):
    settings = Settings.model_validate({"executor": {"kind": "slurm"}, **what})
    paths = personal(state_dir=tmp_path / "state", socket=tmp_path / "s")
    return Host(config_file=None, settings=settings, settings_trouble="", paths=paths, paths_trouble="")


def commands(tmp_path, **said):
    """A folder of Slurm's commands, each of which says and returns what is written here."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    for name in slurm.COMMANDS:
        (folder / name).write_text(f"#!/bin/sh\n{said.get(name, 'exit 0')}\n")
        (folder / name).chmod(0o755)
    return folder


SINFO = 'case "$1" in --version) echo slurm 22.05.8;; *) printf "main\\ngpu\\n";; esac'
UP = "echo 'Slurmctld(primary) at head is UP'"


def test_an_engine_without_slurm_is_not_asked(tmp_path):
    found = host(tmp_path, executor={"kind": "process"})
    assert slurm.cluster(found) == slurm.shared_files(found) == slurm.UNUSED


def test_a_cluster_that_answers(tmp_path):
    folder = commands(tmp_path, sinfo=SINFO, scontrol=UP)
    found = slurm.cluster(host(tmp_path, slurm={"bin_dir": str(folder), "partition": "gpu"}))
    assert (found.state, found.found) == ("ok", "slurm 22.05.8 answers, partition gpu")


def test_a_cluster_beside_the_box_is_looked_at_too(tmp_path):
    folder = commands(tmp_path, sinfo=SINFO, scontrol=UP)
    settings = {"executor": {"overflow": "slurm"}, "slurm": {"bin_dir": str(folder)}}
    assert slurm.cluster(host(tmp_path, **settings)).found == "slurm 22.05.8 answers, its default partition"


@pytest.mark.parametrize(("value", "state"), [("NO", "warn"), ("ALL", "ok"), ("ANY", "ok")])
def test_a_slurm_that_takes_in_what_can_never_start(tmp_path, value, state):
    scontrol = f"case $1 in ping) {UP};; *) echo 'EnforcePartLimits       = {value}';; esac"
    folder = commands(tmp_path, sinfo=SINFO, scontrol=scontrol)
    found = slurm.cluster(host(tmp_path, slurm={"bin_dir": str(folder)}))
    assert found.state == state
    assert ("EnforcePartLimits=ALL" in (found.mend or "")) is (state == "warn")


def test_a_partition_that_there_is_not(tmp_path):
    folder = commands(tmp_path, sinfo=SINFO, scontrol=UP)
    found = slurm.cluster(host(tmp_path, slurm={"bin_dir": str(folder), "partition": "gpus"}))
    assert found.state == "fail"
    assert "no partition gpus" in found.found
    assert "gpu, main" in found.mend


def test_commands_that_are_not_there(tmp_path):
    folder = commands(tmp_path, sinfo=SINFO)
    (folder / "sbatch").unlink()
    found = slurm.cluster(host(tmp_path, slurm={"bin_dir": str(folder)}))
    assert (found.state, found.found) == ("fail", f"not in {folder}: sbatch")


@pytest.mark.parametrize(
    ("scontrol", "said"),
    [
        ("echo 'Slurmctld(primary) at head is DOWN'; exit 1", "is DOWN"),
        ("echo 'Slurmctld(primary) at head is DOWN'", "is DOWN"),
        ("echo 'scontrol: error: munge_encode: Socket communication error' >&2; exit 1", "munge"),
    ],
)
def test_a_controller_that_does_not_answer(tmp_path, scontrol, said, monkeypatch):
    folder = commands(tmp_path, sinfo=SINFO, scontrol=scontrol)
    monkeypatch.setattr(slurm, "MUNGE", tmp_path / "munge.socket")
    found = slurm.cluster(host(tmp_path, slurm={"bin_dir": str(folder)}))
    assert found.state == "fail"
    assert said in found.found
    assert "munge does not run" in found.mend
    assert "slurmctld's log" in found.mend  # a cluster's munge may listen elsewhere
    (tmp_path / "munge.socket").touch()
    assert "slurmctld's log" in slurm.cluster(host(tmp_path, slurm={"bin_dir": str(folder)})).mend


def test_the_file_system_of_a_path_is_that_of_its_nearest_mount(tmp_path):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "1 0 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "2 1 0:44 / /home rw - nfs4 server:/home rw\n"
        "3 2 0:45 / /home/a\\040b rw - xfs /dev/sdb rw\n"
        "nonsense\n"
    )
    kinds = {path: slurm.kind_of(Path(path), mounts) for path in ("/var", "/home/ada/x", "/homes", "/home/a b/c")}
    assert kinds == {"/var": "ext4", "/home/ada/x": "nfs4", "/homes": "ext4", "/home/a b/c": "xfs"}
    assert slurm.kind_of(Path("/"), tmp_path / "none") == ""


def test_where_jobs_files_are_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(slurm, "kind_of", lambda _place: "nfs4")
    assert slurm.shared_files(host(tmp_path)).state == "ok"
    monkeypatch.setattr(slurm, "kind_of", lambda _place: "ext4")
    found = slurm.shared_files(host(tmp_path))
    assert found.state == "warn"
    assert "ext4, of this host alone" in found.found
    assert str(tmp_path / "state" / "jobs") in found.mend, "the database beside them is for a local disk"


@pytest.mark.parametrize("provider", ["auto", "nvml"])
def test_cards_of_this_host_are_not_looked_for_where_every_job_runs_on_slurm(tmp_path, monkeypatch, provider):
    monkeypatch.setattr(nodes, "DRIVER", tmp_path)
    (tmp_path / "version").touch()
    everywhere = host(tmp_path, gpu={"provider": provider})
    assert [check(everywhere).state for check in (cards, nodes.card_files)] == ["ok", "ok"]
    beside = host(tmp_path, gpu={"provider": provider}, executor={"overflow": "slurm"})
    monkeypatch.setattr(nodes, "DEVICES", tmp_path)
    assert nodes.card_files(beside).state == "fail"


@pytest.mark.slurm
def test_a_real_cluster(tmp_path, slurm, monkeypatch):
    from engine.daemon.checks import slurm as checks

    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))
    found = checks.cluster(host(tmp_path, slurm={"bin_dir": str(slurm.bin_dir)}))
    assert found.state == "warn", found
    assert " answers, " in found.found
    assert "EnforcePartLimits=ALL" in found.mend, "the tests' cluster is as Slurm comes"
