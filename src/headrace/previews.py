"""Previews: what a person sees of parameters and results. Bounded JSON text, made without the values' own code.

Only values of known built-in types are written out. Of everything else a preview tells the type, and where a type
declares its fields (dataclass, named tuple, pydantic, attrs) those; of arrays and tables their shape. Secrets are
masked: values whose type is called ``SecretStr`` or ``SecretBytes``, whatever lies under a name like ``password``, and
passwords and API keys in URLs.
"""

from __future__ import annotations

from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

MASK = '"**********"'
MAX_TEXT = 200
MAX_ITEMS = 20
MAX_DEPTH = 5
MAX_CHARACTERS = 4000
_MAX_QUICK = 8

_NAMED_THINGS = frozenset({"function", "type", "builtin_function_or_method"})
_CONTAINERS: tuple[Any, ...] = (list, tuple, set, frozenset)
_PLAIN_FORMS: Mapping[type, Callable[[Any], object]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: bytes.__bytes__,
}
_MORE = '"…"'
_MAX_DIGITS = 100
_CUT = 2 * MAX_TEXT
_MAX_NAMES = 10_000
_SECRET_TYPES = frozenset({"SecretStr", "SecretBytes", "Secret"})
_SECRET_WORDS = frozenset(
    [
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "pwd",
        "secret",
        "secrets",
        "credential",
        "credentials",
        "authorization",
        "apikey",
        "apikeys",
        "privatekey",
        "accesskey",
        "secretkey",
        "cookie",
        "cookies",
    ]
)
_TOKEN_WORDS = frozenset({"token", "tokens"})
_KEY_WORDS = frozenset({"key", "keys"})
_KEYS_OF_WHAT = frozenset(
    [
        "access",
        "account",
        "api",
        "auth",
        "encryption",
        "master",
        "private",
        "secret",
        "shared",
        "signing",
        "ssh",
    ]
)
_ARRAY_PACKAGES = frozenset(
    [
        "numpy",
        "pandas",
        "polars",
        "pyarrow",
        "torch",
        "tensorflow",
        "jax",
        "jaxlib",
        "xarray",
        "scipy",
        "dask",
        "cupy",
    ]
)
_PRINTED_TYPES = frozenset(
    {
        ("datetime", "datetime"),
        ("datetime", "date"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("uuid", "UUID"),
        ("pathlib", "PosixPath"),
        ("pathlib", "WindowsPath"),
        ("pathlib", "PurePosixPath"),
        ("pathlib", "PureWindowsPath"),
        ("pathlib._local", "PosixPath"),
        ("pathlib._local", "WindowsPath"),
        ("pathlib._local", "PurePosixPath"),
        ("pathlib._local", "PureWindowsPath"),
        ("ipaddress", "IPv4Address"),
        ("ipaddress", "IPv6Address"),
    }
)


class _Secrecy(Enum):
    OPEN = 0
    SECRET = 1
    SECRET_UNLESS_NUMBER = 2


class _Name(NamedTuple):
    """What is known of a name once it has been looked at."""

    key: str
    """The name as the key of a JSON object, with its colon."""
    secrecy: _Secrecy


_names: dict[str, _Name] = {}
_harmless_keys: dict[str, str] = {}
"""The keys of those names under which nothing is hidden, once more: most arguments are found here at once."""


def preview(value: object) -> str:
    """Bounded JSON text that shows the value. Never raises, never calls the value's own code.

    >>> preview([1, "a", None])
    '[1,"a",null]'
    >>> preview({"user": "ada", "password": "swordfish"})
    '{"user":"ada","password":"**********"}'
    >>> preview(object())
    '"<object>"'
    """
    if value is None:
        return "null"
    kind = type(value)
    if kind is int and -1_000_000_000_000 < value < 1_000_000_000_000:  # type: ignore[operator]
        return str(value)
    scalar = _SCALARS.get(kind)
    if scalar is not None:
        return scalar(value)
    return _Sketch().draw(value, MAX_DEPTH)


def preview_arguments(names: Sequence[str], args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """The arguments of a call as a bounded JSON object; ``names`` are those of the positional parameters.

    >>> preview_arguments(("x", "y"), (1,), {"token": "abc"})
    '{"x":1,"token":"**********"}'
    """
    if not kwargs and len(args) <= len(names) and len(args) <= _MAX_QUICK:
        quick = _preview_scalars(names, args)
        if quick is not None:
            return quick
    sketch = _Sketch()
    parts = [sketch.entry(name, value, MAX_DEPTH) for name, value in zip(names, args, strict=False)]
    if len(args) > len(names):
        parts.append(sketch.entry("*args", tuple(args[len(names) :]), MAX_DEPTH))
    if kwargs:
        parts += [sketch.entry(name, value, MAX_DEPTH) for name, value in kwargs.items()]
    return "{" + ",".join(parts) + "}"


def _preview_scalars(names: Sequence[str], args: Sequence[object]) -> str | None:
    """The same for arguments that are single values under names known to be harmless; ``None`` if some are not."""
    parts = []
    for name, value in zip(names, args, strict=False):
        key, scalar = _harmless_keys.get(name), _SCALARS.get(type(value))
        if key is None or scalar is None:
            return None
        parts.append(key + scalar(value))
    return "{" + ",".join(parts) + "}"


def says_all(name: str, value: object) -> bool:
    """Whether the preview of an argument of that name, if it is not longer than others, is the JSON of the value itself.

    >>> says_all("x", [1, {"a": None}]), says_all("x", (1,)), says_all("token", "a")
    (True, False, False)
    """
    return not is_secret(name, value) and _is_drawn_whole(value, MAX_DEPTH)


def is_secret(name: str, value: object = "") -> bool:
    """Whether a parameter or key of that name holds something to hide. A number of ``tokens`` is none.

    >>> is_secret("dbPassword"), is_secret("api_key"), is_secret("keyboard"), is_secret("max_tokens", 100)
    (True, True, False, False)
    """
    return _hides((_names.get(name) or _learn(name)).secrecy, value)


def is_secret_type(kind: type) -> bool:
    """Whether values of the type are masked: ``SecretStr``, ``SecretBytes`` and what is derived from them."""
    return any(base.__name__.partition("[")[0] in _SECRET_TYPES for base in kind.__mro__)


def mask_url(text: str) -> str:
    """A URL without its password, and without what its query calls a secret. Any other text as it is.

    >>> mask_url("postgres://ada:abc@host/db?sslmode=require"), mask_url("https://host/?page=2&api_key=abc")
    ('postgres://ada:***@host/db?sslmode=require', 'https://host/?page=2&api_key=***')
    """
    scheme_end = text.find("://")
    if scheme_end < 0:
        return text
    head, mark, query = _mask_password(text, scheme_end).partition("?")
    return head + mark + "&".join([_mask_parameter(part) for part in query.split("&")])


def _mask_password(text: str, scheme_end: int) -> str:
    start = scheme_end + 3
    stop = min([at for at in (text.find(mark, start) for mark in "/?# \n\"'") if at >= 0], default=len(text))
    at_sign = text.rfind("@", start, stop)
    if at_sign < 0 and stop < len(text):
        return text
    colon = text.find(":", start, stop if at_sign < 0 else at_sign)
    if colon < 0 or (at_sign < 0 and len(text) < _CUT):
        return text
    return f"{text[: colon + 1]}***{'' if at_sign < 0 else text[at_sign:]}"


def _mask_parameter(text: str) -> str:
    """``name=value``, and what follows in the text."""
    name, equals, value = text.partition("=")
    if not equals or not is_secret(name, value):
        return text
    stop = min([at for at in (value.find(mark) for mark in "# \n\"'") if at >= 0], default=len(value))
    return f"{name}=***{value[stop:]}"


def text_json(text: str) -> str:
    """One JSON string. It is ASCII, so a lone surrogate passes as its escape."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    from json.encoder import encode_basestring_ascii  # seldom needed, and json takes a millisecond to import

    return encode_basestring_ascii(text)


class _Sketch:
    """One preview in the making: counts what it has written, so that many small things stay bounded, too."""

    __slots__ = ("_left", "_path")

    def __init__(self) -> None:
        self._left = MAX_CHARACTERS
        self._path: list[int] = []

    def entry(self, name: str, value: object, depth: int) -> str:
        """``"name":value``, the value masked if the name tells of a secret."""
        key, secrecy = _names.get(name) or _learn(name)
        self._left -= len(key)
        if secrecy is not _Secrecy.OPEN and _hides(secrecy, value):
            return key + MASK
        return key + self.draw(value, depth)

    def draw(self, value: object, depth: int) -> str:
        scalar = _SCALARS.get(type(value))
        if scalar is not None:
            text = scalar(value)
            self._left -= len(text) + 1
            return text
        if depth <= 0 or self._left <= 0 or id(value) in self._path:
            return _MORE
        self._path.append(id(value))
        try:
            return self._draw_compound(value, depth - 1)
        except Exception:
            return _named(type(value))
        finally:
            self._path.pop()

    def _draw_compound(self, value: Any, depth: int) -> str:
        kind = type(value)
        if kind is list or kind is tuple:
            return self._draw_items(value, len(value), depth)
        if kind is dict:
            return self._draw_entries(value.items(), len(value), depth)
        fields = None if is_secret_type(kind) else _declared_fields(value, kind)
        if fields is not None:
            return self._draw_entries(fields, None, depth)
        text = _described(value, kind)
        if text is None:
            return self._draw_subclass(value, depth)
        self._left -= len(text)
        return text

    def _draw_subclass(self, value: Any, depth: int) -> str:
        """A user's kind of a built-in type is asked by way of its base: its own methods are not called."""
        bases = type(value).__mro__  # isinstance() would ask the value for its class
        for base in _CONTAINERS:
            if base in bases:
                return self._draw_items(base.__iter__(value), base.__len__(value), depth)
        if dict in bases:
            return self._draw_entries(dict.items(value), dict.__len__(value), depth)
        for base, as_plain in _PLAIN_FORMS.items():
            if base in bases:
                return self.draw(as_plain(value), depth)
        return _named(type(value))

    def _draw_items(self, items: Iterable[object], count: int, depth: int) -> str:
        parts = []
        for item in items if count <= MAX_ITEMS else islice(items, MAX_ITEMS):
            if self._left <= 0:
                break
            parts.append(self.draw(item, depth))
        if count > len(parts):
            parts.append(f'"… {count - len(parts):,} more"')
        return f"[{','.join(parts)}]"

    def _draw_entries(self, entries: Iterable[tuple[object, object]], count: int | None, depth: int) -> str:
        parts = []
        for key, item in islice(entries, MAX_ITEMS):
            if self._left <= 0:
                break
            name = key if type(key) is str else _key_text(self.draw(key, 1))
            parts.append(self.entry(name, item, depth))
        if count is not None and count > len(parts):
            parts.append(f'"…":"{count - len(parts):,} more"')
        return f"{{{','.join(parts)}}}"


def _hides(secrecy: _Secrecy, value: object) -> bool:
    if secrecy is _Secrecy.OPEN or value is None:
        return False
    return secrecy is _Secrecy.SECRET or not isinstance(value, (int, float))


def _learn(name: str) -> _Name:
    words = frozenset(_words(name))
    if not words.isdisjoint(_SECRET_WORDS) or (
        not words.isdisjoint(_KEY_WORDS) and not words.isdisjoint(_KEYS_OF_WHAT)
    ):
        secrecy = _Secrecy.SECRET
    elif not words.isdisjoint(_TOKEN_WORDS):
        secrecy = _Secrecy.SECRET_UNLESS_NUMBER
    else:
        secrecy = _Secrecy.OPEN
    if len(_names) >= _MAX_NAMES:  # keys of data, not of programs
        _names.clear()
        _harmless_keys.clear()
    known = _names[name] = _Name(f"{text_json(_shortened(name))}:", secrecy)
    if secrecy is _Secrecy.OPEN:
        _harmless_keys[name] = known.key
    return known


def _is_drawn_whole(value: Any, depth: int) -> bool:
    kind = type(value)
    if value is None or kind is bool:
        return True
    if kind is int:
        return value.bit_length() <= _MAX_DIGITS * 3  # type: ignore[no-any-return]
    if kind is float:
        return value - value == 0  # type: ignore[no-any-return]
    if kind is str:
        return len(value) <= MAX_TEXT and ("://" not in value or mask_url(value) == value)
    if depth <= 0 or kind not in (list, dict) or len(value) > MAX_ITEMS:
        return False
    if kind is list:
        return all(_is_drawn_whole(item, depth - 1) for item in value)
    return all(
        type(key) is str
        and len(key) <= MAX_TEXT
        and not is_secret(key, item)
        and _is_drawn_whole(item, depth - 1)
        for key, item in value.items()
    )


def _key_text(drawn: str) -> str:
    return drawn[1:-1] if drawn.startswith('"') else drawn


def _draw_int(value: Any) -> str:
    if value.bit_length() > _MAX_DIGITS * 3:
        return f'"<int, {value.bit_length():,} bits>"'
    return str(value)


def _draw_float(value: Any) -> str:
    # A difference that is not 0 tells infinity and NaN, which JSON does not know.
    return repr(value) if value - value == 0 else f'"{value!r}"'


def _draw_text(value: Any) -> str:
    if len(value) <= MAX_TEXT:
        return text_json(mask_url(value) if "://" in value else value)
    return text_json(_shortened(value))


def _draw_bytes(value: Any) -> str:
    if len(value) <= MAX_TEXT // 4:
        return text_json(mask_url(repr(bytes(value))))
    return f'"<{type(value).__name__}, {len(value):,} bytes>"'


_SCALARS: Mapping[type, Callable[[Any], str]] = {
    type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
    int: _draw_int,
    float: _draw_float,
    str: _draw_text,
    bytes: _draw_bytes,
    bytearray: _draw_bytes,
    complex: lambda value: f'"{value!r}"',
    range: lambda value: text_json(_shortened(repr(value))),
}


def _shortened(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return mask_url(text)
    return f"{mask_url(text[:_CUT])[:MAX_TEXT]}… ({len(text):,} characters)"


def _declared_fields(value: Any, kind: type) -> Iterator[tuple[object, object]] | None:
    """The fields that a type declares, without those that it keeps out of its own ``repr``; else ``None``."""
    declared: Any = getattr(kind, "__dataclass_fields__", None)
    if declared is not None:
        return ((field.name, _field_value(value, field.name)) for field in declared.values() if field.repr)
    if tuple in kind.__mro__ and isinstance(getattr(kind, "_fields", None), tuple):
        return zip(kind._fields, tuple.__iter__(value), strict=False)  # type: ignore[attr-defined]
    declared = getattr(kind, "__pydantic_fields__", None)
    if declared is not None:
        return ((name, value.__dict__.get(name)) for name, field in declared.items() if field.repr)
    declared = getattr(kind, "__attrs_attrs__", None)
    if declared is not None:
        return ((field.name, _field_value(value, field.name)) for field in declared if field.repr)
    return None


def _field_value(value: object, name: str) -> object:
    """A field's value from where it is stored: a property under the same name is not called."""
    try:
        stored = object.__getattribute__(value, "__dict__")
    except AttributeError:
        stored = {}
    return stored[name] if name in stored else object.__getattribute__(value, name)


def _described(value: Any, kind: type) -> str | None:
    """What can be said of the value at once; ``None`` if one has to look into it, or nothing can be said."""
    module = kind.__module__
    text = None
    if is_secret_type(kind):
        text = MASK
    elif type(kind).__module__ == "enum":
        text = text_json(_shortened(f"{kind.__name__}.{value._name_}"))
    elif (module, kind.__name__) in _PRINTED_TYPES:
        text = text_json(_shortened(str(value)))
    elif module.partition(".")[0] in _ARRAY_PACKAGES:
        text = _described_array(value, kind)
    elif module == "builtins" and kind.__name__ in _NAMED_THINGS:
        text = text_json(_shortened(f"<{kind.__name__} {value.__qualname__}>"))
    return text


def _described_array(value: Any, kind: type) -> str:
    """Type, shape and element type, as far as the value has them. A single number is shown itself."""
    shape = getattr(value, "shape", None)
    if shape == () and hasattr(value, "item"):
        item = value.item()
        scalar = _SCALARS.get(type(item))
        if scalar is not None:
            return scalar(item)
    parts = [kind.__name__]
    if isinstance(shape, tuple):
        parts.append("x".join(str(extent) for extent in shape))
    elif hasattr(kind, "__len__"):
        parts.append(f"{len(value):,} items")
    element = getattr(value, "dtype", None)
    if element is not None:
        parts.append(str(element))
    return text_json(_shortened(f"<{' '.join(parts)}>"))


def _named(kind: type) -> str:
    return text_json(f"<{_shortened(kind.__qualname__)}>")


def _words(name: str) -> Iterator[str]:
    """The words of a name, in lower case: ``dbPassword``, ``db_password`` and ``DB-PASSWORD`` have the same."""
    word = ""
    for position, character in enumerate(name):
        if not character.isalnum():
            if word:
                yield word.lower()
            word = ""
        elif (
            character.isupper()
            and word
            and (word[-1].islower() or (position + 1 < len(name) and name[position + 1].islower()))
        ):
            yield word.lower()
            word = character
        else:
            word += character
    if word:
        yield word.lower()
