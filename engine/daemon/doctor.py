"""`python -m engine.daemon.doctor`: what is well on this machine, line by line, and what mends the rest.

Must not know what the checks look at.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from engine.daemon.checks import checks_of
from engine.daemon.checks.finding import Finding, Host, look
from engine.daemon.printable import printable


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every check. Exit code 1 if any failed, else 0."""
    given = _parser().parse_args(arguments)
    findings = examine(look(given.config, system=given.system))
    if given.json:
        print(json.dumps({"items": [{"check": name, **asdict(finding)} for name, finding in findings]}, indent=2))
    else:
        for name, finding in findings:
            print(line(name, finding))
    return 1 if any(finding.state == "fail" for _, finding in findings) else 0


def examine(host: Host) -> list[tuple[str, Finding]]:
    """Every check's name with what it found, in order."""
    return [(name, check(host)) for name, check in checks_of(host)]


def line(name: str, finding: Finding) -> str:
    """One finding as one line: state, what was looked at, what was found, what to do."""
    told = f"{finding.found.rstrip('.')}. {finding.mend}" if finding.mend else finding.found
    return f"{finding.state:<4}  {name:<15}  {printable(told)}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rcq doctor",
        description="Check this machine for the engine that serves it, or else for one of your own: packages, "
        "settings, disk, database, clock, services, cards, kernel, people. A line each, with what mends it.",
        epilog="Exit code 1 if anything failed. Nothing is changed. Not everything can be seen without root: "
        "such lines begin with skip.",
    )
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument(
        "--system", action="store_const", const=True, help="look at the machine's engine (where there is one: default)"
    )
    whose.add_argument(
        "--personal", dest="system", action="store_const", const=False, help="look at an engine of your own"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="look at this settings file instead of the usual one"
    )
    parser.add_argument("--json", action="store_true", help='{"items": [{"check", "state", "found", "mend"}]}')
    return parser


if __name__ == "__main__":
    sys.exit(main())
