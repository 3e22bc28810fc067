"""What a code object does, as bytes: the same wherever it stands, whatever its comments and docstrings say.

Counted: instructions, the constants they load, names, parameters, what is defined inside. Not counted: file, lines,
columns, the docstring, and the order in which the compiler happens to keep constants.
"""

from __future__ import annotations

from marshal import dumps
from opcode import EXTENDED_ARG, hasconst, opmap
from types import CodeType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_MARSHAL_FORMAT = 2
"""The last one in which equal values have equal bytes: later ones mark objects that occur twice."""

_LOAD_CONSTANT = frozenset(hasconst)
_STORE_NAME = opmap["STORE_NAME"]
_IS_NESTED = 0x10
_HAS_DOCSTRING = 0x4000000
_SAYS_NOTHING = _IS_NESTED | _HAS_DOCSTRING


def encode_code(code: CodeType) -> bytes:
    r"""What it does.

    >>> first = compile("1 + x", "a.py", "eval")
    >>> encode_code(first) == encode_code(compile("(1 +\n x)", "b.py", "eval"))
    True
    >>> encode_code(first) == encode_code(compile("1.0 + x", "a.py", "eval"))
    False
    """
    return dumps(_parts(code), _MARSHAL_FORMAT)


def names_used(code: CodeType) -> set[str]:
    """The names that it, or what is defined inside, looks up in its module, or in objects."""
    names: set[str] = set()
    for one in _with_inner(code):
        names.update(one.co_names)
    return names


def _with_inner(code: CodeType) -> Iterator[CodeType]:
    pending = [code]
    while pending:
        one = pending.pop()
        yield one
        pending += [constant for constant in one.co_consts if isinstance(constant, CodeType)]


def _parts(code: CodeType) -> tuple[Any, ...]:
    instructions, constants = _instructions(code)
    return (
        "code",
        instructions,
        [_constant(constant) for constant in constants],
        code.co_names,
        code.co_varnames,
        code.co_cellvars,
        code.co_freevars,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & ~_SAYS_NOTHING,
        code.co_exceptiontable,
    )


def _instructions(code: CodeType) -> tuple[bytes, list[Any]]:
    """The instructions with constants taken out, and these in the order of their use.

    So it does not matter that the docstring, where there is one, comes first among the constants.
    """
    raw = code.co_code
    blank = bytearray(raw)
    constants = []
    extended = 0
    for at in range(0, len(raw), 2):
        operation = raw[at]
        if operation == EXTENDED_ARG:
            extended = (extended | raw[at + 1]) << 8
            continue
        if operation in _LOAD_CONSTANT:
            blank[at + 1] = 0
            if extended:  # the bytes above are in the instructions before
                blank[at - 1] = 0
            is_docstring = _stores_docstring(code, raw, at + 2)
            constants.append(None if is_docstring else code.co_consts[extended | raw[at + 1]])
        extended = 0
    return bytes(blank), constants


def _stores_docstring(code: CodeType, raw: bytes, at: int) -> bool:
    """Whether the instruction there keeps the docstring of a class."""
    return at < len(raw) and raw[at] == _STORE_NAME and code.co_names[raw[at + 1]] == "__doc__"


def _constant(value: Any) -> Any:
    """A constant such that its bytes tell its kind; a set of constants in an order that is always the same."""
    match value:
        case tuple():
            return ("tuple", [_constant(item) for item in value])
        case frozenset():
            return ("frozenset", sorted(dumps(_constant(item), _MARSHAL_FORMAT) for item in value))
        case CodeType():
            return _parts(value)
        case slice():
            return ("slice", [_constant(part) for part in (value.start, value.stop, value.step)])
    return value
