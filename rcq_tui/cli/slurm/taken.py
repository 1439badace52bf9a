"""The options of sbatch that have a meaning here, as options of `rcq submit`. Pure.

Must not know lines or scripts; what several options make together is in `together.py`.
"""

from collections.abc import Callable, Mapping

from engine.protocol.arrays import parse_array
from rcq_tui.cli.slurm import values
from rcq_tui.cli.slurm.refused import TASKS

Reader = Callable[[str, Mapping[str, str] | None], list[str]]
_OURS = ("RCQ_", "SLURM_", "BASH_FUNC_")
_OF_THE_LEASE = frozenset({"CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "OMP_NUM_THREADS",
                           "_", "PWD", "OLDPWD", "SHLVL", "TERM"})  # fmt: skip
"""What the job gets by itself, or what says something of the shell that one types in."""


def _array(text: str, _: Mapping[str, str] | None) -> list[str]:
    parse_array(text)
    return ["--array", text]


def _export(text: str, environ: Mapping[str, str] | None) -> list[str]:
    """`NONE`, `ALL`, `A,B=1`, and the last two together; environ: what `ALL` is, `None` where nobody can know yet."""
    parts = [part for part in text.split(",") if part]
    if text.upper() == "NIL" or not parts:
        raise ValueError("write the names of the variables, such as --export=PATH,SEED=1")
    options: list[str] = []
    if any(part.upper() == "ALL" for part in parts):
        if environ is None:
            raise ValueError("ALL is known when somebody submits; name the variables, such as --export=PATH,SEED=1")
        options += [word for name in environ if _goes_along(name) for word in ("--env", name)]
    named = [part for part in parts if part.upper() not in {"ALL", "NONE"}]
    return [*options, *(word for part in named for word in ("--env", part))]


def _goes_along(name: str) -> bool:
    return name.isidentifier() and name.isascii() and not name.startswith(_OURS) and name not in _OF_THE_LEASE


def _valued(option: str, read: Callable[[str], str]) -> Reader:
    return lambda text, _: [option, read(text)]


TAKEN: dict[str, Reader] = {
    "account": _valued("--group", str),
    "array": _array,
    "begin": _valued("--begin", values.begin),
    "chdir": _valued("--workdir", str),
    "comment": _valued("--tag", lambda text: f"comment={text}"),
    "dependency": lambda text, _: ["--after", ",".join(values.dependency(text))],
    "export": _export,
    "job-name": _valued("--name", str),
    "no-requeue": lambda _, __: ["--no-preemptible"],
    "requeue": lambda _, __: ["--preemptible"],
    "time": _valued("--time", values.duration),
}
"""Each by itself."""

CARDS = ("gpus", "gpus-per-node", "gpus-per-task", "gres")
CORES = ("cpus-per-task", "cpus-per-gpu")
MEMORY = ("mem", "mem-per-cpu", "mem-per-gpu")
FILES = ("output", "error", "open-mode")
"""What works only together."""


def _only(*allowed: str) -> Callable[[str | None], bool]:
    return lambda text: text is not None and text.lower() in allowed


AS_IT_IS: dict[str, tuple[Callable[[str | None], bool], str]] = {
    "nodes": (_only("1", "1-1"), "there is one machine; write --nodes=1 or leave it out"),
    "ntasks": (_only("1"), TASKS),
    "ntasks-per-node": (_only("1"), TASKS),
    "kill-on-invalid-dep": (_only("yes"), "a job that waits for what cannot come fails; write yes or leave it out"),
    "mail-type": (_only("none"), "choose for all your jobs what you are told of: rcq notify"),
    "input": (_only("/dev/null"), "read the file in the script: exec <FILE"),
    "parsable": (lambda _: True, ""),
    "quiet": (lambda _: True, ""),
    "verbose": (lambda _: True, ""),
}
"""Options with one value that says what is so here anyhow, and why others are refused."""
