"""The man page of `rcq` from its declarations, and that of `rcq.toml` from the commented file.

Must not know how either was read.
"""

import re
from collections.abc import Iterable, Sequence

from declared import Command, Option

DASHES = re.compile(r"-")


def rcq(version: str, verbs: dict[str, list[Command]], reference: dict[str, list[tuple[str, str]]]) -> str:
    """rcq(1). reference: the tables `Exit codes` and `Variables that override` as pairs."""
    lines = [
        *_head("RCQ", "1", version),
        ".SH NAME",
        f"rcq \\- {text('share one multi-GPU workstation as a batch machine')}",
    ]
    lines += [".SH SYNOPSIS", ".B rcq", "[" + ital("VERB") + "]", "[" + ital("OPTIONS") + "]"]
    lines += [".SH DESCRIPTION", *_paragraphs(ABOUT)]
    for title, commands in verbs.items():
        lines.append(f".SH {text(title.upper(), quoted=True)}")
        for command in commands:
            lines += _verb(command)
    lines += [".SH EXIT STATUS", *_pairs(reference["Exit codes"])]
    lines += [".SH ENVIRONMENT", *_pairs(reference["Variables that override"])]
    lines += [".SH FILES", *_pairs(FILES), ".SH SEE ALSO", *SEE_ALSO]
    return "\n".join(lines) + "\n"


def toml(version: str, shipped: str) -> str:
    """rcq.toml(5) from the shipped file, each key with its comment and its default."""
    lines = [*_head("RCQ.TOML", "5", version), ".SH NAME", f"rcq.toml \\- {text('settings of the rcq engine')}"]
    lines += [".SH SYNOPSIS", ".nf", text("/etc/rcq/rcq.toml"), text("$XDG_CONFIG_HOME/rcq/rcq.toml"), ".fi"]
    groups = re.split(r"(?m)^(?=\[\w+\]$)", shipped)[1:]
    lines += [".SH DESCRIPTION", *_paragraphs(ABOUT_SETTINGS)]
    for group in groups:
        lines += _group(group)
    return "\n".join([*lines, ".SH SEE ALSO", "rcq(1)"]) + "\n"


def text(words: str, *, quoted: bool = False) -> str:
    """Words as troff takes them: nothing in them is a command. quoted: as one argument of a macro."""
    made = DASHES.sub(r"\\-", words.replace("\\", "\\e"))
    made = "".join(letter if letter.isascii() else f"\\[u{ord(letter):04X}]" for letter in made)
    made = made.replace('"', "\\(dq") if quoted else made
    made = f'"{made}"' if quoted else made
    return f"\\&{made}" if made[:1] in {".", "'"} else made


def bold(words: str) -> str:
    """To be typed as it stands."""
    return f"\\fB{text(words)}\\fR"


def ital(words: str) -> str:
    """To be replaced."""
    return f"\\fI{text(words)}\\fR"


def _head(name: str, section: str, version: str) -> list[str]:
    where = {"1": "User commands", "5": "File formats"}[section]
    return [
        '.\\" Made by packaging/pages: change what it is made from.',
        f'.TH {name} {section} "" "rcq {version}" "{where}"',
        ".nh",
        ".ad l",
    ]


def _verb(command: Command) -> list[str]:
    lines = [f".SS {text(f'rcq {command.path}', quoted=True)}", *_plain_text(command.description or command.summary)]
    for one in command.inner or (command,):
        lines += _usage_and_options(one, inner=bool(command.inner))
    return lines + _epilog(command.epilog)


def _usage_and_options(command: Command, *, inner: bool) -> list[str]:
    lines = [".PP", bold(command.usage)]
    if inner:
        lines += [".br", text(command.summary[:1].upper() + command.summary[1:]) + "."]
    for value, help_text in command.operands:
        if help_text:
            lines += [".TP", ital(value.name), text(help_text)]
    for option in command.options:
        if "--help" not in option.names:
            lines += [".TP", _names(option), text(option.help or _described(option))]
    return lines


def _names(option: Option) -> str:
    names = ", ".join(bold(name) for name in option.names)
    if option.value is None:
        return names
    return f"{names} {ital(option.value.name)}"


def _described(option: Option) -> str:
    if option.value is not None and option.value.choices:
        return "one of " + ", ".join(option.value.choices)
    return "this " + option.names[-1].removeprefix("--").replace("-", " ")


def _epilog(epilog: str) -> list[str]:
    head, _, examples = epilog.partition("examples:\n")
    lines = _plain_text(head)
    if examples:
        lines += [".PP", "Examples:", ".PP", ".RS 4", ".nf"]
        lines += [text(line.strip()) for line in examples.splitlines()]
        lines += [".fi", ".RE"]
    return lines


def _group(group: str) -> list[str]:
    name, _, rest = group.partition("\n")
    lines = [f".SH {text(name, quoted=True)}"]
    for block in re.split(r"\n{2,}", rest.strip()):
        lines += _keys(block.splitlines())
    return lines


def _keys(block: Sequence[str]) -> list[str]:
    """One block: comment lines, then keys that share them; in a group of its own a comment for each key."""
    lines: list[str] = []
    comment: list[str] = []
    keys: list[str] = []
    for line in [*block, "# "]:
        is_key = re.match(r"#?(\[\[|[a-z_0-9]+ = )", line) is not None
        if not is_key and keys:
            lines += _entry(keys, comment)
            keys, comment = [], []
        (keys if is_key else comment).append(line.removeprefix("#").strip())
    return lines if lines else [".PP", *(text(line) for line in comment if line)]


def _entry(keys: list[str], comment: list[str]) -> list[str]:
    head = [".TP", bold(keys[0])]
    for key in keys[1:]:
        head += [".TQ", bold(key)]
    told = "\n".join(comment).removesuffix("Example:").rstrip()
    return head + ([text(line) for line in told.splitlines()] or ["\\&"])


def _paragraphs(words: str) -> list[str]:
    lines: list[str] = []
    for paragraph in words.strip().split("\n\n"):
        lines += [".PP", *(text(line) for line in paragraph.splitlines())]
    return lines


def _plain_text(words: str) -> list[str]:
    return [".PP", *(text(line) for line in words.strip().splitlines())] if words.strip() else []


def _pairs(rows: Iterable[tuple[str, str]]) -> list[str]:
    lines: list[str] = []
    for name, meaning in rows:
        lines += [".TP", bold(name), text(meaning)]
    return lines


ABOUT = """
rcq turns the multi-GPU workstation that people share into a fair, safe, observable batch machine: you submit a
command with what it needs, and it runs as soon as cards are free and cool and your quota allows it.

rcq alone opens the terminal UI. Listings take --json, which prints one document. It talks to the engine at
$RCQ_SOCKET, else to the machine's, else to one of your own, which it starts.
"""

ABOUT_SETTINGS = """
Settings of the engine, in TOML. Each key is shown with its default; those that are unset by default show an example.
Unknown keys are refused, so a slip of the pen is found at start: rcq doctor checks the file. Text is in quotes, paths
are text, times are seconds unless the name says otherwise, memory is MiB (1024 * 1024 bytes).

The engine reads the file when it starts. $RCQ_CONFIG names another one.
"""

FILES = (
    (
        "/etc/rcq/rcq.toml, $XDG_CONFIG_HOME/rcq/rcq.toml",
        "the settings of the machine's engine, and of one of your own",
    ),
    ("/var/lib/rcq, $XDG_STATE_HOME/rcq", "database and job files of either"),
    ("/run/rcq/rcq.sock, $XDG_RUNTIME_DIR/rcq/rcq.sock", "where either listens"),
    ("$XDG_CONFIG_HOME/rcq/token", "your token, which only you can read"),
)

SEE_ALSO = ("rcq.toml(5)",)
