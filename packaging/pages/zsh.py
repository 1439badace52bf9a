"""Completion for zsh: `_arguments` with a line for each option.

Must not know what an option means.
"""

from declared import ASKED, Command, Option, Value

HEAD = """#compdef rcq
# zsh completion for rcq. Made by packaging/pages: change what it is made from.

_rcq() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  local -a verbs
  _arguments -C '(- *)--help[list all verbs]' '(- *)--version[tell the version]' '1: :->verb' '*:: :->rest'
  case $state in
    verb)
      verbs=(
@VERBS@
      )
      _describe -t verbs verb verbs
      ;;
    rest)
      local verb=$words[1]
      if (( $+functions[_rcq_$verb] )); then
        curcontext="${curcontext%:*}-$verb:"
        _rcq_$verb
      fi
      ;;
  esac
}
"""

TAIL = """
# _rcq_asked KIND: what the engine knows, names that other people chose: `_describe` quotes them.
_rcq_asked() {
  local -a found
  found=(${(f)"$(_call_program $1 rcq __ids $1 2>/dev/null)"})
  found=(${found//\\\\/\\\\\\\\})
  found=(${found//:/\\\\:})
  found=(${found/$'\\t'/:})
  _describe -t $1 $1 found
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _rcq "$@"
else
  compdef _rcq rcq
fi
"""


def script(verbs: dict[str, list[Command]]) -> str:
    """The whole script: as `_rcq` in a directory of $fpath, or sourced."""
    commands = [command for of in verbs.values() for command in of]
    listed = "\n".join(f"        '{_quoted(one.path)}:{_quoted(one.summary)}'" for one in commands)
    return HEAD.replace("@VERBS@", listed) + "".join(_function(one) for one in commands) + TAIL


def _function(command: Command) -> str:
    name = "_rcq_" + "_".join(command.words)
    if command.inner:
        return _words(name, command) + "".join(_function(one) for one in command.inner)
    until = " -A '-*'" if any(value.kind == "command" for value, _ in command.operands) else ""
    lines = [*(_option(option) for option in command.options), *_operands(command)]
    return f"\n{name}() {{\n  _arguments -S{until} \\\n" + " \\\n".join(f"    {line}" for line in lines) + "\n}\n"


def _words(name: str, command: Command) -> str:
    listed = "\n".join(f"    '{one.words[-1]}:{_quoted(one.summary)}'" for one in command.inner)
    return f"""
{name}() {{
  local -a words_on
  if (( CURRENT > 2 )); then
    shift words
    (( CURRENT-- ))
    (( $+functions[{name}_$words[1]] )) && {name}_$words[1]
    return
  fi
  words_on=(
{listed}
  )
  _describe -t words word words_on
}}
"""


def _option(option: Option) -> str:
    help_text = _quoted(option.help).replace("[", "\\[").replace("]", "\\]")
    value = "" if option.value is None else f":{_quoted(option.value.name)}:{_action(option.value)}"
    others = f"({' '.join(option.names)})" if len(option.names) > 1 else ""
    made = []
    for name in option.names:
        sign = "=" if option.value is not None and name.startswith("--") else ""
        made.append(f"'{'*' if option.repeat else others}{name}{sign}[{help_text}]{value}'")
    return " \\\n    ".join(made)


def _operands(command: Command) -> list[str]:
    lines = []
    for value, help_text in command.operands:
        if value.kind == "command":
            return ["'(-)1:command: _command_names -e'", "'*::arguments: _normal'"]
        place = "*" if value.many else str(len(lines) + 1)
        # A plain message would keep an option that is being typed from being completed.
        action = f'_guard "^-*" "{value.name}"' if _action(value) == " " else _action(value)
        lines.append(f"'{place}:{_quoted(help_text or value.name)}:{_quoted(action)}'")
    return lines


def _action(value: Value) -> str:
    if value.kind == "list":
        return f"_values -s , word {' '.join(value.choices)}"
    if value.choices:
        return f"({' '.join(value.choices)})"
    if value.kind in ASKED:
        return f" _rcq_asked {value.kind}"  # with a blank, nothing is put before its argument
    return {"file": "_files", "directory": "_files -/"}.get(value.kind, " ")


def _quoted(words: str) -> str:
    """Inside single quotes, where a colon would end a part."""
    return words.replace("\\", "\\\\").replace(":", "\\:").replace("'", "'\\''")
