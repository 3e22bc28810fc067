"""Async tasks in an async flow: `await` one to run it to its end, `gather` several to run them together."""

import asyncio

from headrace import flow, task


@task
async def spell(word: str) -> str:
    for letter in word:
        await asyncio.sleep(0.1)
        print(letter, end=" ", flush=True)
    return word


@flow
async def spelling() -> list[str]:
    first = await spell("go")  # done before the next line
    others = await asyncio.gather(spell("abc"), spell("123"))  # letter and digit in turn
    print()
    return [first, *others]


if __name__ == "__main__":
    print(asyncio.run(spelling()))
