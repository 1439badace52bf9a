"""Root's code stays small enough to be read by whoever installs it."""

import ast
import tokenize
from pathlib import Path

import engine.launcher

MOST_LINES = 400
SILENT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def lines_of_code(file: Path) -> int:
    """Lines that hold code: no blank ones, comments or docstrings."""
    told = {
        line
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    with file.open() as text:
        code = [one for one in tokenize.generate_tokens(text.readline) if one.type not in SILENT]
    return len({line for one in code for line in range(one.start[0], one.end[0] + 1)} - told)


def test_the_launcher_is_tiny() -> None:
    files = list(Path(engine.launcher.__file__).parent.glob("*.py"))
    assert 100 < sum(map(lines_of_code, files)) < MOST_LINES
