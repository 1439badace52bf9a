"""Completion for fish: one line for each word and option.

Must not know what an option means.
"""

from declared import ASKED, Command, Option, Value

HEAD = """# fish completion for rcq. Made by packaging/pages: change what it is made from.

# Whether the words after `rcq` begin with these.
function __rcq_at
    set -l words (commandline -opc)
    set -l last (math (count $argv) + 1)
    test (count $words) -ge $last
    and test "$words[2..$last]" = "$argv"
end

# The same, and nothing else stands there yet.
function __rcq_just
    set -l words (commandline -opc)
    test (count $words) -eq (math (count $argv) + 1)
    and __rcq_at $argv
end

complete -c rcq -f
complete -c rcq -n 'test (count (commandline -opc)) -eq 1' -l help -d 'list all verbs'
complete -c rcq -n 'test (count (commandline -opc)) -eq 1' -l version -d 'tell the version'
"""

OPERANDS = {
    "file": "-F",
    "directory": "-a '(__fish_complete_directories)'",
    "command": "-F -a '(__fish_complete_command)'",
}


def script(verbs: dict[str, list[Command]]) -> str:
    """The whole script."""
    lines = [HEAD.rstrip()]
    for of in verbs.values():
        for command in of:
            first = "-n 'test (count (commandline -opc)) -eq 1'"
            lines += ["", f"complete -c rcq {first} -a {command.path} -d {_quoted(command.summary)}"]
            for one in command.inner:
                about = f"-a {one.words[-1]} -d {_quoted(one.summary)}"
                lines.append(f"complete -c rcq -n '__rcq_just {command.path}' {about}")
            for one in command.inner or (command,):
                lines += _lines(one)
    return "\n".join(lines) + "\n"


def _lines(command: Command) -> list[str]:
    at = f"complete -c rcq -n '__rcq_at {command.path}'"
    lines = [f"{at} {_option(option)}" for option in command.options]
    for value, _ in command.operands[:1]:
        if operand := _operand(value):
            lines.append(f"{at} {operand}")
    return lines


def _option(option: Option) -> str:
    parts = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    if option.value is not None:
        parts.append(_taken(option.value))
    if option.help:
        parts.append(f"-d {_quoted(option.help)}")
    return " ".join(parts)


def _taken(value: Value) -> str:
    if value.kind == "list":
        return f"-x -a '(__fish_complete_list , \"string split \\' \\' \\'{' '.join(value.choices)}\\'\")'"
    if value.choices:
        return f"-x -a {_quoted(' '.join(value.choices))}"
    if value.kind in ASKED:
        return f"-x {_asked(value)}"
    return {"file": "-r -F", "directory": "-x -a '(__fish_complete_directories)'"}.get(value.kind, "-x")


def _operand(value: Value) -> str:
    if value.choices:
        return f"-a {_quoted(' '.join(value.choices))}"
    return _asked(value) if value.kind in ASKED else OPERANDS.get(value.kind, "")


def _asked(value: Value) -> str:
    """What the engine knows: names that other people chose, which fish quotes."""
    return f"-k -a '(rcq __ids {value.kind} 2>/dev/null)'"


def _quoted(words: str) -> str:
    return "'" + words.replace("\\", "\\\\").replace("'", "\\'") + "'"
