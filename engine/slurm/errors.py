"""What talking to Slurm may come to. Must not know who talks to it.

RcqError
├── SlurmAway          nothing can be asked of it now; nothing has ended, and all is to be tried again
│   └── SlurmUnread    it answered, and the answer is not understood; no less away
└── SlurmRefused       it said no to this for good, and why
"""

import re

from engine.protocol.errors import RcqError

TRY_AGAIN = (
    "unable to contact slurm controller",
    "socket timed out",
    "connection refused",
    "connection timed out",
    "connection reset",
    "connect failure",
    "no route to host",
    "network is unreachable",
    "transport endpoint",
    "zero bytes were transmitted",
    "unexpected message received",
    "insane message length",
    "munge",
    "authentication",
    "security violation",
    "standby mode",
    "temporarily",
    "configuration source",
    "fetch_config",
    "incompatible versions",
    "maxsubmitjob",
    "grpsubmitjob",
    "partition not available",
    "job queue is full",
    "no space left",
    "cannot allocate memory",
    "too many open files",
    "unable to open slurm.conf",
    "dns srv lookup failed",
    "accounting database",
)
"""Parts of what Slurm's commands say when it is not the request that is wrong; they stay the same over the years."""
NO_FOR_GOOD = ("submission failed", "invalid", "unrecognized", "error: ")
GONE = "invalid job id"
SHUT_IN = "the engine's service has no network, and Slurm is beyond it; an admin lets it out: see docs/slurm.md"
"""Of an engine that systemd shuts in, as it does unless an admin says otherwise."""
PREFIX = re.compile(r"^\w+: error: ", re.MULTILINE)


class SlurmAway(RcqError):
    """Slurm cannot be asked now: controller or munge are down, an answer takes too long, its commands are missing."""


class SlurmUnread(SlurmAway):
    """Slurm answered in a form that is not understood; the message says what was looked for."""


class SlurmRefused(RcqError):
    """Slurm said no, and will say it again; the message is its own."""


def refusal(program: str, code: int, said: str) -> SlurmAway | SlurmRefused:
    """What a command that failed with that exit code and these words on its standard error came to."""
    words = said.lower()
    told = " ".join(PREFIX.sub("", said).split()) or f"exit code {code} and no word"
    if any(one in words for one in TRY_AGAIN):
        return SlurmAway(f"{program}: {told}")
    if any(one in words for one in NO_FOR_GOOD):
        return SlurmRefused(told)
    return SlurmAway(f"{program} failed: {told}")


def is_gone(problem: SlurmRefused) -> bool:
    """Whether Slurm said that it knows no such job."""
    return GONE in str(problem).lower()
