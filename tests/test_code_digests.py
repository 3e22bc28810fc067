"""Code digests: another text when what a function does is another, and only then."""

from __future__ import annotations

import functools
import pickle
import textwrap
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from headrace import task
from headrace.code_digests import code_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import RunPython


def module_of(source: str, *, name: str = "some_module", file: str = "some_module.py") -> Any:
    """A module of that text, as if it had been imported from that file."""
    module = ModuleType(name)
    exec(compile(textwrap.dedent(source), file, "exec"), module.__dict__)
    return module


def digest_of(source: str, function: str = "work", **place: str) -> str:
    return code_digest(getattr(module_of(source, **place), function))


BASE = """
    import math

    FACTOR = 2
    COLUMNS = ["a", "b"]
    seen = []

    def clean(x):
        return round(scale(x))

    def scale(x):
        return FACTOR * x

    class Table:
        def rows(self):
            return clean(7)

    def work(x, y=1, *, z=2):
        "What it says."
        seen.append(x)
        return clean(x) + y + z + math.sqrt(4) + Table().rows() + len(COLUMNS)
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("return clean(x) + y", "return clean(x) - y"),
        ("math.sqrt(4)", "math.sqrt(5)"),
        ("math.sqrt(4)", "math.sqrt(4.0)"),
        ("math.sqrt", "math.floor"),
        ("y=1", "y=1.0"),
        ("y=1", "y=True"),
        ("z=2", "z=3"),
        ("return round(scale(x))", "return scale(x)"),
        ("FACTOR * x", "FACTOR + x"),
        ("FACTOR = 2", "FACTOR = 3"),
        ('["a", "b"]', '["a", "c"]'),
        ("return clean(7)", "return clean(8)"),
        ("work(x, y=1, *, z=2)", "work(x, y=1, z=2)"),
    ],
    ids=lambda text: text,
)
def test_what_the_code_or_a_helper_does_counts(before: str, after: str) -> None:
    assert before in BASE
    assert digest_of(BASE) != digest_of(BASE.replace(before, after))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"What it says."', '"Says something else."'),
        ('"What it says."\n', "\n"),
        ("def clean(x):\n", "# a comment\n\n\n    def clean(x):\n        # another one\n"),
        ("def clean(x):\n", 'def clean(x):\n        "Says what a helper does."\n'),
        ("seen = []", "seen = [1, 2, 3]"),
        ("class Table:\n", 'class Table:\n        "A table."\n'),
        ("import math", "import math\n    def unused(): ..."),
    ],
    ids=lambda text: text,
)
def test_what_the_code_only_says_does_not_count(before: str, after: str) -> None:
    assert before in BASE
    assert digest_of(BASE) == digest_of(BASE.replace(before, after))


def test_file_line_and_the_name_of_the_module_do_not_count() -> None:
    moved = "\n\n\n" + BASE
    assert digest_of(BASE) == digest_of(moved, name="elsewhere", file="deep/down/elsewhere.py")


def test_a_function_defined_inside_counts_with_its_docstring_left_out() -> None:
    source = """
        def work(x):
            def inner(y):
                "{doc}"
                return y {sign} 1
            class Inside:
                "{doc}"
            return inner(x)
    """
    same = {digest_of(source.format(doc=doc, sign="+")) for doc in ("one", "two")}
    assert len(same) == 1
    assert digest_of(source.format(doc="one", sign="-")) not in same


def test_constants_of_equal_value_and_different_type_are_told_apart() -> None:
    constants = ["1", "1.0", "True", "'1'", "b'1'", "(1,)", "0.0", "-0.0", "None", "..."]
    assert len({digest_of(f"def work(): return {constant}") for constant in constants}) == len(constants)


def adder(n: object) -> Callable[[int], object]:
    return lambda x: (x, n)


def test_values_of_a_closure_count() -> None:
    assert code_digest(adder(1)) == code_digest(adder(1))
    assert len({code_digest(adder(n)) for n in (1, 2, 1.0, [1], {"a": 1})}) == 5


def test_a_value_of_a_closure_without_a_stable_key_counts_by_its_type() -> None:
    assert code_digest(adder(n for n in [1])) == code_digest(adder(n for n in [2]))
    assert code_digest(adder(object)) != code_digest(adder(n for n in [2]))


def test_functions_in_a_closure_count_by_their_code() -> None:
    assert code_digest(adder(lambda: 1)) == code_digest(adder(lambda: 1))
    assert code_digest(adder(lambda: 1)) != code_digest(adder(lambda: 2))


def test_a_function_that_calls_itself_has_a_digest() -> None:
    source = "def work(x): return other(x - {n}) if x else 0\ndef other(x): return work(x)"
    assert digest_of(source.format(n=1)) == digest_of(source.format(n=1))
    assert digest_of(source.format(n=1)) != digest_of(source.format(n=2))


def test_a_cycle_of_many_functions_takes_no_time_to_speak_of() -> None:
    count = 60
    source = "".join(
        f"def f{n}(x): return " + " + ".join(f"f{other}(x)" for other in range(count) if other != n) + "\n"
        for n in range(count)
    )
    assert digest_of(source, "f0") == digest_of(source, "f0")


def test_a_task_that_is_named_counts_by_its_function() -> None:
    source = """
        from headrace import task

        @task{options}
        def helper(x):
            return x {sign} 1

        def work(x):
            return helper(x).result()
    """
    plain = digest_of(source.format(options="", sign="+"))
    assert plain == digest_of(source.format(options="(retries=3)", sign="+"))
    assert plain != digest_of(source.format(options="", sign="-"))


def test_a_cached_helper_counts_by_the_function_that_it_wraps() -> None:
    source = "import functools\n@functools.cache\ndef helper(): return {n}\ndef work(): return helper()"
    assert digest_of(source.format(n=1)) != digest_of(source.format(n=2))


class Adder:
    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, x: int) -> int:
        return x + self.n

    def add(self, x: int) -> int:
        return x + self.n

    @classmethod
    def one(cls) -> int:
        return 1


def power(x: int, y: int) -> int:
    return int(x**y)


def test_whatever_can_be_called_has_a_digest() -> None:
    things: list[Callable[..., Any]] = [
        len,
        str.join,
        "".join,
        Adder,
        Adder(1),
        Adder(2),
        Adder(1).add,
        Adder(2).add,
        Adder.one,
        functools.partial(power, 2),
        functools.partial(power, 3),
        functools.partial(power, y=3),
        functools.cache(power),
        power,
    ]
    digests = [code_digest(thing) for thing in things]
    assert all(len(digest) == 32 for digest in digests)
    assert len(set(digests)) == len(things)


def test_what_refuses_every_question_has_a_digest() -> None:
    class Stubborn:
        __hash__ = None  # type: ignore[assignment]

        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

        def __call__(self) -> None: ...

    assert len(code_digest(Stubborn())) == 32


def test_the_digest_of_a_task_is_asked_for_by_its_function() -> None:
    @task
    def double(x: int) -> int:
        return 2 * x

    assert len(code_digest(double.fn)) == 32


def test_each_function_is_looked_at_once() -> None:
    numbers = [1]
    work = adder(numbers)
    before = code_digest(work)
    numbers.append(2)
    assert code_digest(work) == before


def test_other_processes_find_the_same(run_python: RunPython, user_environment: dict[str, str]) -> None:
    program = textwrap.dedent(BASE) + (
        "\nfrom headrace.code_digests import code_digest\n"
        "def many(x): return x in {'a', 'b', 'c', 'd', 1, None}\n"
        "print(code_digest(work), code_digest(many))"
    )
    seen = set()
    for seed in "0123":
        user_environment["PYTHONHASHSEED"] = seed
        seen.add(run_python("-c", program).stdout)
    assert len(seen) == 1


class Pickled:
    """Pickling an instance leaves an attribute on its class."""

    number = 1


def test_a_class_that_has_been_pickled_is_the_same_class() -> None:
    def makes() -> Pickled:
        return Pickled()

    def makes_too() -> Pickled:
        return Pickled()

    before = code_digest(makes)
    pickle.dumps(Pickled(), 2)
    assert "__slotnames__" in vars(Pickled)
    assert code_digest(makes_too) == before
