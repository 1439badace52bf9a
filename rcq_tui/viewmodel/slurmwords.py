"""Words for what Slurm says of a job: why it waits in Slurm's queue, explained where the reason is a known one.

Slurm's words are a stranger's text: each goes through `clean`. Must not know a clock or what draws the words; light
enough for the command line.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rcq_tui.viewmodel.formats import counted, duration, moment
from rcq_tui.viewmodel.text import clean

Reason = Mapping[str, Any]

EXPLAINED: dict[str, str] = {
    "Resources": "waits for free nodes; it is next",
    "Priority": "jobs with a higher priority in Slurm wait, too",
    "Dependency": "waits for another Slurm job",
    "DependencyNeverSatisfied": "waits for a Slurm job that ended otherwise; it never starts. Cancel it",
    "JobHeldAdmin": "a Slurm admin holds it; they let it go with scontrol release",
    "JobHeldUser": "it is held in Slurm; scontrol release lets it go",
    "BeginTime": "Slurm starts it no sooner than its begin time, or tries it again after a pause",
    "PartitionDown": "the partition takes no jobs now",
    "PartitionInactive": "the partition is switched off",
    "PartitionNodeLimit": "it asks for more nodes than the partition gives one job, or the nodes are not up",
    "PartitionTimeLimit": "its time limit is longer than the partition allows",
    "ReqNodeNotAvail": "nodes that it needs are down, drained or reserved",
    "NodeDown": "a node that it needs is down",
    "Reservation": "waits for its Slurm reservation to begin",
    "Licenses": "waits for a licence",
    "BadConstraints": "no node can ever give what it asks for",
    "InvalidAccount": "its Slurm account is not valid",
    "InvalidQOS": "its quality of service is not valid",
    "AccountNotAllowed": "its Slurm account may not use the partition",
    "QOSNotAllowed": "its quality of service may not use the partition",
    "Cleaning": "Slurm clears up after an earlier run of it",
    "Prolog": "the node makes itself ready for it",
    "SystemFailure": "Slurm, a file system or the network failed",
    "JobLaunchFailure": "it could not be launched on its node; Slurm holds it",
    "launch failed requeued held": "its launch failed on a node and Slurm holds it; see the node's slurmd log",
    "None": "Slurm has not looked at it yet",
}
"""What a reason of Slurm's means, by the word that squeue shows."""

_FAMILIES: tuple[tuple[str, str], ...] = (
    ("QOSMax", "a limit of its quality of service is reached"),
    ("QOSGrp", "all jobs of its quality of service together are at its limit"),
    ("QOSUsage", "its quality of service has used up what it may"),
    ("QOS", "its quality of service does not let it start now"),
    ("AssocGrp", "its Slurm account and the accounts beside it are at their limit together"),
    ("AssocMax", "a limit of its Slurm account is reached"),
    ("Assoc", "its Slurm account does not let it start now"),
    ("MaxMemPer", "it asks for more memory than Slurm lets a job have"),
)
"""The same by how the word begins: there are dozens, one for each resource."""


_SOME = 5
"""A reason that names so many machines may leave others out."""


def explained(word: str) -> str:
    """What a reason of Slurm's means by what stands before a comma; empty where that is not known, or it says so."""
    if "(" in word:
        return ""
    head = word.partition(",")[0].strip()
    if head in EXPLAINED:
        return EXPLAINED[head]
    return next((told for begins, told in _FAMILIES if head.startswith(begins)), "")


def slurm_line(slurm: Mapping[str, Any], now: float) -> str:
    """`job 812, PENDING (Resources), expected at 14:05`: a job in Slurm's words."""
    told = [f"job {slurm['id']}"]
    reason = clean(slurm.get("reason"))
    state = clean(slurm.get("state"))
    if state:
        told.append(f"{state} ({reason})" if reason and reason != "None" else state)
    if slurm.get("expected_start") is not None:
        told.append(f"expected at {moment(slurm['expected_start'], now)}")
    return ", ".join(told)


def in_cluster(job: Mapping[str, Any], now: float) -> str:
    """`on n1, Slurm job 812, RUNNING`: where a job is or was on the cluster; empty for one of this host's."""
    if not job.get("place"):
        return ""
    told = [f"on {clean(job['node'])}"] if job.get("node") else []
    told += [f"Slurm {slurm_line(job['slurm'], now)}"] if job.get("slurm") else []
    return ", ".join(told) or "Slurm"


def backend_sentence(backend: Mapping[str, Any], now: float) -> str:
    """`Slurm away since 14:02: nothing is lost, jobs wait (…)`; empty while it is well."""
    if backend.get("state") in {None, "ok"}:
        return ""
    since = "" if backend.get("since") is None else f" since {moment(backend['since'], now)}"
    said = f" ({clean(backend['detail'])})" if backend.get("detail") else ""
    return f"{called(backend)} {clean(backend['state'])}{since}: nothing is lost, jobs wait{said}"


def called(backend: Mapping[str, Any]) -> str:
    """The name as people write it."""
    name = clean(backend["name"])
    return "Slurm" if name == "slurm" else name


def _queue(reason: Reason, now: float) -> str:
    word, means = clean(reason["reason"]) or "no reason yet", explained(clean(reason["reason"]))
    told = f"Waits in Slurm's queue as job {reason['slurm_id']}: {word}" + (f" ({means})" if means else "")
    start = reason.get("expected_start")
    return told + ("." if start is None else f"; Slurm expects to start it at {moment(start, now)}.")


def _away(reason: Reason, now: float) -> str:
    since = "" if reason["since"] is None else f" since {moment(reason['since'], now)}"
    said = f" ({clean(reason['detail'])})" if reason["detail"] else ""
    return f"Slurm does not answer{since}: nothing is lost, and it is tried again{said}."


def _queue_full(reason: Reason, _now: float) -> str:
    many = reason["waiting"] != 1
    said = f"{reason['waiting']} jobs of rcq wait" if many else "1 job of rcq waits"
    return f"{said} in Slurm's queue already; at most {reason['most']} may at once."


def _out_of_use(reason: Reason, _now: float) -> str:
    nodes = reason["nodes"]
    which = "the only node that could hold it is" if nodes == 1 else f"the {nodes} nodes that could hold it are"
    return f"It may run on Slurm, but {which} out of use there."


def _cards(reason: Reason, _now: float) -> str:
    told = []
    if closed := reason["closed"]:
        names = [clean(name) for name in reason["nodes"]]
        where = f" ({', '.join(names)}{', …' if len(names) >= _SOME else ''})" if names else ""
        told.append(f"{counted(closed, 'GPU')} of nodes that take no jobs now{where}")
    if taken := reason["taken"]:
        told.append(f"{counted(taken, 'GPU')} that other Slurm jobs hold")
    return f"Of those that match, it may not have {' and '.join(told) or 'some'}."


def _goes(reason: Reason, now: float) -> str:
    return f"Goes to Slurm from {moment(reason['at'], now)} on unless it starts here sooner."


SENTENCES: dict[str, Callable[[Reason, float], str]] = {
    "SLURM_QUEUE": _queue,
    "SLURM_AWAY": _away,
    "CLUSTER_CARDS": _cards,
    "CLUSTER_UNKNOWN": lambda _reason, _now: (
        "Nothing is known of Slurm's nodes yet; it goes there when Slurm tells of them. rcq doctor looks why."
    ),
    "CLUSTER_QUEUE_FULL": _queue_full,
    "CLUSTER_OUT_OF_USE": _out_of_use,
    "GOES_TO_CLUSTER": _goes,
}
SHORTS: dict[str, Callable[[Reason], str]] = {
    "SLURM_QUEUE": lambda reason: f"Slurm: {clean(reason['reason']) or 'no reason yet'}",
    "SLURM_AWAY": lambda _reason: "Slurm does not answer",
    "CLUSTER_CARDS": lambda reason: f"{counted(reason['closed'] + reason['taken'], 'Slurm GPU')} not to be had",
    "CLUSTER_UNKNOWN": lambda _reason: "no word of nodes from Slurm",
    "CLUSTER_QUEUE_FULL": lambda reason: f"{counted(reason['waiting'], 'job')} before it in Slurm",
    "CLUSTER_OUT_OF_USE": lambda reason: f"{counted(reason['nodes'], 'Slurm node')} out of use",
    "GOES_TO_CLUSTER": lambda reason: f"goes to Slurm after {duration(reason['after_s'])}",
}
