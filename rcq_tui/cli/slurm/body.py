"""What the commands of a Slurm script rely on that a job does not have here: Slurm's programs and variables. Pure.

It is told, not refused: nobody knows which lines of a script will be run. Must not know the lines of options.
"""

import re

from rcq_tui.cli.slurm.grammar import Problem

_INSTEAD = {
    "srun": "write the command alone, it runs on what the job has",
    "sbatch": "write rcq submit",
    "scontrol": "there is one machine, and rcq show tells of a job",
    "squeue": "write rcq queue",
    "scancel": "write rcq cancel",
    "sacct": "write rcq show",
    "sstat": "write rcq show",
    "sbcast": "leave it out, the files are here",
}
_PROGRAM = re.compile(rf"(?:^|[;&|(`])\s*(?:exec\s+|time\s+)?({'|'.join(_INSTEAD)})(?![\w.=/-])")
_VARIABLE = re.compile(r"\$(?:(SLURM_\w+)|\{[#!]?(SLURM_\w+)(?!\w|:?[-+=?]))")
"""One that is used without saying what else to take."""
SET = frozenset({
    "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MAX",
    "SLURM_ARRAY_TASK_MIN", "SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK", "SLURM_GPUS_ON_NODE", "SLURM_JOBID",
    "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_SUBMIT_DIR",
})  # fmt: skip
"""Variables of Slurm's that a job has here."""


def missing(text: str) -> list[Problem]:
    """What of it the script uses, by line, each variable where it comes first."""
    found: list[Problem] = []
    known = set(SET)
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        programs = dict.fromkeys(_PROGRAM.findall(line))
        found += [Problem(number, f"{program} is Slurm's; {_INSTEAD[program]}") for program in programs]
        for plain, braced in _VARIABLE.findall(line):
            name = plain or braced
            if name not in known and f"{name}=" not in text:
                known.add(name)
                found.append(Problem(number, f"${name} is not set here; write what is meant, or ${{{name}:-…}}"))
    return found
