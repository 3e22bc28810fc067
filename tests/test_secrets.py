"""A secret that a flow was given is in none of the bytes that Headrace writes of its own accord."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "swordfish-7c1e"

FLOWS = f"""
import os, sys
from dataclasses import dataclass
from pydantic import BaseModel, SecretStr
from headrace import flow, task, get_run_logger

class Login(BaseModel):
    user: str
    phrase: SecretStr

@dataclass
class Access:
    api_key: str

@task
def use(password, login, options, access, phrase):
    return len(password)

@task(task_run_name="use-{{password}}")
def named(password):
    return 1

@task(retries=1)
def fails(*, token):
    raise ConnectionError("no network")

@flow(flow_run_name="login-{{password}}", persist_result=True)
def guarded(phrase: SecretStr, login: Login, password="{SECRET}", options=None, access=None, month: int = 1):
    use(password, login, options, access, phrase).result()
    named(password).result()
    fails(token=password).exception()
    below(password=password)  # its end is on disk before it is left
    if "killed" in sys.argv:
        os.kill(os.getpid(), 9)
    return month

@flow
def below(*, password):
    return 2

def wrong_month():
    try:
        guarded("{SECRET}", {{"user": "ada", "phrase": "{SECRET}"}}, month="{SECRET[:3]}")
    except Exception as error:
        print("refused", type(error).__name__)

if __name__ == "__main__":
    options = {{"db": {{"password": "{SECRET}"}}, "url": "postgres://ada:{SECRET}@host/db"}}
    login = {{"user": "ada", "phrase": "{SECRET}"}}
    guarded("{SECRET}", login, "{SECRET}", options, Access("{SECRET}"))
    wrong_month()
"""


def files_after(way: str, folder: Path, environment: dict[str, str]) -> dict[str, bytes]:
    """What is in the files of a history when a flow was given secrets, as its program was, too."""
    (folder / "flows.py").write_text(FLOWS, "utf-8")
    secrets = ["--password", SECRET, f"--api-key={SECRET}", f"token={SECRET}"]
    done = subprocess.run(
        [sys.executable, "flows.py", *secrets, way],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        timeout=50,
    )
    assert done.returncode == {"killed": -9}.get(way, 0), done.stderr
    home = environment["HEADRACE_HOME"]
    places = [Path(place, name) for place, _, names in os.walk(home) for name in names]
    return {place.name: place.read_bytes() for place in places}


@pytest.mark.parametrize("way", ["ended", "killed"])
def test_no_file_of_a_history_holds_a_secret_that_a_flow_or_a_task_was_given(
    way: str, tmp_path: Path, user_environment: dict[str, str]
) -> None:
    files = files_after(way, tmp_path, user_environment)

    assert any(b"no network" in content for content in files.values())
    assert any(name.endswith("-wal") and content for name, content in files.items())
    assert [name for name, content in files.items() if SECRET.encode() in content] == []
