"""The batch script of an attempt: what the engine tells it, before `batch.sh`, which is the same for all.

It holds an attempt to its time limit and ends the whole of it without the engine, and it runs only once whoever submits
it: it claims the attempt first. A shell cannot tell `exit 137` from an end by signal 9: more than 128 is a signal's.
Pure but for reading `batch.sh`. Must not know how it gets to a node.

Of the environment that rcq gives a job, what follows is Slurm's own there and left as it is: which cards
(`CUDA_VISIBLE_DEVICES` and the like), `SLURM_JOB_ID` and how many cores and cards it has. `SLURM_JOB_NAME`,
`SLURM_SUBMIT_DIR` and `SLURM_ARRAY_…` are rcq's: there the name is what the person gave, and an array is rcq's.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from engine.executor import startscript
from engine.executor.startscript import NAME, OF_SHELLS
from engine.ports import Launch

OF_SLURM = frozenset({
    "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_JOBID", "SLURM_CPUS_PER_TASK",
    "SLURM_CPUS_ON_NODE", "SLURM_GPUS_ON_NODE", "RCQ_END_TIME",
})  # fmt: skip
"""Variables that a launch has and that are known on the node alone."""
OF_SUBMISSION = "LC_ALL TZ SLURM_TIME_FORMAT"
"""What Slurm's commands are run with, and a job begins with."""
OF_SCRIPT = frozenset({"attempt", "dir", "job", "mark", "program", "resets"})
"""Variables of the script's own that it goes by until it is the command; a job may have some of these names."""
CLEANS_WITHIN_S = 30
USUAL_MASK = 0o022


def text(launch: Launch, *, mask: int = USUAL_MASK) -> bytes:
    """The script. mask: the umask that the command gets."""
    return os.fsencode("\n".join(["#!/bin/sh", *_given(launch, mask), *_command(launch), *_cleanup(launch), _body()]))


def _given(launch: Launch, mask: int) -> list[str]:
    warns = 0 < launch.warn_before_s < launch.time_limit_s
    return [
        f"job={_quoted(launch.job)}",
        f"attempt={launch.attempt}",
        f"dir={_quoted(os.fspath(launch.directory))}",
        f"workdir={_quoted(os.fspath(launch.workdir))}",
        f"limit_s={launch.time_limit_s:.3f}",
        f"warn_s={launch.time_limit_s - launch.warn_before_s:.3f}" if warns else "warn_s=",
        f"grace_s={launch.grace_s:.3f}",
        f"mask={mask:04o}",
    ]


def _command(launch: Launch) -> list[str]:
    """A function that becomes the command, or leaves the mark that it could not."""
    program = launch.argv[0]
    no_program = '[ -d "$program" ] || { [ -e "$program" ] && [ ! -x "$program" ]; }' if "/" in program else "false"
    plain, others = _parted(launch.environment)
    end = f"export RCQ_END_TIME=$(( $(date +%s) + {int(launch.time_limit_s)} ))"
    return [
        "begin() {",
        f"unset {OF_SUBMISSION}",
        *([end] if "RCQ_END_TIME" in launch.environment else []),
        *(f"export {name}={_quoted(value)}" for name, value in plain.items()),
        *_cards(launch),
        'export "$mark"',
        f"program={_quoted(program)}",
        f"if {no_program}; then",
        *_unbegun("cannot be run: it is no program, or not executable", 126),
        'elif ! command -v "$program" >/dev/null 2>&1; then',
        *_unbegun("not found", 127),
        "fi",
        f"exec /usr/bin/env $resets {' '.join(map(_quoted, [*others, *startscript.by_env(launch.argv)]))}",
        "}",
    ]


def _unbegun(why: str, code: int) -> list[str]:
    return [': >"$dir/unbegun-$attempt"', f'say "$program: {why}"', f"exit {code}"]


def _cards(launch: Launch) -> list[str]:
    """Slurm says which, in `CUDA_VISIBLE_DEVICES`; a job without any is to see none."""
    if not launch.lease.gpus:
        return ["export CUDA_VISIBLE_DEVICES= NVIDIA_VISIBLE_DEVICES=void"]
    return ['export NVIDIA_VISIBLE_DEVICES="${SLURM_JOB_GPUS:-${CUDA_VISIBLE_DEVICES:-void}}"']


def _parted(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """What a shell can set, and what `env` has to."""
    wanted = {name: value for name, value in environment.items() if name not in OF_SLURM}
    plain = {
        name: value
        for name, value in wanted.items()
        if NAME.fullmatch(name) and not OF_SHELLS.fullmatch(name) and name not in OF_SCRIPT
    }
    return plain, [f"{name}={value}" for name, value in wanted.items() if name not in plain]


def _cleanup(launch: Launch) -> list[str]:
    words = " ".join(map(_quoted, launch.cleanup))
    return ["clean() {", f"timeout -k 1 {CLEANS_WITHIN_S} {words}" if words else ":", "}"]


def _quoted(word: str) -> str:
    """One word for a shell; sbatch refuses a script that has an end of line of DOS anywhere in it."""
    return startscript.quoted(word).replace("\r\n", "\r''\n")


@cache
def _body() -> str:
    return Path(__file__).with_name("batch.sh").read_text(encoding="utf-8")
