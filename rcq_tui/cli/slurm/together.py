"""What several options of sbatch ask for together: cards, cores, memory. Pure. Must not know lines or scripts."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from rcq_tui.cli.slurm import values
from rcq_tui.cli.slurm.grammar import Option, Problem
from rcq_tui.cli.slurm.taken import CARDS, CORES, MEMORY

Reader = Callable[[str], int]


class Sizes(NamedTuple):
    """What was said elsewhere and counts more; `None` where nothing was."""

    gpus: int | None = None
    cores: int | None = None


class Asked(NamedTuple):
    """Options of `rcq submit` for one option of sbatch."""

    line: int
    options: list[str]


def requested(given: Mapping[str, Option], sizes: Sizes) -> tuple[list[Asked], list[Problem]]:
    """Cards, then cores, then memory of what `given` has by name."""
    asked: list[Asked] = []
    problems: list[Problem] = []
    gpus = _cards([given[name] for name in CARDS if name in given], asked, problems)
    gpus = gpus if sizes.gpus is None else sizes.gpus
    cores = _cores([given[name] for name in CORES if name in given], gpus, asked, problems)
    cores = cores if sizes.cores is None else sizes.cores
    _memory([given[name] for name in MEMORY if name in given], gpus, cores, (asked, problems))
    return asked, problems


def _cards(found: list[Option], asked: list[Asked], problems: list[Problem]) -> int:
    first: tuple[Option, values.Cards] | None = None
    for option in found:
        try:
            read = (values.of_gres if option.name == "gres" else values.cards)(option.value or "")
        except ValueError as error:
            problems.append(Problem(option.line, f"--{option.name}: {error}"))
            continue
        if first is not None and first[1] != read:
            problems.append(Problem(option.line, f"{option.text} is not what {first[0].text} asks for; leave one out"))
            continue
        if first is None:
            first = option, read
    if first is None:
        return 0
    kind = ["--gpu-type", first[1].kind] if first[1].kind and first[1].number else []
    asked.append(Asked(first[0].line, ["--gpus", str(first[1].number), *kind]))
    return first[1].number


def _cores(found: list[Option], gpus: int, asked: list[Asked], problems: list[Problem]) -> int:
    option = _one_of(found, problems)
    if option is None:
        return 1
    cores = _product(option, values.count, 1 if option.name == "cpus-per-task" else gpus, problems)
    if cores is None:
        return 1
    asked.append(Asked(option.line, ["--cores", str(cores)]))
    return cores


def _memory(found: list[Option], gpus: int, cores: int, into: tuple[list[Asked], list[Problem]]) -> None:
    asked, problems = into
    option = _one_of(found, problems)
    if option is None:
        return
    total = _product(option, values.mebibytes, {"mem": 1, "mem-per-cpu": cores}.get(option.name, gpus), problems)
    if total is not None:
        asked.append(Asked(option.line, ["--memory", values.size(total)]))


def _one_of(found: list[Option], problems: list[Problem]) -> Option | None:
    said = "exclude each other; leave one out"
    problems.extend(Problem(other.line, f"{other.text} and {found[0].text} {said}") for other in found[1:])
    return found[0] if found else None


def _product(option: Option, read: Reader, times: int, problems: list[Problem]) -> int | None:
    """The option's value so many times; `None` where that is nothing, and why."""
    try:
        each = read(option.value or "")
    except ValueError as error:
        problems.append(Problem(option.line, f"--{option.name}: {error}"))
        return None
    if times == 0:
        problems.append(Problem(option.line, f"{option.text} is for each GPU, and none is asked for; write --gpus=N"))
        return None
    return each * times
