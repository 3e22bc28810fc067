"""What goes to a worker: the commission, once a task and flow run, and an errand for each attempt."""

from __future__ import annotations

from _pickle import dumps as dump_plainly
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.dependencies import FutureLike
from headrace.history.results import PROTOCOL, is_small
from headrace.task_runners.remote.pickling import dump, loads

if TYPE_CHECKING:
    from headrace.history.keeping import Keeping, ResultPlace
    from headrace.task_runners.call import TaskDefinition
    from headrace.task_runners.remote.pickling import ModuleNames

_COMMISSIONS_KEPT = 256


class Commission(NamedTuple):
    """What all attempts of one task in one flow run have in common.

    It stands where a flow run would, for the code that a worker executes. ``address`` is where the flow's process
    listens.
    """

    flow_run_id: str
    flow_name: str
    name: str
    address: str
    logs_prints: bool
    task: TaskDefinition
    keeping: Keeping | None
    """How results are kept where the task does not say so itself; ``None`` for the usual way."""
    place: ResultPlace
    """Where files of results go."""

    @property
    def is_on_worker(self) -> bool:
        """Its code executes on a remote worker."""
        return True


class PackedCommission(NamedTuple):
    """A commission as it travels; ``digest`` tells it from others."""

    digest: bytes
    packed: bytes


class Errand(NamedTuple):
    """One attempt. ``arguments`` hold an ``Upstream`` wherever a value is to be had on the cluster."""

    id: int
    index: int  # type: ignore[assignment]  # hides tuple.index(), which nobody needs of an errand
    number: int
    run_name: str | None
    tags: tuple[str, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    has_stand_ins: bool
    """Whether there are values to be put into their places in the arguments."""


class Upstream(FutureLike):
    """Stands in the arguments for the value of an upstream: the one at this position among those that come along."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position

    def __reduce__(self) -> tuple[type[Upstream], tuple[int]]:
        return Upstream, (self.position,)


class SentAlong(FutureLike):
    """Stands in the arguments for the value of an upstream that is sent along, pickled."""

    __slots__ = ("pickled",)

    def __init__(self, pickled: bytes) -> None:
        self.pickled = pickled

    def __reduce__(self) -> tuple[type[SentAlong], tuple[bytes]]:
        return SentAlong, (self.pickled,)


def pack_commission(commission: Commission, by_value: ModuleNames) -> PackedCommission:
    """The commission, pickled. Raises what the pickling of its function raises."""
    packed = dump(tuple(commission), by_value)
    return PackedCommission(blake2b(packed, digest_size=16).digest(), packed)


def unpack_commission(commission: PackedCommission) -> Commission:
    """The commission; each is unpickled once a process. Raises what its unpickling raises."""
    digest, packed = commission
    known = _commissions.get(digest)
    if known is None:
        known = Commission(*loads(packed))
        if len(_commissions) >= _COMMISSIONS_KEPT:
            _commissions.clear()
        _commissions[digest] = known
    return known


def address_of(digest: bytes) -> str | None:
    """Where the flow's process listens, if the commission was unpickled in this process."""
    known = _commissions.get(digest)
    return None if known is None else known.address


_commissions: dict[bytes, Commission] = {}


def pack_errand(errand: Errand, by_value: ModuleNames) -> bytes:
    """The errand, pickled. Raises what the pickling of its arguments raises."""
    if is_small(errand.args) and is_small(errand.kwargs):
        return dump_plainly(tuple(errand), PROTOCOL)
    return dump(tuple(errand), by_value)


def unpack_errand(packed: bytes) -> Errand:
    """The errand. Raises what the unpickling of its arguments raises."""
    return Errand(*loads(packed))
