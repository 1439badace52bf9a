"""How sbatch reads a line of options: long ones with `=` or a blank, short ones with or without one. Pure.

Knows which options sbatch has and which take a value. Must not know what any of them means here.
"""

from difflib import get_close_matches
from typing import NamedTuple

SHORT = {
    "A": "account", "a": "array", "b": "begin", "B": "extra-node-info", "c": "cpus-per-task", "C": "constraint",
    "d": "dependency", "D": "chdir", "e": "error", "F": "nodefile", "G": "gpus", "H": "hold", "i": "input",
    "J": "job-name", "k": "no-kill", "L": "licenses", "m": "distribution", "M": "clusters", "n": "ntasks",
    "N": "nodes", "o": "output", "O": "overcommit", "p": "partition", "q": "qos", "Q": "quiet", "s": "oversubscribe",
    "S": "core-spec", "t": "time", "v": "verbose", "w": "nodelist", "W": "wait", "x": "exclude",
}  # fmt: skip
FLAGS = frozenset({
    "contiguous", "hold", "ignore-pbs", "no-requeue", "overcommit", "parsable", "quiet", "reboot", "requeue",
    "share", "spread-job", "stepmgr", "test-only", "use-min-nodes", "verbose", "wait",
})  # fmt: skip
"""Options without a value."""
MAYBE = frozenset({"exclusive", "get-user-env", "nice", "no-kill", "oversubscribe", "propagate"})
"""Options whose value, if any, stands behind a `=`."""
VALUED = frozenset({
    "account", "acctg-freq", "array", "batch", "bb", "bbf", "begin", "chdir", "cluster-constraint", "clusters",
    "comment", "constraint", "container", "container-id", "core-spec", "cores-per-socket", "cpu-freq",
    "cpus-per-gpu", "cpus-per-task", "deadline", "delay-boot", "dependency", "distribution", "error", "exclude",
    "export", "export-file", "extra", "extra-node-info", "gid", "gpu-bind", "gpu-freq", "gpus", "gpus-per-node",
    "gpus-per-socket", "gpus-per-task", "gres", "gres-flags", "hint", "input", "job-name", "kill-on-invalid-dep",
    "licenses", "mail-type", "mail-user", "mcs-label", "mem", "mem-bind", "mem-per-cpu", "mem-per-gpu", "mincpus",
    "network", "nodefile", "nodelist", "nodes", "ntasks", "ntasks-per-core", "ntasks-per-gpu", "ntasks-per-node",
    "ntasks-per-socket", "open-mode", "output", "partition", "power", "prefer", "priority", "profile", "qos",
    "reservation", "resv-ports", "segment", "signal", "sockets-per-node", "switches", "thread-spec",
    "threads-per-core", "time", "time-min", "tmp", "tres-bind", "tres-per-job", "tres-per-task", "uid",
    "wait-all-nodes", "wckey", "workdir", "wrap",
})  # fmt: skip
KNOWN = FLAGS | MAYBE | VALUED
_OLD = {"workdir": "chdir", "share": "oversubscribe"}
"""What older versions called some."""


class Option(NamedTuple):
    """One option of a script. line: where it stands, from 1. name: its long one."""

    line: int
    name: str
    value: str | None

    @property
    def text(self) -> str:
        """As people write it."""
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


class Problem(NamedTuple):
    """Why a line cannot be taken."""

    line: int
    text: str


def read(line: int, words: list[str]) -> tuple[list[Option], list[Problem]]:
    """The options on one line; it ends at the first that cannot be told apart from its value."""
    options: list[Option] = []
    rest = list(words)
    while rest:
        found = _next(line, rest)
        if isinstance(found, Problem):
            return options, [found]
        options.append(found)
    return options, []


def _next(line: int, rest: list[str]) -> Option | Problem:
    word = rest.pop(0)
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return _valued(line, name, value if equals else None, rest)
    if word.startswith("-") and word[1:2] in SHORT:
        name, value = SHORT[word[1]], word[2:]
        if name in FLAGS and value:
            rest.insert(0, f"-{value}")  # several letters behind one dash
            return Option(line, name, None)
        return _valued(line, name, value or None, rest)
    return Problem(line, f"{word} is no option of sbatch")


def _valued(line: int, name: str, value: str | None, rest: list[str]) -> Option | Problem:
    if name not in KNOWN:
        near = get_close_matches(name, KNOWN, n=1)
        return Problem(line, f"--{name} is no option of sbatch{f'; perhaps --{near[0]}' if near else ''}")
    if name in FLAGS and value is not None:
        return Problem(line, f"--{name} takes no value")
    if name in VALUED and value is None:
        if not rest:
            return Problem(line, f"--{name} lacks its value")
        value = rest.pop(0)
    return Option(line, _OLD.get(name, name), value)
