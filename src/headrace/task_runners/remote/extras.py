"""What a task runner needs beyond the core is installed, or said to be missing."""

from __future__ import annotations

from importlib.util import find_spec

from headrace.errors import MissingExtraError


def require_extra(who: str, extra: str, *modules: str) -> None:
    """Raise ``MissingExtraError`` unless all these modules can be found. Imports none of them."""
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtraError(
                f'{who} needs the package {module!r}, which is not installed: pip install "headrace[{extra}]"',
                name=module,
            )
