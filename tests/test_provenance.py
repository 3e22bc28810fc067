"""Where a run came from: read from files, and never at the price of the run."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from headrace import provenance
from headrace.history.environment import describe_environment, environment
from headrace.provenance import Provenance, masked_arguments, read_commit, repository_of
from tests.git import git, needs_git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _a_process_that_has_run_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(provenance, "_repositories", {})
    monkeypatch.setattr(provenance, "_process_texts", {})
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "flow.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def of(file: Path) -> Any:
    return json.loads(Provenance("flow.py:my_flow", str(file)).finish(timeout_seconds=20))


def test_a_run_tells_its_entry_point_and_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["flow.py", "--password", "hunter2", "x"])
    told = of(tmp_path / "flow.py")
    assert told["entry_point"] == "flow.py:my_flow"
    assert told["arguments"] == ["flow.py", "--password", "**********", "x"]
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert told["pid"] == os.getpid()
    assert told["host"]
    assert told["user"]
    assert told["commit"] is None
    assert told["dirty"] is None


def test_a_flow_without_a_file_has_no_commit() -> None:
    assert json.loads(Provenance("<stdin>:f").finish())["commit"] is None


@needs_git
def test_a_clean_tree_is_told_from_a_dirty_one(repository: Path) -> None:
    (repository / "untracked").touch()
    told = of(repository / "flow.py")
    assert told["commit"] == git(repository, "rev-parse", "HEAD")
    assert told["dirty"] is False
    provenance._repositories.clear()
    (repository / "flow.py").write_text("x = 2\n")
    assert of(repository / "flow.py")["dirty"] is True


@needs_git
def test_a_file_deep_in_the_tree_belongs_to_it(repository: Path) -> None:
    (repository / "a" / "b").mkdir(parents=True)
    assert of(repository / "a" / "b" / "flow.py")["commit"] == git(repository, "rev-parse", "HEAD")


@needs_git
def test_git_is_asked_once_a_process(repository: Path) -> None:
    file = str(repository / "flow.py")
    assert repository_of(file) is repository_of(file)


@needs_git
def test_what_is_not_known_yet_is_left_open(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Git that never answers costs no more than the time allowed."""
    program = repository / "git"
    program.write_text("#!/bin/sh\nexec sleep 100\n")
    program.chmod(0o755)
    monkeypatch.setattr(provenance, "_find_program", lambda _: str(program))
    run = Provenance("f", str(repository / "flow.py"))
    assert json.loads(run.finish(timeout_seconds=0.01))["dirty"] is None
    pid = repository_of(str(repository / "flow.py"))._status._pid  # type: ignore[union-attr]
    assert pid is not None
    started = time.perf_counter()
    assert json.loads(run.finish(timeout_seconds=50))["dirty"] is None
    assert time.perf_counter() - started < 20
    os.kill(pid, 9)
    os.waitpid(pid, 0)


@needs_git
def test_a_git_that_fails_leaves_it_open(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "_find_program", lambda _: shutil.which("false"))
    assert of(repository / "flow.py")["dirty"] is None


@needs_git
@pytest.mark.parametrize("found", [None, "/nowhere/git"], ids=["no git", "not to be started"])
def test_without_git_the_commit_is_known_all_the_same(
    repository: Path, monkeypatch: pytest.MonkeyPatch, found: str | None
) -> None:
    monkeypatch.setattr(provenance, "_find_program", lambda _: found)
    told = of(repository / "flow.py")
    assert (len(told["commit"]), told["dirty"]) == (40, None)


@needs_git
def test_the_commit_is_found_wherever_git_keeps_it(repository: Path, tmp_path: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    dot_git = str(repository / ".git")
    assert read_commit(dot_git) == commit
    git(repository, "pack-refs", "--all")
    assert read_commit(dot_git) == commit
    git(repository, "checkout", "-q", "--detach")
    assert read_commit(dot_git) == commit
    git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "tree"))
    assert of(tmp_path / "tree" / "flow.py")["commit"] == commit
    git(tmp_path / "tree", "commit", "-q", "--allow-empty", "-m", "second")
    provenance._repositories.clear()
    assert (
        of(tmp_path / "tree" / "flow.py")["commit"] == git(tmp_path / "tree", "rev-parse", "HEAD") != commit
    )


@pytest.mark.parametrize(
    "head", ["", "ref: refs/heads/none", "ref: HEAD", "not a commit", "\udcff"], ids=ascii
)
def test_a_head_that_leads_nowhere_is_no_commit(tmp_path: Path, head: str) -> None:
    (tmp_path / "HEAD").write_text(head, errors="surrogateescape")
    assert read_commit(str(tmp_path)) is None


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--api-key=abc"], ["--api-key=**********"]),
        (["--token", "abc", "--token", "--verbose"], ["--token", "**********", "--token", "--verbose"]),
        (["-p", "password=abc"], ["-p", "password=**********"]),
        (["-p", "db=postgres://a:b@h/x"], ["-p", "db=postgres://a:***@h/x"]),
        (["--max-tokens", "5", "max_tokens=5"], ["--max-tokens", "5", "max_tokens=5"]),
        (["--password", "5", "pwd=5"], ["--password", "**********", "pwd=**********"]),
        (["run", "--name=x"], ["run", "--name=x"]),
        (["x" * 10_000], ["x" * 500]),
        (
            [
                "/usr/bin/headrace",
                "run",
                "a.py:f",
                "-p",
                "s=abc",
                "-ps=abc",
                "--param",
                'db={"password":"abc"}',
                "--param=s=abc",
                "--params",
                "p=1.json",
                "-qps=abc",
                "-qp",
                "s=abc",
            ],
            [
                "/usr/bin/headrace",
                "run",
                "a.py:f",
                "-p",
                "s=**********",
                "-ps=**********",
                "--param",
                "db=**********",
                "--param=s=**********",
                "--params",
                "p=1.json",
                "-qps=**********",
                "-qp",
                "s=**********",
            ],
        ),
        (["serve.py", "-p", "port=80", "-path=x"], ["serve.py", "-p", "port=80", "-path=x"]),
        ([], []),
    ],
)
def test_arguments_are_kept_without_their_secrets(arguments: list[str], expected: list[str]) -> None:
    assert masked_arguments(arguments) == expected


def test_thousands_of_arguments_are_not_all_kept() -> None:
    assert len(masked_arguments(["x"] * 10_000)) == 50


# The environment


def test_the_packages_are_those_that_can_be_imported() -> None:
    from importlib import metadata

    packages = json.loads(environment().packages)
    assert packages["pytest"] == metadata.version("pytest")
    assert environment() is environment()


def test_the_first_folder_that_has_a_package_wins(tmp_path: Path) -> None:
    for name in ("a/my_package-1.0.dist-info", "b/My_Package-2.0.dist-info", "b/other-3.dist-info"):
        (tmp_path / name).mkdir(parents=True)
    found = describe_environment([str(tmp_path / "missing"), str(tmp_path / "a"), str(tmp_path / "b")])
    assert json.loads(found.packages) == {"my-package": "1.0", "other": "3"}


def test_other_packages_have_another_digest(tmp_path: Path) -> None:
    (tmp_path / "a-1.dist-info").mkdir()
    assert describe_environment([str(tmp_path)]).digest != describe_environment([]).digest
