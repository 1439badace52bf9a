"""Slurm's jobs as its commands print them: `squeue --json` of 22.05 and later, `scontrol -o show job`, `sacct`.

Pure. Must not know which of them are rcq's.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypedDict

from engine.slurm import shapes
from engine.slurm.errors import SlurmAway, SlurmUnread
from engine.slurm.hostlist import gpus, hosts
from engine.slurm.shapes import Json

SACCT_FIELDS = "JobIDRaw,JobName,State,ExitCode,Start,End,NodeList,User,Restarts"
ENDED = frozenset({
    "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY", "DEADLINE", "PREEMPTED",
    "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL",
})  # fmt: skip
BASES = ENDED | {"PENDING", "RUNNING", "SUSPENDED"}
RUNS = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "SIGNALING", "RESIZING", "STAGE_OUT"})
"""CONFIGURING is none of them: its node is still being started."""
CORE_DUMPED = 0x80


class Phase(StrEnum):
    """Where a job stands, whatever Slurm calls it. CLOSING: its node is still clearing up after it."""

    WAITING = "waiting"
    RUNNING = "running"
    CLOSING = "closing"
    ENDED = "ended"


@dataclass(slots=True, frozen=True, kw_only=True)
class Share:
    """What a job holds of one node. memory_mb: MiB. gpus: type (empty where it has none) and index of each card."""

    node: str
    cores: int
    memory_mb: int
    gpus: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class SlurmJob:
    """A job of Slurm's. Times are Unix seconds by Slurm's clock; exit_code and signal exclude each other.

    state: its main word; flags: what else Slurm says of its state. expected_start: of one that waits, where Slurm
    foresees it. restarts: how often Slurm put it back into its queue. nodes: what it was given, also when it has ended.
    """

    id: int
    name: str
    state: str
    flags: frozenset[str] = frozenset()
    comment: str = ""
    user: str = ""
    reason: str = ""
    node: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    submitted_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None
    expected_start: int | None = None
    restarts: int = 0
    partition: str = ""
    nodes: tuple[Share, ...] = ()

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        if "COMPLETING" in self.flags and not self.flags & {"REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"}:
            return Phase.CLOSING
        if self.state in ENDED:
            return Phase.ENDED
        if self.state in RUNS and "CONFIGURING" not in self.flags:
            return Phase.RUNNING
        return Phase.WAITING

    @property
    def holds(self) -> tuple[Share, ...]:
        """What it has of each node now."""
        return () if self.phase is Phase.ENDED or self.state == "PENDING" else self.nodes

    @property
    def duration_s(self) -> int | None:
        """Seconds that it ran; `None` where it never did."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0, self.ended_at - self.started_at)


class _Times(TypedDict):
    """Three fields of a job."""

    expected_start: int | None
    started_at: int | None
    ended_at: int | None


def of_squeue(printed: str) -> tuple[SlurmJob, ...]:
    """All jobs that `squeue --json` printed. Raises SlurmAway."""
    try:
        answer = json.loads(printed)
    except (ValueError, RecursionError) as problem:
        raise SlurmUnread(f"squeue --json printed no JSON: {printed[:80]!r}") from problem
    found = answer.get("jobs") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and answer.get(
        "errors"
    ):  # it ends with 0 all the same, and says that there are no jobs
        raise SlurmAway(f"squeue: {shapes.complaints(answer['errors'])}")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SlurmUnread("squeue --json printed no list of jobs")
    return tuple(_of_json(one) for one in found)


def of_scontrol(printed: str) -> SlurmJob | None:
    """The job that `scontrol -o -d show job ID` printed; `None` where that is none. Raises SlurmUnread."""
    line = next((one for one in printed.splitlines() if one.startswith("JobId=")), None)
    if line is None:
        return None
    told = re.findall(r"(?:^| )([A-Za-z][A-Za-z/:]*)=(.*?)(?=(?: +[A-Z][A-Za-z/:]*=)|$)", line)
    found = dict(reversed(told))  # names and directories are people's own words, and most of them stand last
    code, signal = _status(found.get("ExitCode", ""))
    state, flags = _state(shapes.words(found.get("JobState")))
    times = {name: _seconds(found.get(name, "")) for name in ("SubmitTime", "StartTime", "EndTime")}
    nodes, restarts = hosts(_told(found.get("NodeList"))), found.get("Restarts", "")
    return SlurmJob(
        id=int(found["JobId"].split()[0]), name=found.get("JobName", ""), state=state, flags=flags,
        comment=_told(found.get("Comment")), user=found.get("UserId", "").partition("(")[0],
        reason=_told(found.get("Reason")), node=nodes[0] if nodes else None, exit_code=code, signal=signal,
        submitted_at=times["SubmitTime"], restarts=int(restarts) if restarts.isdigit() else 0,
        partition=found.get("Partition", ""),
        **_times(state, times["StartTime"], times["EndTime"]),
    )  # fmt: skip


def of_sacct(printed: str) -> tuple[SlurmJob, ...]:
    """The jobs that `sacct --parsable2 --noheader -X --format=SACCT_FIELDS` printed. Raises SlurmUnread."""
    return tuple(_of_sacct(line) for line in printed.splitlines() if line.strip())


def _of_sacct(line: str) -> SlurmJob:
    cells = line.split("|")
    if len(cells) != len(SACCT_FIELDS.split(",")) or not cells[0].isdigit():
        raise SlurmUnread(f"sacct printed {line[:80]!r}, which is no job")
    id_, name, state, exit_code, start, end, node, user, restarts = cells
    word, _, by = state.partition(" ")
    code, signal = _status(exit_code)
    return SlurmJob(
        id=int(id_), name=name, state=_state((word.rstrip("+"),))[0], user=user, reason=by,
        node=next(iter(hosts(node.replace("None assigned", ""))), None), exit_code=code, signal=signal,
        restarts=int(restarts) if restarts.isdigit() else 0, **_times(word, _seconds(start), _seconds(end)),
    )  # fmt: skip


def _of_json(one: Json) -> SlurmJob:
    id_ = shapes.number(one.get("job_id"))
    if id_ is None:
        raise SlurmUnread("squeue --json printed a job without an id")
    state, flags = _state(shapes.words(one.get("job_state")))
    code, signal = _exit(one.get("exit_code"))
    nodes = _shares(one)
    return SlurmJob(
        id=id_, name=shapes.text(one.get("name")), state=state, flags=flags, comment=shapes.text(one.get("comment")),
        user=shapes.text(one.get("user_name")) or str(shapes.number(one.get("user_id")) or 0),
        reason=_reason(one), node=nodes[0].node if nodes else shapes.text(one.get("batch_host")) or None,
        exit_code=code, signal=signal, submitted_at=shapes.moment(one.get("submit_time")),
        restarts=shapes.number(one.get("restart_cnt")) or 0, partition=shapes.text(one.get("partition")), nodes=nodes,
        **_times(state, shapes.moment(one.get("start_time")), shapes.moment(one.get("end_time"))),
    )  # fmt: skip


def _state(told: Iterable[str]) -> tuple[str, frozenset[str]]:
    """The main word and the others; 22.05 prints a flag alone, which then is the main word as well."""
    words = [word.upper() for word in told]
    if not words:
        raise SlurmUnread("Slurm's answer has a job without a state")
    main = next((word for word in words if word in BASES), words[0])
    return main, frozenset(words)


def _times(state: str, start: int | None, end: int | None) -> _Times:
    """Slurm writes what it expects into the same fields as what was."""
    if state == "PENDING":
        return {"expected_start": start, "started_at": None, "ended_at": None}
    return {"expected_start": None, "started_at": start, "ended_at": end if state in ENDED else None}


def _reason(one: Json) -> str:
    """Slurm's word, and its sentence where it has one."""
    word, sentence = shapes.text(one.get("state_reason")), shapes.text(one.get("state_description"))
    word = "" if word in {"None", "NONE"} else word
    return f"{word} ({sentence})" if word and sentence and sentence not in word else word or sentence


def _exit(value: object) -> tuple[int | None, int | None]:
    """Exit code or signal: a wait status in 22.05 and 23.02, a mapping since."""
    if isinstance(value, Mapping) and "return_code" in value:
        signal = shapes.mapping(value.get("signal"))
        number = shapes.number(signal.get("id", signal.get("signal_id")))
        return (None, number) if number else (shapes.number(value.get("return_code")), None)
    status = shapes.number(value)
    if status is None:
        return None, None
    signal_number = status & ~CORE_DUMPED & 0xFF
    return (None, signal_number) if signal_number else (status >> 8 & 0xFF, None)


def _status(told: str) -> tuple[int | None, int | None]:
    """`3:0` or `0:15`."""
    code, _, signal = told.partition(":")
    if not code.isdigit() or not signal.isdigit():
        return None, None
    return (None, int(signal)) if int(signal) else (int(code), None)


def _seconds(told: str) -> int | None:
    """Unix seconds as `SLURM_TIME_FORMAT=%s` prints them, or a date in UTC."""
    if told.isdigit():
        return int(told) or None
    try:
        return int(datetime.fromisoformat(told).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def _told(value: str | None) -> str:
    return "" if value in {None, "(null)", "None", "N/A"} else str(value)


def _shares(one: Json) -> tuple[Share, ...]:
    """What it holds of each node; the cards stand in a list of their own, in the order of the nodes."""
    resources = shapes.mapping(one.get("job_resources"))
    nodes = resources.get("nodes")
    told = shapes.items(nodes.get("allocation") if isinstance(nodes, Mapping) else resources.get("allocated_nodes"))
    cards = [shapes.text(line) for line in _list(one.get("gres_detail"))]
    if not told:
        told = [{"nodename": name} for name in hosts(shapes.text(one.get("nodes")))]
    cores = [_cores(node) for node in told]
    cpus, all_cores = shapes.number(one.get("cpus")) or 0, sum(cores)
    found = []
    for index, node in enumerate(told):
        name = shapes.text(node.get("nodename", node.get("name")))
        part = cpus * cores[index] // all_cores if all_cores else cpus // len(told)
        which = _indices(cards[index]) if index < len(cards) else ()
        found.append(Share(node=name, cores=part, memory_mb=_memory(node), gpus=which))
    return tuple(found)


def _indices(gres: str) -> tuple[tuple[str, int], ...]:
    return tuple((kind, index) for kind, _, told in gpus(gres) for index in told)


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else []


def _memory(node: Json) -> int:
    memory = node.get("memory")
    told = memory.get("allocated") if isinstance(memory, Mapping) else node.get("memory_allocated")
    return shapes.number(told) or 0


def _cores(node: Json) -> int:
    count = shapes.number(shapes.mapping(node.get("cpus")).get("count"))
    if count:
        return count
    return sum(len(_entries(socket.get("cores"))) for socket in shapes.items(node.get("sockets")))


def _entries(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return list(value)
    return list(value) if isinstance(value, list) else []
