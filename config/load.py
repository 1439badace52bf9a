"""Reads the settings file: TOML in, `Settings` out, and every mistake named with its place and its mend.

Must not know who uses a setting.
"""

import difflib
import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from config.settings import Settings

_OWN_WORDS = {
    "model_type": "must be a group with keys of its own",
    "tuple_type": "must be a list of groups, each under [[{key}]]",
    "path_type": "must be a path in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "string_type": "must be a text in quotes",
}
"""For what pydantic words for programmers."""


class SettingsError(Exception):
    """The settings file cannot be used.

    file: which one. problems: one line for each mistake, with the key's path, what is wrong and what to do.
    """

    def __init__(self, file: Path, problems: list[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.file = file
        self.problems = problems


def load(path: Path | None) -> Settings:
    """The settings in `path`, defaults where it is silent; all defaults for `None`.

    Raises SettingsError also when the file does not exist: whether one must is the caller's to know.
    """
    if path is None:
        return Settings()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _unreadable(path, error) from None
    except UnicodeDecodeError as error:
        raise SettingsError(path, [f"is not UTF-8 text at byte {error.start}. Save it as UTF-8."]) from None
    return parse(text, path)


def load_if_there(path: Path) -> Settings:
    """As `load`, but a file that does not exist means defaults: the usual place of the settings may be empty."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return load(None)
    except OSError as error:
        raise _unreadable(path, error) from None
    return load(path)


def parse(text: str, file: Path) -> Settings:
    """The settings in TOML `text`; `file` is named in errors. Raises SettingsError."""
    try:
        return Settings.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(file, [f"is not TOML: {error}."]) from None
    except ValidationError as error:
        raise SettingsError(file, [_problem(one["loc"], one) for one in error.errors()]) from None


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(path, [f"cannot be read: {error.strerror}. Check its name and permissions."])


def _problem(loc: tuple[int | str, ...], error: Any) -> str:
    """One mistake in words, from one of pydantic's errors."""
    if error["type"] == "extra_forbidden":
        return _unknown(loc)
    told = str(error["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    message = _OWN_WORDS.get(error["type"], told).format(key=key_path(loc))
    given = "" if isinstance(error["input"], dict | list) else f", not {json.dumps(error['input'], default=str)}"
    return f"{key_path(loc)}: {message}{given}."


def _unknown(loc: tuple[int | str, ...]) -> str:
    """An unknown key, with the nearest known one or all of its group."""
    name = str(loc[-1])
    what = "key" if len(loc) > 1 else "group"
    known = sorted(known_keys(loc[:-1]))
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    mend = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
    return f"{key_path(loc)}: unknown {what}. {mend}"


def key_path(loc: tuple[int | str, ...]) -> str:
    """A key's place as people write it: `gpu.simulated[1].model`, counted from 0."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def known_keys(group: tuple[int | str, ...]) -> set[str]:
    """The keys that a group of the settings has, by its path; `()` for the groups themselves."""
    model: type[BaseModel] = Settings
    named = False
    for part in group:
        if isinstance(part, str) and not named:
            annotation = model.model_fields[part].annotation
            model = _model_of(annotation)
            named = getattr(annotation, "__origin__", None) is dict
        else:
            named = False  # an item of a list, or one of groups that the file names itself
    return set(model.model_fields)


def _model_of(annotation: Any) -> type[BaseModel]:
    """The group's model behind a field: the model itself, or that of a tuple's items."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    raise TypeError(f"{annotation} is no group of settings")
