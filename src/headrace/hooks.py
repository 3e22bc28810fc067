"""Hooks: the functions that a person wants called when a run comes into a state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.engine.states import StateType

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Hook = Callable[..., Any]
    HookOption = Hook | Sequence[Hook] | None


class Hooks(NamedTuple):
    """The hooks of a task or a flow, each called as ``hook(task_or_flow, run, state)``, in order."""

    on_running: tuple[Hook, ...] = ()
    on_completion: tuple[Hook, ...] = ()
    on_failure: tuple[Hook, ...] = ()
    on_crashed: tuple[Hook, ...] = ()
    on_cancelled: tuple[Hook, ...] = ()

    def __bool__(self) -> bool:
        return self != _NONE

    def of(self, state_type: StateType) -> tuple[Hook, ...]:
        """The hooks to call when a run comes into a state of this type."""
        index = _FIELD_OF.get(state_type)
        return () if index is None else self[index]


_FIELD_OF = {
    StateType.RUNNING: 0,
    StateType.COMPLETED: 1,
    StateType.FAILED: 2,
    StateType.CRASHED: 3,
    StateType.CANCELLED: 4,
}
_NONE = tuple.__new__(Hooks, ((), (), (), (), ()))
NO_HOOKS: Hooks = _NONE


def gather_hooks(**options: HookOption) -> Hooks:
    """The hooks from a decorator's options: a function, several, or ``None`` for each.

    Raises ``TypeError`` for what cannot be called.
    """
    if not any(options.values()):
        return NO_HOOKS
    return Hooks(**{name: _as_tuple(name, option) for name, option in options.items()})


def _as_tuple(name: str, option: HookOption) -> tuple[Hook, ...]:
    if option is None:
        return ()
    hooks = (option,) if callable(option) or not isinstance(option, list | tuple) else tuple(option)
    for hook in hooks:
        if not callable(hook):
            raise TypeError(
                f"{name}: {hook!r} cannot be called; give a function of (task or flow, run, state)"
            )
    return hooks
