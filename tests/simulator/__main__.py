"""``python -m tests.simulator [--seed N] [--flows M] [--world orchestrator|driver] [--story]``."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from tests.simulator import driven, world

if TYPE_CHECKING:
    from collections.abc import Callable

WORLDS: dict[str, Callable[[int], Any]] = {"orchestrator": world.play, "driver": driven.play}


def main() -> int:
    """Play flows; 1 if one of them broke an invariant."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, help="the seed of the first flow; alone: play that one flow")
    parser.add_argument("--flows", type=int, help="how many flows to play, of one seed after another")
    parser.add_argument("--world", choices=WORLDS, help="only this one; both if not given")
    parser.add_argument("--story", action="store_true", help="tell what happens in each flow")
    options = parser.parse_args()
    count = options.flows or (10_000 if options.seed is None else 1)
    first = options.seed or 0
    names = [options.world] if options.world else list(WORLDS)
    return max([play_all(name, range(first, first + count), tells=options.story) for name in names])


def play_all(name: str, seeds: range, *, tells: bool) -> int:
    """Play the flows of these seeds in one of the worlds, up to the first that breaks."""
    began = time.perf_counter()
    for seed in seeds:
        try:
            played = WORLDS[name](seed)
        except Exception as error:
            report(name, seed, error)
            return 1
        if tells:
            print(f"The events of seed {seed}:", *played.story, sep="\n")
    seconds = time.perf_counter() - began
    print(
        f"{name}: {len(seeds)} flows in {seconds:.1f} s, {len(seeds) / seconds:.0f} a second; nothing broke"
    )
    return 0


def report(name: str, seed: int, error: Exception) -> None:
    """Print all that it takes to understand what broke: where, the events, the seed."""
    story = "\n".join(getattr(error, "__notes__", ()))
    traceback.print_tb(error.__traceback__)
    print(f"The events of the flow that broke:\n{story}\n")
    print(f"{type(error).__name__}: {error}")
    print(
        f"The seed that failed: {seed}. Play it again: python -m tests.simulator --world {name} --seed {seed}"
    )


if __name__ == "__main__":
    sys.exit(main())
