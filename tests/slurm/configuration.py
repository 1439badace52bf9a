"""The configuration of a small Slurm whose nodes are all this machine: pretended cores, memory and cards.

Must not know who starts its daemons.
"""

import random
import socket
from dataclasses import dataclass
from pathlib import Path

DEFAULT_JOB_AGE_S = 300
"""Slurm's own: so long it remembers a job that has ended."""


@dataclass(slots=True, frozen=True, kw_only=True)
class NodeShape:
    """A pretended node. memory_mb: MiB. gpus: how many of each type; the type "" is a card without one."""

    name: str
    cores: int = 8
    memory_mb: int = 16_000
    gpus: tuple[tuple[str, int], ...] = ()

    @property
    def gres(self) -> str:
        """As slurm.conf wants it."""
        parts = [f"gpu:{kind}:{count}" if kind else f"gpu:{count}" for kind, count in self.gpus]
        return f" Gres={','.join(parts)}" if parts else ""


THREE_NODES = (
    NodeShape(name="n1", gpus=(("a100", 2),)),
    NodeShape(name="n2", gpus=(("a100", 2),)),
    NodeShape(name="n3", cores=16, memory_mb=32_000, gpus=(("h100", 2),)),
)
MOST_CARDS = 8
"""Device nodes that are made: a node may have so many cards."""

_SLURM_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=slurm
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
CryptoType=crypto/munge
SlurmctldPort={port}
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd-%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={root}/log/jobcomp.txt
MpiDefault=none
ReturnToService=2
SwitchType=switch/none
GresTypes=gpu
MaxArraySize=10001
MaxJobCount=200000
FirstJobId={first_id}
MinJobAge={min_job_age_s}
KillWait=5
SlurmctldTimeout=5
SlurmdTimeout=10
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
SlurmdParameters=config_overrides
"""


def write(
    root: Path,
    nodes: tuple[NodeShape, ...],
    ports: tuple[int, ...],
    min_job_age_s: int,
    further: tuple[str, ...] = (),
) -> Path:
    """Write slurm.conf and gres.conf under `root`/etc. ports: of the controller, then of each node."""
    host = socket.gethostname().split(".", maxsplit=1)[0]
    lines = [_SLURM_CONF.format(host=host, root=root, port=ports[0], min_job_age_s=min_job_age_s, first_id=_first_id())]
    lines += [f"{line}\n" for line in further]
    for node, port in zip(nodes, ports[1:], strict=True):
        lines.append(
            f"NodeName={node.name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={node.cores}"
            f" RealMemory={node.memory_mb}{node.gres} State=UNKNOWN\n"
        )
    lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP DefMemPerCPU=100\n")
    conf = root / "etc" / "slurm.conf"
    conf.write_text("".join(lines))
    conf.with_name("gres.conf").write_text(_gres(root, nodes))
    return conf


def _first_id() -> int:
    """Of each cluster another: jobs find their own processes by Slurm's id of them, which is no other's on one host."""
    return random.randrange(1, 6_000) * 10_000


def _gres(root: Path, nodes: tuple[NodeShape, ...]) -> str:
    """Each type of a node has device nodes of its own, in the order of the types."""
    lines = ["AutoDetect=off"]
    for node in nodes:
        first = 0
        for kind, count in node.gpus:
            files = f"{root}/dev/nvidia[{first}-{first + count - 1}]"
            lines.append(f"NodeName={node.name} Name=gpu{f' Type={kind}' if kind else ''} File={files}")
            first += count
    return "\n".join(lines) + "\n"
