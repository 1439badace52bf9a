"""`python packaging/pages`: writes packaging/man and packaging/completions from the commands' own declarations.

`--check` writes nothing and fails where a file is not what it would write.
"""

import re
import sys
import tomllib

import bash
import fish
import manual
import zsh
from declared import ROOT, verbs

TABLES = ("Exit codes", "Variables that override")


def main(argv: list[str]) -> int:
    """Write the files, or with `--check` name those that are not up to date; the exit code."""
    made = files()
    behind = [name for name, text in made.items() if not _is(name, text)]
    for name in behind:
        if "--check" not in argv:
            (ROOT / name).parent.mkdir(exist_ok=True)
            (ROOT / name).write_text(made[name], encoding="utf-8")
        sys.stdout.write(f"{name}\n")
    return 1 if behind and "--check" in argv else 0


def files() -> dict[str, str]:
    """Every file with its text."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    shipped = (ROOT / "config" / "rcq.toml").read_text(encoding="utf-8")
    declared = verbs()
    return {
        "packaging/man/rcq.1": manual.rcq(version, declared, {name: _table(name) for name in TABLES}),
        "packaging/man/rcq.toml.5": manual.toml(version, shipped),
        "packaging/completions/rcq.bash": bash.script(declared),
        "packaging/completions/_rcq": zsh.script(declared),
        "packaging/completions/rcq.fish": fish.script(declared),
    }


def _table(section: str) -> list[tuple[str, str]]:
    """A table of the reference, whose words a test holds against the code."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    part = re.split(rf"(?m)^## {section}$", page)[1].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in part.splitlines() if line.startswith("|")][2:]
    return [(first.strip().strip("`"), meaning.strip()) for first, meaning in rows]


def _is(name: str, text: str) -> bool:
    file = ROOT / name
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
