"""The tools behind `make`: a Python is found that really runs, and the lowest dependencies are the lower bounds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from runpy import run_path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

PROJECT = Path(__file__).resolve().parent.parent
FIND_PYTHON = PROJECT / "tools" / "find_python.sh"
THIS_VERSION = f"3.{sys.version_info.minor}"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="make and sh are for Linux and macOS")


def find_python(wanted: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    folders = path if path is not None else os.environ["PATH"]
    return subprocess.run(
        ["/bin/sh", str(FIND_PYTHON), wanted],
        env=os.environ | {"PATH": folders},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def minor_version_of(python: str) -> int:
    program = "import sys; print(sys.version_info[1])"
    return int(subprocess.run([python, "-c", program], capture_output=True, text=True, check=True).stdout)


@pytest.fixture
def folder_of_this_python(tmp_path: Path) -> Path:
    folder = tmp_path / "real"
    folder.mkdir()
    (folder / f"python{THIS_VERSION}").symlink_to(sys.executable)
    return folder


def test_a_python_of_the_wanted_version_is_found(folder_of_this_python: Path) -> None:
    path = f"{folder_of_this_python}{os.pathsep}/usr/bin{os.pathsep}/bin"

    exact, at_least = find_python(THIS_VERSION, path), find_python("3.11+", path)

    assert minor_version_of(exact.stdout.strip()) == sys.version_info.minor
    assert minor_version_of(at_least.stdout.strip()) >= 11


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path, folder_of_this_python: Path) -> None:
    shims = tmp_path / "shims"
    shims.mkdir()
    shim = shims / f"python{THIS_VERSION}"
    shim.write_text("#!/bin/sh\necho 'that version is not active' >&2\nexit 127\n", "utf-8")
    shim.chmod(0o755)

    found = find_python(
        THIS_VERSION, os.pathsep.join([str(shims), str(folder_of_this_python), "/usr/bin", "/bin"])
    )

    assert found.returncode == 0, found.stderr
    assert not found.stdout.startswith(str(shims))
    assert minor_version_of(found.stdout.strip()) == sys.version_info.minor


def test_a_python_that_is_not_there_is_said_in_one_line() -> None:
    found = find_python("3.99")

    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr == "Python 3.99 was not found\n"


def test_the_lowest_dependencies_are_the_lower_bounds() -> None:
    lowest_dependencies = run_path(str(PROJECT / "tools" / "environment.py"))["lowest_dependencies"]

    pins = list(map(Requirement, lowest_dependencies()))
    assert "click==8.1.7" in lowest_dependencies()
    assert all([specifier.operator for specifier in pin.specifier] == ["=="] for pin in pins), pins
    assert {pin.name for pin in pins} == {str(wanted.name) for wanted in requirements_of_the_package()}


def test_the_lowest_dependencies_can_be_given_to_pip_as_constraints() -> None:
    lowest_dependencies = run_path(str(PROJECT / "tools" / "environment.py"))["lowest_dependencies"]

    pins = list(map(Requirement, lowest_dependencies()))
    assert not any(pin.extras for pin in pins), "pip takes no constraint that names an extra"
    assert len({pin.name for pin in pins}) == len(pins), (
        "two extras want different versions of the same package"
    )


def requirements_of_the_package() -> list[Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    return [
        Requirement(line)
        for lines in (project["dependencies"], *project["optional-dependencies"].values())
        for line in lines
    ]


@pytest.mark.parametrize("target", ["demo", "test"])
def test_make_makes_the_environment_itself(target: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["make", "--dry-run", f"VENV={tmp_path / 'venv'}", f"PYTHON={sys.executable}", target],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )

    made, *then = [
        line for line in done.stdout.splitlines() if "python" in line and not line.startswith("test ")
    ]
    assert made == f"{sys.executable} tools/environment.py {tmp_path / 'venv'} {target}"
    assert then[0].startswith(f"{tmp_path / 'venv'}/bin/python ")


def dry_run(*targets: str) -> str:
    command = ["make", "--dry-run", f"PYTHON={sys.executable}", *targets]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=50, check=True).stdout


def test_make_check_is_all_that_ci_runs() -> None:
    (side_by_side,) = [line for line in dry_run("check").splitlines() if "side_by_side" in line]
    said = dry_run(*side_by_side.split("side_by_side.py ")[1].split())

    for part in ("ruff format --check", "ruff check", "/mypy", "/pyright", "/lint-imports", "coverage run -m pytest",
                 "coverage report", "find_python.sh 3.13", "--lowest"):  # fmt: skip
        assert part in said
    assert "make check" in (PROJECT / ".ci" / "run").read_text("utf-8").splitlines()


def paths_of(target: str) -> set[str]:
    """The files and folders that the target has pytest run."""
    (run,) = runs_of(target)
    return run


def runs_of(target: str) -> list[set[str]]:
    runs = [line for line in dry_run(target).splitlines() if "pytest" in line]
    return [{part for part in run.split() if part.startswith("tests/")} for run in runs]


@pytest.mark.parametrize("target", ["test-3.12", "test-3.13"])
def test_another_python_runs_what_depends_on_python(target: str) -> None:
    run = paths_of(target)
    assert run >= {
        "tests/semantics",
        "tests/test_code_digests.py",
        "tests/test_interrupts.py",
        "tests/test_tracebacks.py",
    }
    assert "tests/task_runners/test_concurrent.py" in run
    assert run.isdisjoint({"tests/test_benchmarks.py", "tests/test_docs.py", "tests/test_examples.py"})
    assert all((PROJECT / path).exists() for path in run)


def test_at_night_the_other_pythons_run_all_that_needs_no_extras() -> None:
    at_night = [run for run in runs_of("nightly") if "tests/semantics" in run]

    assert [run >= {"tests/task_runners/process", *paths_of("test-3.12")} for run in at_night] == [True, True]


def test_by_day_and_night_the_lowest_versions_run_the_whole_command_line_and_the_conformance_of_processes() -> (
    None
):
    run = paths_of("test-lowest").union(*runs_of("nightly"))

    assert run >= {
        path.relative_to(PROJECT).as_posix() for path in (PROJECT / "tests" / "cli").glob("test_*.py")
    }
    assert "tests/task_runners/process/test_conformance.py" in run


def test_the_lowest_versions_run_what_depends_on_a_library() -> None:
    run = paths_of("test-lowest")
    assert run >= {
        "tests/cli/test_program.py",
        "tests/cli/test_texts.py",
        "tests/history/test_serializers.py",
        "tests/server",
        "tests/task_runners/dask/test_conformance.py",
    }
    assert all((PROJECT / path).exists() for path in run)


@pytest.mark.parametrize(
    ("group", "held"),
    [("check", {".demo", ".test", ".check"}), ("test", {".demo", ".test"}), ("demo", {".demo"})],
)
def test_an_environment_is_not_made_again_for_a_group_that_it_holds(
    group: str, held: set[str], tmp_path: Path
) -> None:
    environment = tmp_path / "venv"
    environment.mkdir()
    make = ["make", f"VENV={environment}", "PYTHON=:", f"{environment}/.{group}"]

    subprocess.run(make, cwd=PROJECT, capture_output=True, timeout=50, check=True)

    assert {stamp.name for stamp in environment.iterdir()} == held


# -- side by side ---------------------------------------------------------------------------------------

MAKEFILE = """
one: ; @echo "the first says"; echo "two lines"
wrong: ; @echo "what is wrong"; exit 3
late: ; @until test -e begun; do :; done; echo "the late one says"
early: ; @touch begun
orphan: ; @exec 3> fifo; echo "began a daemon"; sleep 1000 &
stuck: ; @sleep 1000
endless: ; @echo "never ends"; echo > fifo; sleep 1000
"""


@pytest.fixture
def side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, object]]:
    """Runs targets of a small Makefile, and gives what was printed and what the process would exit with."""
    (tmp_path / "Makefile").write_text(MAKEFILE, "utf-8")
    monkeypatch.chdir(tmp_path)

    def run(*targets: str, at_a_time: int = 2, patience: float = 50) -> tuple[str, object]:
        code: object = 0
        try:
            run_path(str(PROJECT / "tools" / "side_by_side.py"))["main"](list(targets), at_a_time, patience)
        except SystemExit as end:
            code = end.code
        return capsys.readouterr().out, code

    return run


def test_targets_run_at_the_same_time_and_print_apart(
    side_by_side: Callable[..., tuple[str, object]],
) -> None:
    printed, code = side_by_side("late", "early")  # the late one waits for the early one

    assert code == 0
    assert re.search(r"make late: passed, \d+ s ────\nthe late one says\n", printed)
    assert "make early: passed" in printed


def test_what_failed_is_shown_whole_at_the_end_and_named(
    side_by_side: Callable[..., tuple[str, object]],
) -> None:
    printed, code = side_by_side("wrong", "one", at_a_time=1)

    passed, failed = printed.split("make wrong: failed with exit code 2")
    assert "the first says\ntwo lines" in passed
    assert "what is wrong" in failed
    assert code == "Failed: wrong"


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Future[str]]:
    """What is written to the named pipe, once nobody has it open any more."""
    os.mkfifo(tmp_path / "fifo")
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit((tmp_path / "fifo").read_text, "utf-8")


def test_what_a_target_leaves_running_is_stopped_and_not_waited_for(
    side_by_side: Callable[..., tuple[str, object]], reading: Future[str]
) -> None:
    printed, code = side_by_side("orphan")

    assert code == 0
    assert "began a daemon" in printed
    assert not reading.result(timeout=50)  # the daemon held the pipe open


def test_a_target_that_does_not_end_is_interrupted_and_named(
    side_by_side: Callable[..., tuple[str, object]],
) -> None:
    printed, code = side_by_side("stuck", patience=1)

    assert "make stuck: interrupted after 1 s" in printed
    assert code == "Failed: stuck"


def test_the_last_line_of_each_that_runs_tells_how_far_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "test").write_text("tests/test_one.py ... [ 40%]\ntests/test_two.py . [ 60%]\n\n")
    (tmp_path / "lint").write_text("")
    tell_how_far = run_path(str(PROJECT / "tools" / "side_by_side.py"))["tell_how_far"]

    tell_how_far({name: tmp_path / name for name in ("test", "lint", "not begun")})

    assert capsys.readouterr().out == "make test: tests/test_two.py . [ 60%]\n"


def test_whoever_stops_them_is_shown_what_they_printed(tmp_path: Path, reading: Future[str]) -> None:
    (tmp_path / "Makefile").write_text(MAKEFILE, "utf-8")
    program = [sys.executable, str(PROJECT / "tools" / "side_by_side.py"), "endless"]
    with subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert reading.result(timeout=50) == "\n"
        running.terminate()
        printed, errors = running.communicate(timeout=50)

    assert "make endless: stopped" in printed
    assert "never ends" in printed
    assert errors.endswith("Stopped by a SIGTERM.\n")
    assert running.returncode == 1


# -- with or without uv, with or without a pip of its own -----------------------------------------------

PYTHON_WITHOUT_ENSUREPIP = """#!/bin/sh
case "$*" in *--without-pip*|*"-m pip"*) ;; *"-m venv"*) exit 1 ;; esac
echo "$@" >> {log}
"""
UV = """#!/bin/sh
echo "uv $@" >> {log}
"""


@pytest.fixture
def create(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Makes an environment with stand-ins for the programs that could, and tells those that were called."""

    def create(**programs: str) -> list[str]:
        log = tmp_path / "log"
        log.touch()
        for name, text in programs.items():
            (tmp_path / name).write_text(text.format(log=log), "utf-8")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        run_path(str(PROJECT / "tools" / "environment.py"))["_create"](tmp_path / "venv")
        return log.read_text("utf-8").splitlines()

    return create


def test_python_makes_the_environment_if_it_can(create: Callable[..., list[str]], tmp_path: Path) -> None:
    assert create(python='#!/bin/sh\necho "$@" >> {log}\n', uv=UV) == [f"-m venv {tmp_path / 'venv'}"]


def test_uv_makes_the_environment_where_python_cannot(
    create: Callable[..., list[str]], tmp_path: Path
) -> None:
    made = f"uv venv --quiet --seed --python {tmp_path / 'python'} {tmp_path / 'venv'}"

    assert create(python=PYTHON_WITHOUT_ENSUREPIP, uv=UV) == [made]


def test_pip_of_this_python_makes_it_where_there_is_no_uv(
    create: Callable[..., list[str]], tmp_path: Path
) -> None:
    empty, pip = create(python=PYTHON_WITHOUT_ENSUREPIP)

    assert empty == f"-m venv --clear --without-pip {tmp_path / 'venv'}"
    assert pip.startswith(f"-m pip --python {tmp_path / 'venv'}/bin/python install --quiet pip")


def test_what_is_missing_is_said_where_nothing_can_make_it(create: Callable[..., list[str]]) -> None:
    with pytest.raises(SystemExit, match=r"lacks ensurepip.*python3-venv on Debian.*uv"):
        create(python="#!/bin/sh\nexit 1\n")
