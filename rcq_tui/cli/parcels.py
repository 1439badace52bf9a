"""What goes with a submission: files of `--file` and the code of `--snapshot`, sent with the job and not left behind.

Loaded where there is any. Must not know how a command line says so.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from rcq_tui.cli.files import TIMEOUT_S, Source, opened, staged
from rcq_tui.client.wire import Wire


class Code(NamedTuple):
    """Captured code that is to be sent. sources: open files by the part of the field that they become."""

    sources: dict[str, Source]
    facts: dict[str, Any]


class Parcels(NamedTuple):
    """Open files that are to be sent, and code. timeout_s: so long may the engine be silent about them."""

    sources: Mapping[str, Source]
    code: Code | None
    timeout_s: float = TIMEOUT_S

    def submitted(self, wire: Wire, job: dict[str, Any]) -> dict[str, Any]:
        """The job with its files and its code, which are not left behind if it is refused."""
        code = self.code
        with staged(wire, self.sources) as given, staged(wire, code.sources if code else {}) as parts:
            body = {**job, "files": given} if given else job
            if code:
                body = {**body, "snapshot": code.facts | {one["name"]: one["upload"] for one in parts}}
            taken: dict[str, Any] = wire.request("POST", "/v1/jobs", body=body)
            return taken


@contextmanager
def parcels(job: dict[str, Any], files: Mapping[str, str]) -> Iterator[Parcels]:
    """Open what goes with the job, whose `snapshot` becomes code. files: paths by name. Raises UsageError."""
    with ExitStack() as stack:
        sources = stack.enter_context(opened(files))
        yield Parcels(sources, _code(job, stack) if job.pop("snapshot", False) else None)


def _code(job: dict[str, Any], stack: ExitStack) -> Code:
    """The code around the working directory, in which the job runs wherever it is then."""
    from rcq_tui.cli.capture import captured

    found = stack.enter_context(captured(job.pop("workdir")))
    paths = {"upload": found.tree} | ({"diff": found.diff} if found.diff else {})
    return Code(stack.enter_context(opened(paths)), found.facts)
