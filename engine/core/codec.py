"""The core's values as JSON values and back, whatever fields they have today.

A dataclass becomes a row of its fields, whose names stand once in a schema; what a type's hints say decides the rest,
so a new field needs no line here and a hint that nobody foresaw fails loudly. Pure. Must not know what is recorded.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

PLAIN = (str, int, float, bool, NoneType)
"""JSON has these; `json` writes floats by `repr`, so they come back as they were, infinite ones too."""

Schema = Mapping[str, Sequence[str]]
"""Names of a class's fields, in the order of its rows, by the class's name."""


class UnknownType(TypeError):
    """A hint that has no JSON form here: teach it to this module."""


class Unreadable(ValueError):
    """A text is not what this version's types make of it: another version wrote it, or it is damaged."""


class Table:
    """Values that occur many times in one text, each written once and named by its number."""

    def __init__(self, schema: Schema | None = None, rows: Sequence[Any] = ()) -> None:
        self.schema: Schema = schema or {}
        self.rows: list[Any] = list(rows)
        self._numbers: dict[Hashable, int] = {}
        self._read: dict[int, Any] = {}

    def number(self, value: Hashable, pack: "Pack") -> int:
        """The number of a value, which is added when it is new."""
        found = self._numbers.get(value)
        if found is None:
            found = self._numbers[value] = len(self.rows)
            self.rows.append(pack(value, self))
        return found

    def value(self, number: int, unpack: "Unpack") -> Any:
        """The value of a number."""
        if number not in self._read:
            self._read[number] = unpack(self.rows[number], self)
        return self._read[number]


Pack = Callable[[Any, Table], Any]
Unpack = Callable[[Any, Table], Any]


@dataclass(slots=True, frozen=True)
class _Form:
    """How values of one hint are written and read; `None`: JSON has them as they are."""

    pack: Pack | None = None
    unpack: Unpack | None = None


_SAME = _Form()


def _as_is(value: Any, _: Table) -> Any:
    return value


class Codec:
    """Writes and reads values of one type. Raises UnknownType for one that holds something without a JSON form.

    shared: classes whose values are written once and then named. schema: of every class that can occur.
    """

    def __init__(self, root: Any, shared: frozenset[type] = frozenset()) -> None:
        self._shared = shared
        self._forms: dict[Any, _Form] = {}
        self.schema: dict[str, list[str]] = {}
        self._root = self._form(root, "value")

    def pack(self, value: Any, table: Table) -> Any:
        """The value in JSON's terms; it may hold parts of `value` itself, so write it before anything changes."""
        return (self._root.pack or _as_is)(value, table)

    def unpack(self, packed: Any, table: Table) -> Any:
        """The value again. Raises Unreadable."""
        try:
            return (self._root.unpack or _as_is)(packed, table)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable(f"{type(error).__name__}: {error}") from error

    def _form(self, hint: Any, where: str) -> _Form:
        while isinstance(hint, NewType):
            hint = hint.__supertype__
        if hint in PLAIN:
            return _SAME
        if hint not in self._forms:
            self._forms[hint] = self._made(hint, where)
        return self._forms[hint]

    def _made(self, hint: Any, where: str) -> _Form:
        origin, args = get_origin(hint), get_args(hint)
        form = None
        if origin in (Union, UnionType):
            form = self._union(args, where)
        elif origin is tuple and (len(args) != 2 or args[1] is not Ellipsis):
            form = self._fixed([self._form(arg, where) for arg in args])
        elif origin in (tuple, Sequence):
            form = self._row(self._form(args[0], where))
        elif origin is frozenset and self._form(args[0], where) is _SAME:
            form = _Form(lambda value, _: sorted(value), lambda value, _: frozenset(value))
        elif origin in (dict, Mapping):
            form = self._mapping(*(self._form(arg, where) for arg in args), text=_is_text(args[0]))
        elif isinstance(hint, type) and issubclass(hint, StrEnum):
            form = _Form(None, lambda value, _: hint(value))
        elif isinstance(hint, type) and (is_dataclass(hint) or hasattr(hint, "_fields")):
            form = self._named(hint)
        if form is None:
            raise UnknownType(f"{where}: {hint!r} has no form in a record. Teach it to engine.core.codec.")
        return form

    def _row(self, of: _Form) -> _Form:
        pack, unpack = of.pack, of.unpack
        return _Form(
            _list if pack is None else lambda value, table: [pack(one, table) for one in value],
            _tuple if unpack is None else lambda value, table: tuple(unpack(one, table) for one in value),
        )

    def _fixed(self, of: Sequence[_Form]) -> _Form:
        packs = [form.pack or _as_is for form in of]
        unpacks = [form.unpack or _as_is for form in of]
        return _Form(
            lambda value, table: [pack(one, table) for pack, one in zip(packs, value, strict=True)],
            lambda value, table: tuple(unpack(one, table) for unpack, one in zip(unpacks, value, strict=True)),
        )

    def _mapping(self, keys: _Form, values: _Form, *, text: bool) -> _Form:
        """In the order in which the mapping has them: sums of floats depend on it. text: its keys are."""
        pack_key, unpack_key = keys.pack or _as_is, keys.unpack or _as_is
        pack, unpack = values.pack or _as_is, values.unpack or _as_is
        if text and values is _SAME:
            return _Form(lambda value, _: dict(value))
        if text:
            return _Form(
                lambda value, table: {key: pack(one, table) for key, one in value.items()},
                lambda value, table: {key: unpack(one, table) for key, one in value.items()},
            )
        return _Form(
            lambda value, table: [[pack_key(key, table), pack(one, table)] for key, one in value.items()],
            lambda value, table: {unpack_key(key, table): unpack(one, table) for key, one in value},
        )

    def _union(self, args: Sequence[Any], where: str) -> _Form:
        forms = [(arg, self._form(arg, where)) for arg in args if arg is not NoneType]
        if all(form is _SAME for _, form in forms):
            return _SAME
        if len(forms) == 1:
            pack, unpack = forms[0][1].pack or _as_is, forms[0][1].unpack or _as_is
            return _Form(
                lambda value, table: None if value is None else pack(value, table),
                lambda value, table: None if value is None else unpack(value, table),
            )
        if len(forms) != len(args) or not all(is_dataclass(arg) for arg, _ in forms):
            raise UnknownType(f"{where}: a union of {args!r} cannot be told apart in a record.")
        return self._tagged(dict(forms))

    def _tagged(self, of: Mapping[Any, _Form]) -> _Form:
        packs = {kind: (kind.__name__, form.pack or _as_is) for kind, form in of.items()}
        unpacks = {kind.__name__: form.unpack or _as_is for kind, form in of.items()}

        def pack(value: Any, table: Table) -> Any:
            name, inner = packs[type(value)]
            return [name, inner(value, table)]

        return _Form(pack, lambda value, table: unpacks[value[0]](value[1], table))

    def _named(self, kind: Any) -> _Form:
        """A dataclass or a named tuple."""
        hints = get_type_hints(kind)
        names = [field.name for field in fields(kind)] if is_dataclass(kind) else list(kind._fields)
        if self.schema.setdefault(kind.__name__, names) is not names:
            raise UnknownType(f"Two classes are called {kind.__name__}.")
        forms = {name: self._form(hints[name], f"{kind.__name__}.{name}") for name in names}
        pack, unpack = _packer(names, forms), _unpacker(kind, forms)
        if issubclass(kind, tuple) and all(form.pack is None for form in forms.values()):
            return _Form(None, unpack)  # a named tuple of plain values is a row already
        if kind not in self._shared:
            return _Form(pack, unpack)
        return _Form(lambda value, table: table.number(value, pack), lambda value, table: table.value(value, unpack))


def _tuple(value: Any, _: Table) -> Any:
    return tuple(value)


def _list(value: Any, _: Table) -> Any:
    return list(value)


def _is_text(hint: Any) -> bool:
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint is str


def _packer(names: Sequence[str], forms: Mapping[str, _Form]) -> Pack:
    """A row at C's speed, in which only fields are touched that JSON does not have as they are."""
    if not names:
        return lambda _value, _table: []
    rest = [(at, form.pack) for at, form in enumerate(forms[name] for name in names) if form.pack is not None]
    take: Callable[[Any], Any] = attrgetter(*names)
    if len(names) == 1:
        one = forms[names[0]].pack or _as_is
        return lambda value, table: [one(take(value), table)]

    def row_of(value: Any, table: Table) -> Any:
        row = list(take(value))
        for at, pack in rest:
            row[at] = pack(row[at], table)
        return row

    return row_of if rest else lambda value, _: take(value)


def _unpacker(kind: Any, forms: Mapping[str, _Form]) -> Unpack:
    """By the names of the text's own schema: fields that came later have their defaults."""
    unpacks = {name: form.unpack or _as_is for name, form in forms.items()}

    def unpack(row: Any, table: Table) -> Any:
        names = table.schema[kind.__name__]
        return kind(**{name: unpacks[name](value, table) for name, value in zip(names, row, strict=True)})

    return unpack
