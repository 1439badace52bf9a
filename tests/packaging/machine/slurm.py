"""Slurm on a booted appliance: one node, which is the machine itself, under systemd as an admin would have it.

Packages come once from the host's package sources and are kept. Must not know how a machine is made.
"""

from pathlib import Path

from tests.packaging.machine import isolation, layers, packages, tree
from tests.packaging.machine.answer import Machine, until

PACKAGES = ("slurm-wlm", "slurm-client", "munge")
DOWNLOAD = """
root=$1/root && cp "$2" "$root/apt.conf" && cp -L /etc/resolv.conf "$root/etc/resolv.conf"
mount --bind "$3" "$root/mnt" && mount -t proc proc "$root/proc" && shift 3
apt() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin APT_CONFIG=/apt.conf apt-get -qq "$@"; }
apt update && mkdir "$root/mnt/partial"
apt install -y --no-install-recommends --download-only -o Dir::Cache::archives=/mnt -o APT::Sandbox::User=root "$@"
"""

# Signals to processes, not control groups: the host's may be of the old and the new kind at once, which slurmd refuses.
CONF = """
ClusterName=test
SlurmctldHost=gpubox(127.0.0.1)
SlurmUser=slurm
AuthType=auth/munge
CryptoType=crypto/munge
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
KillWait=2
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
NodeName=gpubox NodeAddr=127.0.0.1 CPUs=8 RealMemory=4000 Gres=gpu:a100:2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP DefMemPerCPU=100
"""
FILES = {
    "slurm.conf": CONF,
    "gres.conf": "AutoDetect=off\nNodeName=gpubox Name=gpu Type=a100 File=/dev/nvidia[0-1]\n",
    "cgroup.conf": "CgroupPlugin=cgroup/v1\n",
}
# Slurm resolves no address, not even 127.0.0.1, on a machine that has that one alone.
INSTALL = """
set -e
ip address add 10.9.9.9/32 dev lo
DEBIAN_FRONTEND=noninteractive dpkg -i /debs/*.deb
install -d -o slurm -g slurm /var/lib/slurm/slurmctld /var/log/slurm
install -d /var/lib/slurm/slurmd
"""

SETTINGS = """
[executor]
kind = "slurm"
grace_s = 2.0
[quota]
submissions_per_minute = 100000
[slurm]
poll_s = 0.2
[slurm.cards.a100]
model = "NVIDIA A100"
memory_mb = 40960
"""
DROP_IN = "/etc/systemd/system/rcq-engine.service.d/rcq-slurm.conf"


def debs() -> Path:
    """A folder with the packages as files."""
    base = tree.debian()
    return layers.layer("slurm", layers.key(base.name, DOWNLOAD, *PACKAGES), lambda place: download(base, place))


def download(base: Path, place: Path) -> None:
    """Have the machine's own apt fetch what it lacks, as the host's apt reaches its sources."""
    making = place.parent / f"{place.name}.apt"
    making.mkdir()
    try:
        (making / "conf").write_text(packages.apt_options())
        isolation.run([base / "tree"], making, DOWNLOAD, str(making / "conf"), str(place), *PACKAGES)
    finally:
        isolation.remove(making)


def install(machine: Machine) -> None:
    """From a machine with the packages in /debs to a cluster of one idle node."""
    machine.run("sh", "-c", INSTALL).good()
    for name, text in FILES.items():
        machine.run("sh", "-c", f"cat >/etc/slurm/{name}", text=text).good()
    machine.run("systemctl", "restart", "munge", "slurmctld", "slurmd").good()
    until(lambda: machine.run("sinfo", "-h", "-o", "%T").out.strip() == "idle")


def hand_over(machine: Machine) -> None:
    """What an admin does so that the appliance hands its jobs to Slurm, but for letting the engine out."""
    machine.run("sh", "-c", "cat >/etc/rcq/rcq.toml", text=SETTINGS).good()
    machine.run("systemctl", "restart", "rcq-engine").good()


def let_out(machine: Machine) -> None:
    """Give the engine a network, by what its release brings for that."""
    shipped = "/opt/rcq/current/share/rcq/systemd/slurm.conf"
    machine.run("install", "-D", "-m", "644", shipped, DROP_IN).good()
    machine.run("systemctl", "daemon-reload").good()
    machine.run("systemctl", "restart", "rcq-engine").good()
