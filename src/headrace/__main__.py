"""``python -m headrace``: the ``headrace`` command of this very interpreter."""

from __future__ import annotations

from headrace.cli import main

if __name__ == "__main__":
    main()
