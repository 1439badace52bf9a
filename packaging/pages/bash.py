"""Completion for bash: one function and tables of words. It needs no bash-completion.

Must not know what an option means.
"""

from declared import Command, Value

HEAD = """# bash completion for rcq. Made by packaging/pages: change what it is made from.
# shellcheck shell=bash

_rcq() {
  local cur prev verb path at taken='' inner='' options='' valued='' operands='' words=''
  # `--option=value` comes as three words.
  cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  COMPREPLY=()
  verb=${COMP_WORDS[1]} path=$verb
  if ((COMP_CWORD == 1)); then
    _rcq_words "@VERBS@ --help --version"
    return
  fi
"""

INNER = """  esac
  if [[ $inner ]]; then
    if ((COMP_CWORD == 2)); then
      _rcq_words "$inner --help"
      return
    fi
    path="$verb ${COMP_WORDS[2]}"
  fi
  case "$path" in"""

TAIL = """
  # What stands before: whether an option waits for its value, or the job's own command has begun.
  for ((at = 2; at < COMP_CWORD; at++)); do
    [[ ${COMP_WORDS[at]} == '=' ]] && continue
    if [[ ${COMP_WORDS[at]} == -- ]]; then
      taken=yes
    elif [[ " $valued " == *" ${COMP_WORDS[at]} "* ]]; then
      ((at++))
    elif [[ ${COMP_WORDS[at]} != -* && $operands == command ]]; then
      taken=yes
      operands='file'
    fi
    [[ $taken ]] && break
  done
  if [[ ! $taken && " $valued " == *" $prev "* ]]; then
    case "$path $prev" in
@VALUES@
    esac
  elif [[ ! $taken && $cur == -* ]]; then
    _rcq_words "$options"
  else
    _rcq_kind "$operands" "$words"
  fi
}

# _rcq_words LIST: those that begin as the word does.
_rcq_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# _rcq_kind KIND LIST
_rcq_kind() {
  case $1 in
    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    directory) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    command) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -c -f -- "$cur") ;;
    list) _rcq_list "$2" ;;
    words) _rcq_words "$2" ;;
    ?*) _rcq_asked "$1" ;;
  esac
}

# _rcq_list LIST: the same for the last of several with commas between.
_rcq_list() { mapfile -t COMPREPLY < <(compgen -W "$1" -P "${cur%"${cur##*,}"}" -- "${cur##*,}"); }

# _rcq_asked KIND: what the engine knows. These are names that other people chose: they are quoted, and never expanded.
_rcq_asked() {
  local word
  while IFS= read -r word; do
    word=${word%%$'\t'*}
    if [[ $word == "$cur"* ]]; then
      printf -v word %q "$word"
      COMPREPLY+=("$word")
    fi
  done < <("${COMP_WORDS[0]}" __ids "$1" 2>/dev/null)
}

complete -F _rcq rcq
"""


def script(verbs: dict[str, list[Command]]) -> str:
    """The whole script."""
    commands = [command for of in verbs.values() for command in of]
    lines = [HEAD.replace("@VERBS@", " ".join(command.path for command in commands))]
    lines += ["  case $verb in", *(f"    {one.path}) inner='{_inner(one)}' ;;" for one in commands if one.inner)]
    lines.append(INNER)
    for command in commands:
        for one in command.inner or (command,):
            lines += _table(one)
    lines.append("  esac")
    values = [line for command in commands for one in command.all() for line in _values(one)]
    return "\n".join(lines) + TAIL.replace("@VALUES@", "\n".join(values))


def _inner(command: Command) -> str:
    return " ".join(one.words[-1] for one in command.inner)


def _table(command: Command) -> list[str]:
    options = [name for option in command.options for name in option.names]
    valued = [name for option in command.options if option.value is not None for name in option.names]
    lines = [f"    '{command.path}')", f"      options='{' '.join(options)}'"]
    lines += [f"      valued='{' '.join(valued)}'"] if valued else []
    if command.operands:
        kind, words = _kind(command.operands[0][0])
        lines += [f"      operands='{kind}'"] if kind else []
        lines += [f"      words='{words}'"] if words else []
    return [*lines, "      ;;"]


def _values(command: Command) -> list[str]:
    lines = []
    for option in command.options:
        kind, words = _kind(option.value) if option.value else ("", "")
        if kind:
            named = " | ".join(f"'{command.path} {name}'" for name in option.names)
            lines.append(f"      {named}) _rcq_kind {kind} '{words}' ;;")
    return lines


def _kind(value: Value) -> tuple[str, str]:
    if value.kind == "list":
        return "list", " ".join(value.choices)
    if value.choices:
        return "words", " ".join(value.choices)
    return ("" if value.kind == "text" else value.kind), ""
