"""`headrace ui`: what it prints, and what it refuses to do."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import RunHeadrace


def test_check_tries_what_a_browser_asks_for(run_headrace: RunHeadrace, tmp_path: Path) -> None:
    done = run_headrace("ui", "--check")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "/healthz: ok\n/: ok\n/api/info: ok\n"
    assert [file.name for file in (tmp_path / "headrace-home").iterdir()] == ["access-token"]


def test_check_says_what_fails(run_headrace: RunHeadrace, tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"no database" * 100)

    done = run_headrace("ui", "--check", HEADRACE_DATABASE=str(tmp_path / "history.db"))

    assert done.returncode == 1
    assert "/api/info: 503" in done.stderr
    assert "is not a database" in done.stderr


def test_a_link_is_printed_for_the_server_at_the_port(
    run_headrace: RunHeadrace, user_environment: dict[str, str]
) -> None:
    command = [sys.executable, "-m", "headrace", "ui", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, env=user_environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        (port,) = re.findall(r":(\d+)/login", server.stdout.readline())
        first, second = (run_headrace("ui", "--link", "--port", port).stdout for _ in range(2))
        server.terminate()
    nobody = run_headrace("ui", "--link", "--port", port)

    assert re.fullmatch(rf"http://127\.0\.0\.1:{port}/login\?token=[0-9a-f.]+\n", first)
    assert first != second
    assert nobody.returncode == 1
    assert nobody.stderr == (
        f"headrace: No page of yours is served at http://127.0.0.1:{port}: start `headrace ui`, or give its --port.\n"
    )


def test_no_link_is_printed_to_another_program_at_the_port(run_headrace: RunHeadrace) -> None:
    def answer(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"SSH-2.0-another\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=(listener,), daemon=True).start()
        done = run_headrace("ui", "--link", "--port", str(listener.getsockname()[1]))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("headrace: No page of yours is served at ")


def test_a_token_file_that_is_not_there_is_the_users_to_write(
    run_headrace: RunHeadrace, tmp_path: Path
) -> None:
    done = run_headrace("ui", "--token-file", str(tmp_path / "none"))

    assert done.returncode == 1
    assert "Write one into it" in done.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_other_machines_are_not_let_in_without_a_token_of_the_user(
    run_headrace: RunHeadrace, host: str
) -> None:
    done = run_headrace("ui", "--host", host, "--port", "0")

    assert done.returncode == 1
    assert done.stderr.startswith(f"headrace: {host} lets other machines in, and is refused")
    assert "--token-file" in done.stderr


def test_a_token_file_that_others_can_read_is_refused(run_headrace: RunHeadrace, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("x" * 40, "utf-8")
    file.chmod(0o644)

    done = run_headrace("ui", "--token-file", str(file))

    assert done.returncode == 1
    assert "chmod 600" in done.stderr


def test_a_port_that_is_taken_is_one_line(run_headrace: RunHeadrace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        done = run_headrace("ui", "--port", str(port), "--no-browser")

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"Port {port} of 127.0.0.1 is taken" in done.stderr
    assert "--port" in done.stderr


def test_a_history_in_memory_cannot_be_shown(run_headrace: RunHeadrace) -> None:
    done = run_headrace("ui", HEADRACE_DATABASE=":memory:")

    assert done.returncode == 1
    assert "HEADRACE_DATABASE is :memory:" in done.stderr
