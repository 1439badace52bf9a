"""The `#SBATCH` lines of a script as options of `rcq submit`, and what of them cannot be done here, all of it at once.

Pure. Must not know how rcq's options are read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from rcq_tui.cli.slurm import redirect
from rcq_tui.cli.slurm.grammar import Option, Problem, read
from rcq_tui.cli.slurm.refused import ADVICE, OTHERWISE
from rcq_tui.cli.slurm.taken import AS_IT_IS, CARDS, CORES, FILES, MEMORY, TAKEN
from rcq_tui.cli.slurm.together import Asked, Sizes, requested

Line = tuple[int, list[str]]
"""Number, and its words."""
NOTHING_ELSE = Sizes()


@dataclass(slots=True, frozen=True, kw_only=True)
class Translation:
    """asked: options by line. redirects: bash that stands for a line. skipped: what was left out, as it was said to."""

    asked: list[Asked] = field(default_factory=list)
    redirects: dict[int, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Option] = field(default_factory=list)


def translated(
    lines: Iterable[Line],
    *,
    sizes: Sizes = NOTHING_ELSE,
    environ: Mapping[str, str] | None = None,
    skip: frozenset[str] = frozenset(),
) -> Translation:
    """sizes: what is said elsewhere of cards and cores. environ: for `--export=ALL`. skip: options to be left out."""
    given: dict[str, Option] = {}
    result = Translation()
    for number, words in lines:
        options, problems = read(number, words)
        result.problems.extend(problems)
        for option in options:
            if option.name in skip:
                result.skipped.append(option)
            elif (before := given.setdefault(option.name, option)).value != option.value:
                said = f"{option.text} is not what line {before.line} says ({before.text}); leave one out"
                result.problems.append(Problem(number, said))
    for option in given.values():
        _alone(option, environ, result)
    asked, problems = requested(given, sizes)
    result.asked.extend(asked)
    result.problems.extend(problems)
    _files(given, result)
    result.asked.sort(key=lambda one: one.line)
    result.problems.sort()
    return result


def _alone(option: Option, environ: Mapping[str, str] | None, result: Translation) -> None:
    name = option.name
    if name in TAKEN:
        try:
            result.asked.append(Asked(option.line, TAKEN[name](option.value or "", environ)))
        except ValueError as error:
            result.problems.append(Problem(option.line, f"--{name}: {error}"))
    elif name in AS_IT_IS:
        fits, advice = AS_IT_IS[name]
        if not fits(option.value):
            result.problems.append(Problem(option.line, f"{option.text}: {advice}"))
    elif name not in {*CARDS, *CORES, *MEMORY, *FILES}:
        result.problems.append(Problem(option.line, f"{option.text}: {ADVICE.get(name, OTHERWISE)}"))


def _files(given: Mapping[str, Option], result: Translation) -> None:
    output, error, mode = (given.get(name) for name in FILES)
    said = "append" if mode is None or mode.value is None else mode.value.lower()
    if mode is not None and said not in {"append", "truncate"}:
        result.problems.append(Problem(mode.line, f"{mode.text}: write append or truncate"))
    places = [one for one in (output, error) if one is not None]
    if not places:
        if mode is not None and said == "truncate":
            told = "rcq's own logs are never cut; name a file with --output, or leave it out"
            result.problems.append(Problem(mode.line, f"{mode.text}: {told}"))
        return
    append = mode is not None and said == "append"
    for one in places:
        try:
            redirect.word(one.value or "")
        except ValueError as wrong:
            result.problems.append(Problem(one.line, f"--{one.name}: {wrong}"))
            return
    at = max(one.line for one in places)
    names = [None if one is None else one.value for one in (output, error)]
    result.redirects[at] = redirect.line(names[0], names[1], append=append)
