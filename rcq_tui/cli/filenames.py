"""What `--file` is given: which file, and what it is called in the job's directory.

Every submission loads this, and `files` only where there is one to send. Must not know whether the file is there.
"""

import os
from collections.abc import Iterable

from rcq_tui.cli.failures import UsageError
from rcq_tui.cli.options import unfit


def named(text: str) -> tuple[str, str]:
    """`data/x.csv` as (x.csv, data/x.csv), `conf/a.yaml=b.yaml` as (conf/a.yaml, b.yaml). Raises ArgumentTypeError."""
    name, equals, path = text.partition("=")
    path = os.path.expanduser(path) if equals else text  # noqa: PTH111  the shell left it alone behind the `=`
    name = name if equals else os.path.basename(text)  # noqa: PTH119  pathlib is not loaded for it
    if not name or not path:
        raise unfit(f"{text!r} names no file; write --file PATH or --file NAME=PATH")
    return name, path


def by_name(given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Path by name. Raises UsageError where two have the same."""
    found: dict[str, str] = {}
    for name, path in given:
        if name in found:
            raise UsageError(
                f"both {found[name]} and {path} would be {name} there; give one a name: --file NAME={path}"
            )
        found[name] = path
    return found
