"""What is run for a job: its command, or bash on its script.

Must not know how or where it is run.
"""

from pathlib import Path

from engine.executor import directory
from engine.protocol.fields import JobFields

SHELL = "/bin/bash"


def argv(fields: JobFields, job_directory: Path) -> tuple[str, ...]:
    """The program and its arguments; a script is written to `job_directory` first.

    Raises OSError where the script cannot be written, ValueError where there is neither a command nor a script.
    """
    if fields.script is not None:
        return (SHELL, str(directory.write_script(job_directory, fields.script)), *fields.args)
    if not fields.command:
        raise ValueError("a job needs a command or a script")
    return (*fields.command, *fields.args)
