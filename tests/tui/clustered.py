"""A scripted engine that hands jobs to a cluster: machines of all kinds, jobs in Slurm's queue, a box beside it.

Pictures are made from these.
"""

from dataclasses import replace
from types import ModuleType
from typing import Any

from engine.protocol.cards import GpuUser
from engine.protocol.cluster import BackendView, NodeCards, NodeUser, NodeView, SlurmView
from rcq_tui.client.fake import FakeApi

HOSTILE = "n\x1b]0;title\x07 [bold]x[/bold]"
"""A machine's name, or what an admin says of one, of somebody who means harm."""


def node(number: int, now: float, **what: Any) -> NodeView:
    """One machine of 64 cores and four cards, idle unless told otherwise."""
    blank = NodeView(
        name=f"gpu{number:02d}", state="open", slurm_state="idle", why=None, age_s=1.0, cpu_cores=64,
        cpu_cores_allocated=0, cpu_cores_ours=0, cpu_cores_others=0, memory_mb=262_144, memory_mb_allocated=0,
        memory_mb_ours=0, cpu_load=0.1, memory_free_mb=250_000,
        cards=[NodeCards(type="a100", total=4, ours=0, others=0)],
    )  # fmt: skip
    return replace(blank, **what)


def user(number: int | None, now: float, name: str | None = None, gpus: int = 1) -> NodeUser:
    """A job of ada's, or one that one may not know."""
    account, group = ("ada", "vision") if number is not None else (None, "nlp")
    who = GpuUser(id=number, account=account, group=group, name=name, memory_mb=None, until=now + 4000)
    return NodeUser(who=who, gpus=gpus, cpu_cores=8 * gpus, memory_mb=32_768)


def nodes(now: float) -> list[NodeView]:
    """Busy with ours, with others', free, drained with a hostile reason, down, without cards."""
    busy = {"slurm_state": "mixed", "cpu_cores_allocated": 24, "cpu_cores_ours": 16, "cpu_cores_others": 8,
            "memory_mb_allocated": 131_072, "memory_mb_ours": 65_536, "cpu_load": 17.2}  # fmt: skip
    return [
        node(1, now, **busy, cards=[NodeCards(type="a100", total=4, ours=2, others=1)],
             jobs=[user(141, now, "resnet"), user(None, now)]),
        node(2, now, **busy, cards=[NodeCards(type="a100", total=2, ours=2, others=0),
                                    NodeCards(type="h100", total=2, ours=0, others=0)],
             jobs=[user(143, now, "eval", 2)]),
        node(3, now),
        node(4, now, state="closed", slurm_state="idle+drain", why=f"is drained in Slurm: {HOSTILE}"),
        node(5, now, state="closed", slurm_state="down*", why="is down in Slurm: Not responding", cpu_load=None),
        node(6, now, name="cpu01", cards=[], cpu_cores_allocated=64, cpu_cores_others=64, slurm_state="allocated"),
    ]  # fmt: skip


def many(count: int, now: float) -> list[NodeView]:
    """So many machines, every third one full."""
    cards = [NodeCards(type="a100", total=4, ours=0, others=4)]
    full = {"cards": cards, "cpu_cores_allocated": 64, "cpu_cores_others": 64}
    return [replace(node(at, now, **(full if at % 3 == 0 else {})), name=f"gpu{at:03d}") for at in range(count)]


def backends(now: float, **slurm: Any) -> list[BackendView]:
    """This host's, which has nothing to do, and Slurm."""
    well = BackendView(name="slurm", state="ok", waiting=1, running=2, nodes_open=4, nodes_total=6)
    return [BackendView(name="process", state="ok"), replace(well, **slurm)]


def script(fake: FakeApi, box: ModuleType, *, alone: bool = True, **slurm: Any) -> FakeApi:
    """The busy afternoon on a cluster. alone: this host has no cards of its own. slurm: how Slurm is."""
    now = box.NOW
    fake.machines = nodes(now)
    fake.figures = box.figures(backends=backends(now, **slurm))
    if alone:
        fake.cards = []
    reason = {"code": "SLURM_QUEUE", "slurm_id": 813, "state": "PENDING", "reason": "Resources",
              "expected_start": now + 2700}  # fmt: skip
    there = {"place": "slurm", "node": "gpu01", "slurm": SlurmView(id=812, state="RUNNING")}
    waits = {"place": "slurm", "slurm": SlurmView(id=813, state="PENDING", reason="Resources")}
    fake.rows[141] = replace(fake.rows[141], **there)
    fake.rows[143] = replace(fake.rows[143], **there | {"node": "gpu02"})
    fake.rows[146] = replace(
        fake.rows[146], **waits, reasons=[reason], gpus=2, gpu_type="h100", expected_start=now + 2700, basis="forecast"
    )
    return fake
