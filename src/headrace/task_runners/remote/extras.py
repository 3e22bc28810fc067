"""What a task runner needs beyond the core is installed, or said to be missing."""

from __future__ import annotations

from importlib.util import find_spec

from headrace.errors import MissingExtraError


def require_extra(extra: str, *modules: str) -> None:
    """Raise ``MissingExtraError`` unless all these modules can be found. Imports none of them."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"the {extra} task runner needs {' and '.join(missing)}, which cannot be imported here:"
            f' pip install "headrace[{extra}]" installs it'
        )
