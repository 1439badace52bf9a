"""How a job's command is run in a container image: by apptainer, podman or docker, without a shell.

A container brings its own files and nothing else: user, network, /dev/shm, limits and signals are the job's, and its
environment but for what belongs to the host's files (PATH, HOME, SHELL). What podman starts stays among the job's own
processes; docker's containers belong to its daemon, so the limits are told to that one. Pure but for `find` and
`whose`. Must not know who submits, nor what starts a launch.
"""

import hashlib
import os
import pwd
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from engine.executor.environment import Person
from engine.ports import Launch
from engine.protocol.fields import UNMOUNTABLE

KINDS = ("apptainer", "podman", "docker")
"""In the order of preference: without a daemon and without marks in the user database first."""
INITS = ("/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit", "/usr/bin/catatonit")
"""Where podman's distributors put what it needs for `--init`."""
SILENT = 'exec "$@" >/dev/null 2>&1'
_REGISTRY = "docker://"
_FILES = (".sif", ".simg", ".sqsh", ".img")
_OF_HOST = ("PATH", "HOME", "SHELL")
_OF_LOADER = "LD_"
"""Variables with this beginning would change the program that runs the container."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Runtime:
    """A program that runs containers. kind: of KINDS; init: what podman can put before the command as first process."""

    kind: str
    program: str
    init: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Ids:
    """A Unix user by numbers, with all the groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class Terms:
    """What a launch does not tell. own: variables that the job asked for itself.

    cards: whether its cards can be given to a container (simulated ones cannot). cores, tasks: how many CPU cores,
    processes and threads it may have.
    """

    image: str
    own: Mapping[str, str]
    person: Person
    ids: Ids
    cards: bool
    cores: int
    tasks: int


def find(kind: str, search: str) -> Runtime | None:
    """The program that runs containers here. kind: of KINDS, or `auto` for the first there is; search: as PATH is."""
    for one in KINDS if kind == "auto" else (kind,):
        if (program := shutil.which(one, path=search)) is not None:
            init = next((path for path in INITS if os.access(path, os.X_OK)), None)
            return Runtime(kind=one, program=str(Path(program).absolute()), init=init if one == "podman" else None)
    return None


def lacking(kind: str) -> str:
    """What to say where `find` finds nothing."""
    if kind == "auto":
        return "no program that runs containers is installed here: ask an admin for apptainer, podman or docker"
    return f"{kind}, which executor.container names, is not installed here: ask an admin to install it"


def whose(user: str | None) -> Ids:
    """The numbers of a Unix user by name; of `None` those of this process. Asks the user database. Raises KeyError."""
    if user is None:
        return Ids(uid=os.getuid(), gid=os.getgid(), groups=tuple(os.getgroups()))
    entry = pwd.getpwnam(user)
    return Ids(uid=entry.pw_uid, gid=entry.pw_gid, groups=tuple(os.getgrouplist(user, entry.pw_gid)))


def contained(launch: Launch, runtime: Runtime, terms: Terms) -> Launch:
    """The same launch in a container. Raises ValueError where that cannot be said to the program that runs it."""
    if terms.image.startswith("-"):
        raise ValueError(f"{terms.image} is no container image: its name must not begin with a dash")
    for path in _mounts(launch):
        if UNMOUNTABLE & set(path):
            raise ValueError(
                f"{path} cannot be given to a container: it holds one of {' '.join(sorted(UNMOUNTABLE))!r}"
            )
    changed = {name: value for name, value in terms.own.items() if _is_of_client(name)}
    outside = {name: value for name, value in launch.environment.items() if name not in changed}
    outside |= {"PATH": terms.person.path, "HOME": terms.person.home, "SHELL": terms.person.shell}
    if runtime.kind == "apptainer":
        outside |= {f"APPTAINERENV_{name}": value for name, value in changed.items()}
        return replace(launch, argv=_apptainer(launch, runtime, terms), environment=outside)
    inside = [f"--env={name}" for name in launch.environment if not _is_of_client(name)]
    inside += [f"--env={name}={value}" for name, value in changed.items()]
    options = _podman(launch, runtime, terms) if runtime.kind == "podman" else _docker(launch, runtime, terms)
    argv = (*options, *_common(launch, terms), *inside, terms.image.removeprefix(_REGISTRY), *launch.argv)
    return replace(launch, argv=argv, environment=outside, cleanup=_cleanup(launch, runtime))


def _apptainer(launch: Launch, runtime: Runtime, terms: Terms) -> tuple[str, ...]:
    """It hands on the whole environment but for what belongs to the host's files."""
    return (
        runtime.program,
        "exec",
        *(["--nv"] if terms.cards and launch.lease.gpus else []),
        *(f"--bind={path}" for path in _mounts(launch)),
        f"--pwd={launch.workdir}",
        _for_apptainer(terms.image),
        *launch.argv,
    )


def _podman(launch: Launch, runtime: Runtime, terms: Terms) -> tuple[str, ...]:
    """Without cgroups of its own it stays in the job's, where podman insists on process ids of its own.

    There a command that does not handle SIGTERM is deaf to it unless an init process stands before it. As no root it
    may end at SIGTERM before its container has: who then takes that away has to give it its time, and to be done with
    it before all is killed.
    """
    gpus = [f"--device=nvidia.com/gpu={uuid}" for uuid in launch.lease.gpus] if terms.cards else []
    return (
        *_podman_itself(runtime),
        "run",
        "--cgroups=disabled",
        "--log-driver=none",
        "--ulimit=host",
        f"--stop-timeout={max(1, int(launch.grace_s) - 1)}",
        # Not --group-add=keep-groups, which says the same: with another OCI runtime than crun that is an error.
        "--annotation=run.oci.keep_original_groups=1",
        *(["--userns=keep-id"] if terms.ids.uid else []),
        *(["--init", f"--init-path={runtime.init}"] if runtime.init else []),
        *gpus,
    )


def _docker(launch: Launch, runtime: Runtime, terms: Terms) -> tuple[str, ...]:
    gpus = ",".join(launch.lease.gpus) if terms.cards else ""
    memory = [f"--memory={launch.memory_mb}m", f"--memory-swap={launch.memory_mb}m"] if launch.memory_mb else []
    return (
        runtime.program,
        "run",
        "--pid=host",
        *memory,
        f"--cpus={terms.cores}",
        *([f"--cpuset-cpus={','.join(map(str, launch.cores))}"] if launch.cores else []),
        f"--pids-limit={terms.tasks}",
        *(f"--group-add={gid}" for gid in terms.ids.groups if gid != terms.ids.gid),
        *([f'--gpus="device={gpus}"'] if gpus else []),  # with the quotes: the option is read as a line of CSV
    )


def _common(launch: Launch, terms: Terms) -> tuple[str, ...]:
    """What podman and docker call the same."""
    return (
        "--rm",
        f"--name={name_of(launch)}",
        "--network=host",
        "--ipc=host",
        "--security-opt=no-new-privileges",
        f"--user={terms.ids.uid}:{terms.ids.gid}",
        *(f"--mount=type=bind,source={path},target={path}" for path in _mounts(launch)),
        f"--workdir={launch.workdir}",
        "--entrypoint=",  # the job's command is what runs, whatever the image would do
    )


def _cleanup(launch: Launch, runtime: Runtime) -> tuple[str, ...]:
    """What takes the container away that was left, where there is one; its words are not the job's output."""
    remove: tuple[str, ...] = (runtime.program, "rm", "--force", "--volumes")
    if runtime.kind == "podman":
        remove = (*_podman_itself(runtime), "rm", "--force", "--ignore")
    return ("/bin/sh", "-c", SILENT, "sh", *remove, name_of(launch))


def _podman_itself(runtime: Runtime) -> tuple[str, ...]:
    """With systemd for its cgroups it would move a process of its own out of the job's."""
    return (runtime.program, "--cgroup-manager=cgroupfs")


def name_of(launch: Launch) -> str:
    """The container's: of one attempt, of this engine alone, as docker's names are the whole machine's."""
    ours = hashlib.sha256(os.fsencode(launch.directory)).hexdigest()[:8]
    return f"rcq-job-{launch.job}-{launch.attempt}-{ours}"


def _mounts(launch: Launch) -> tuple[str, ...]:
    """The job's directory and where it runs, each once."""
    directory, workdir = str(launch.directory), str(launch.workdir)
    return (directory,) if launch.workdir.is_relative_to(launch.directory) else (directory, workdir)


def _for_apptainer(image: str) -> str:
    """It takes a name without a source for a file."""
    is_file = image.startswith(("/", ".", "~")) or image.endswith(_FILES)
    return image if is_file or "://" in image else _REGISTRY + image


def _is_of_client(name: str) -> bool:
    """Whether a variable means something to the program that runs the container, so that it has its own."""
    return name in _OF_HOST or name.startswith(_OF_LOADER)
