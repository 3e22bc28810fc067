"""``python -m tests.simulator [--seed N] [--runs M] [--world orchestrator|driver]``."""

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
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, help="play the flow of this seed, and tell its story")
    parser.add_argument("--runs", type=int, default=10_000, help="how many flows to play")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    parser.add_argument("--world", choices=WORLDS, help="only this one; both if not given")
    options = parser.parse_args()
    names = [options.world] if options.world else list(WORLDS)
    seeds = range(options.first, options.first + options.runs) if options.seed is None else [options.seed]
    return max(play_all(name, seeds, is_verbose=options.seed is not None) for name in names)


def play_all(name: str, seeds: range | list[int], *, is_verbose: bool) -> int:
    """Play the flows of these seeds; 1 if one broke an invariant."""
    began = time.perf_counter()
    for seed in seeds:
        try:
            played = WORLDS[name](seed)
        except Exception:
            traceback.print_exc()
            print(
                f"\nThe seed that failed: {seed}. Play it again: python -m tests.simulator --world {name} --seed {seed}"
            )
            return 1
        if is_verbose:
            print(*map(world.tell_event, played.story), sep="\n")
    seconds = time.perf_counter() - began
    print(
        f"{name}: {len(seeds)} flows in {seconds:.1f} s, {len(seeds) / seconds:.0f} a second; nothing broke"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
