"""`python -m tests.fuzz.harmless OPTIONS`: an engine whose jobs run `true`, whatever they say.

So a fuzzer may submit what it likes. Everything else is as it is in the product.
"""

import sys
from dataclasses import replace

from engine.daemon import main as daemon
from engine.executor.process import ProcessExecutor
from engine.ports import Launch, Running

_start = ProcessExecutor.start


async def _start_true(self: ProcessExecutor, launch: Launch) -> Running:
    return await _start(self, replace(launch, argv=("/bin/true",), environment={}, workdir=launch.directory))


def main(argv: list[str]) -> int:
    """Be an engine with these options."""
    ProcessExecutor.start = _start_true  # type: ignore[method-assign]
    return daemon.main(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
