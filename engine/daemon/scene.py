"""What a simulation is of: jobs, machine, terms and policies, out of a trace or the engine's own past.

Must not know how it is replayed or printed.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config import paths
from config.load import load, load_if_there
from config.settings import Settings
from engine.core.placement.possible import impossible
from engine.core.policy import Policy
from engine.core.snapshot import Gpu, Host
from engine.core.trace import Box, Ran, TraceJob
from engine.daemon import cuts, machine
from engine.daemon.host import host_of
from engine.daemon.past import read_past
from engine.daemon.policies import AS_IT_WAS
from engine.daemon.policy import policy_of
from engine.daemon.quotaview import default_quota
from engine.daemon.simoptions import Asked
from engine.daemon.swf import read_swf
from engine.daemon.terms import Terms, read_terms
from engine.daemon.trace import CARD_MEMORY_MB, Trace, TraceError, read_trace

GPUS = 8
"""Of a made-up machine."""


class SceneError(ValueError):
    """There is nothing to simulate; the message says what to do."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Scene:
    """A simulation to be run. refused: jobs that the machine can never hold. skipped: those that never ran.

    happened: how the jobs really went, for a what-if.
    """

    name: str
    jobs: tuple[TraceJob, ...]
    happened: tuple[Ran, ...]
    box: Box
    settings: Settings
    policy: Policy
    policies: tuple[str, ...]
    refused: int
    skipped: int


def scene_of(asked: Asked) -> Scene:
    """What was asked for. Raises SceneError, TraceError, TermsError, SettingsError, PathsError and StoreError."""
    return _past_scene(asked) if asked.whatif else _trace_scene(asked)


def _trace_scene(asked: Asked) -> Scene:
    settings = load(asked.config)
    gpus = asked.gpus or GPUS
    trace = _cut(asked, _trace(asked, gpus), gpus)
    terms = read_terms(asked.groups) if asked.groups else Terms()
    box = machine.box_of(machine.made_up(gpus), _host(asked, None), trace.jobs, terms.groups, terms.quotas)
    return _scene(asked, settings, trace, box, ())


def _past_scene(asked: Asked) -> Scene:
    """Without a database of its own it is about this host: its cards, cores and memory."""
    settings = load(asked.config) if asked.config else load_if_there(paths.config_file())
    database = asked.database or _own_database(settings)
    past = read_past(database, asked.days, machine.empty_books(settings), default_quota(settings.quota))
    cards: Sequence[Gpu] = () if asked.database else machine.of_this_host(settings)
    if not cards:
        cards = machine.made_up(max(1, past.cards), machine.types_of(past.trace.jobs))
    box = machine.box_of(
        machine.as_many(cards, asked.gpus or len(cards)),
        _host(asked, None if asked.database else host_of(settings.scheduling)),
        past.trace.jobs,
        past.groups,
        past.quotas,
    )
    return _scene(asked, settings, past.trace, box, past.happened)


def _scene(asked: Asked, settings: Settings, trace: Trace, box: Box, happened: tuple[Ran, ...]) -> Scene:
    policy = policy_of(settings)
    possible = tuple(job for job in trace.jobs if not impossible(job.key.shape, box.gpus, box.host, policy.power))
    if not possible:
        raise SceneError(f"{trace.name}: no job of it fits this box. Give it more --gpus, --cores or --memory-gb")
    policies = asked.policies or (settings.scheduling.policy,)
    if asked.against and asked.against not in (*policies, *([AS_IT_WAS] if happened else [])):
        raise SceneError(f"--against {asked.against}: it is not among the policies. Name it with --policy too")
    kept = {job.job for job in possible}
    return Scene(
        name=trace.name,
        jobs=possible,
        happened=tuple(ran for ran in happened if ran.job.job in kept),
        box=box,
        settings=settings,
        policy=policy,
        policies=policies,
        refused=len(trace.jobs) - len(possible),
        skipped=trace.skipped,
    )


def _trace(asked: Asked, gpus: int) -> Trace:
    path = asked.trace or Path()
    if path.suffix == ".swf" or path.suffixes[-2:] == [".swf", ".gz"]:
        return read_swf(path, gpus, asked.swf_cores_per_gpu)
    if asked.swf_cores_per_gpu:
        raise TraceError(f"{path}: --swf-cores-per-gpu is for .swf and .swf.gz files, and this is read as CSV")
    return Trace(name=str(path), jobs=tuple(read_trace(path)))


def _cut(asked: Asked, trace: Trace, gpus: int) -> Trace:
    jobs = trace.jobs
    if asked.cut:
        jobs = cuts.thinned(jobs, asked.cut)
    if asked.shift:
        jobs = cuts.rotated(jobs, float(asked.shift))
    if asked.load and jobs:
        jobs = cuts.stretched(jobs, asked.load, gpus, CARD_MEMORY_MB)
    if not jobs:
        raise SceneError(
            f"{trace.name}: no job is left to replay. Keep a larger part with --cut, or take another trace"
        )
    return Trace(name=trace.name, jobs=jobs, skipped=trace.skipped)


def _host(asked: Asked, plain: Host | None) -> Host:
    plain = plain or Host(cpu_cores=machine.CORES, memory_mb=machine.MEMORY_GB * 1024)
    memory_mb = asked.memory_gb * 1024 if asked.memory_gb else plain.memory_mb
    return Host(cpu_cores=asked.cores or plain.cpu_cores, memory_mb=memory_mb)


def _own_database(settings: Settings) -> Path:
    """The system engine's database where one may read it, else one's own."""
    state_dir, socket = settings.engine.state_dir, settings.engine.socket
    shared = paths.appliance(state_dir=state_dir, socket=socket).database
    return shared if os.access(shared, os.R_OK) else paths.personal(state_dir=state_dir, socket=socket).database
