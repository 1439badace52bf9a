"""The `rcq` command: finds the verb, loads that verb's module alone, and turns what goes wrong into an exit code.

Must not know what any verb does.
"""

import errno
import os
import sys
from importlib import import_module
from io import TextIOWrapper

from config.homes import PathsError
from engine.protocol.errors import EXIT_FAILED, EXIT_USAGE, RcqError
from rcq_tui.cli.failures import EXIT_BROKEN_PIPE, EXIT_INTERRUPTED, Failed, UsageError, complain, complain_of
from rcq_tui.cli.verbs import UNLISTED, VERBS, overview

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What is wrong where output goes."""


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    given = sys.argv[1:] if argv is None else argv
    _stand_in()
    _show_what_can_be_shown()
    try:
        code = _dispatch(given)
        sys.stdout.flush()
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal has left ^C at the end of a line
        return EXIT_INTERRUPTED
    except OSError as error:
        return _unwritten(error)
    except UsageError as error:
        complain(str(error))
        return EXIT_USAGE
    except (Failed, PathsError) as error:
        complain(str(error))
        return EXIT_FAILED
    except RcqError as error:
        return complain_of(error)
    return code


def _stand_in() -> None:
    """A stream that was closed for us goes nowhere; else its number would be the next file's or connection's."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, os.O_RDWR)
            if handle != number:
                os.dup2(handle, number)
                os.close(handle)
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _show_what_can_be_shown() -> None:
    """A letter that the terminal's encoding lacks comes as `?`: somebody else's name must not end a listing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")


def _dispatch(argv: list[str]) -> int:
    if not argv:
        from rcq_tui.cli.tui import run

        return run([])
    name, rest = argv[0], argv[1:]
    if name in {"-h", "--help", "help"}:
        print(overview())
        return 0
    if name == "--version":
        return _version()
    verb = VERBS.get(name) or UNLISTED.get(name)
    if verb is None:
        raise UsageError(f"there is no verb {name!r}{_nearest(name)}. `rcq --help` lists them all.")
    code: int = import_module(f"rcq_tui.cli.{verb.module}").run(rest)
    return code


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, VERBS, n=1, cutoff=0.5)
    return f"; perhaps {near[0]!r}" if near else ""


def _version() -> int:
    from importlib.metadata import version

    print(f"rcq {version('rcq')}")
    return 0


def _unwritten(error: OSError) -> int:
    """The exit code where output cannot be written. Raises any other error."""
    if not isinstance(error, BrokenPipeError) and error.errno not in _FULL:
        raise error
    _forget_output()
    if isinstance(error, BrokenPipeError):
        return EXIT_BROKEN_PIPE
    complain(f"the output is not complete: {error.strerror}")
    return EXIT_FAILED


def _forget_output() -> None:
    """Give standard output a place to go, or the interpreter complains about the broken pipe when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
