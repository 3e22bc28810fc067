"""What there is to tell of numpy's arrays and pandas' tables, for their stable keys."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from headrace.stable_keys import DIGEST_BYTES, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from headrace.stable_keys import Token, Visit, Walk


def numpy_visitor(value: Any) -> Callable[[Walk, Any], Visit] | None:
    """Tells of a value whose class is numpy's; ``None`` for what is no array and no part of one."""
    import numpy as np

    if type(value) in (np.ndarray, np.memmap):
        return _visit_array
    if isinstance(value, np.generic):
        return _visit_array_scalar
    if isinstance(value, np.ndarray):
        return _visit_kind_of_array
    return None


def _visit_array(walk: Walk, value: Any) -> Visit:
    """Kind of element, shape, and the elements in C order: as bytes, if these are all that there is to them."""
    import numpy as np

    dtype = value.dtype
    walk.require(value.nbytes)
    head = ("array", value.shape, str(dtype))
    if dtype.names is not None:  # between fields there may be bytes that mean nothing
        fields = []
        for field in dtype.names:
            token = yield f"[{field!r}]", np.asarray(value[field])
            fields.append((field, token))
        return (*head, fields)
    if dtype.kind not in "biufcmMSUV":
        return (*head, (yield "", value.reshape(-1).tolist()))
    return (*head, dtype.str, _digest_of_buffer(np.ascontiguousarray(value).reshape(-1).view(np.uint8)))


def _digest_of_buffer(buffer: Any) -> bytes:
    return blake2b(memoryview(buffer), digest_size=DIGEST_BYTES).digest()


def _visit_array_scalar(_walk: Walk, value: Any) -> Visit:
    import numpy as np

    return ("array scalar", type(value).__name__, (yield "", np.asarray(value)))


def _visit_kind_of_array(walk: Walk, value: Any) -> Visit:
    walk.require(value.nbytes)
    return (yield from walk.visit_as_pickled(value))


def pandas_visitor(kind: type) -> Callable[[Walk, Any], Visit] | None:
    """Tells of values of a class of pandas'; ``None`` for one that is no table, column or index."""
    import pandas as pd

    if kind is pd.DataFrame:
        return _visit_frame
    if kind is pd.Series:
        return _visit_series
    if issubclass(kind, pd.MultiIndex):
        return _visit_multi_index
    return _visit_index if issubclass(kind, pd.Index) else None


def _visit_frame(walk: Walk, value: Any) -> Visit:
    walk.require(int(value.memory_usage(index=True, deep=False).sum()))
    columns = yield ".columns", value.columns
    index = yield ".index", value.index
    tokens = []
    for place, name in enumerate(value.columns):
        token = yield from _column(f"[{shown(name)}]", value.iloc[:, place])
        tokens.append(token)
    return ("frame", columns, index, tokens, (yield ".attrs", dict(value.attrs)))


def _visit_series(walk: Walk, value: Any) -> Visit:
    walk.require(int(value.nbytes))
    name = yield ".name", value.name
    index = yield ".index", value.index
    token = yield from _column("", value)
    return ("series", name, index, token, (yield ".attrs", dict(value.attrs)))


def _visit_index(walk: Walk, value: Any) -> Visit:
    walk.require(int(value.nbytes))
    names = yield ".names", list(value.names)
    token = yield from _column("", value)
    return ("index", names, token, getattr(value, "freqstr", None))


def _visit_multi_index(walk: Walk, value: Any) -> Visit:
    walk.require(int(value.nbytes))
    levels = []
    for level in range(value.nlevels):
        token = yield f".levels[{level}]", value.get_level_values(level)
        levels.append(token)
    return ("multi index", levels)


def _column(step: str, column: Any) -> Generator[tuple[str, object], Token, Token]:
    """One column, or an index: its kind, and its elements, which however they are held are told alike."""
    import numpy as np
    import pandas as pd

    dtype = column.dtype
    head = ("column", str(dtype))
    if isinstance(dtype, np.dtype):
        return (*head, (yield step, column.to_numpy()))
    if isinstance(dtype, pd.CategoricalDtype):
        values = column.array
        codes = yield f"{step}.codes", np.asarray(values.codes)
        return (*head, codes, bool(dtype.ordered), (yield f"{step}.categories", values.categories))
    if isinstance(dtype, pd.DatetimeTZDtype):
        return (*head, (yield step, pd.DatetimeIndex(column).asi8))
    return (*head, (yield step, column.tolist()))
