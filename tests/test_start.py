"""start.py finds a Python, makes an environment, says plainly what is wrong, and ends what it started."""

from __future__ import annotations

import glob
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """start.py as a module that believes it stands in an empty folder."""
    spec = importlib.util.spec_from_file_location("start_under_test", REPOSITORY / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    (tmp_path / "requirements.txt").write_text("visdom==0.3.0\n")
    return module


def make_executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


needs_shell = pytest.mark.skipif(os.name == "nt", reason="the stand-in interpreters are shell scripts")


@needs_shell
def test_a_python_that_does_not_answer_is_passed_over(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pyenv shim for a version that is not chosen exits with 127; pyenv's folder has the real one."""
    make_executable(tmp_path / "bin" / "python3.12", "#!/bin/sh\nexit 127\n")
    make_executable(tmp_path / "bin" / "python3", "#!/bin/sh\necho 3.9\n")
    real = make_executable(tmp_path / "pyenv/versions/3.13.5/bin/python", "#!/bin/sh\necho 3.13\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert start.find_python() == [str(real)]


@needs_shell
def test_uv_is_asked_for_a_python(start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = make_executable(tmp_path / "uv-pythons/python", "#!/bin/sh\necho 3.12\n")
    answer = f'case "$4" in 3.12) echo {real};; *) exit 2;; esac'
    make_executable(tmp_path / "bin" / "uv", f"#!/bin/sh\n{answer}\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "none"))
    assert start.find_python() == [str(real)]


def test_without_a_new_python_the_way_out_is_named(
    start: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(start.StartError, match=r"needs Python 3\.12 or newer.*\nInstall one"):
        start.find_python()


OLD_PYTHONS = sorted(glob.glob(str(Path.home() / ".pyenv/versions/3.[6-9].*/bin/python")))  # noqa: PTH207


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python older than 3.10 under pyenv")
def test_an_old_python_can_read_the_file() -> None:
    answer = subprocess.run(
        [OLD_PYTHONS[0], "start.py", "--help"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert "--visdom-port" in answer.stdout


def test_a_taken_port_is_named_with_a_free_one(start: ModuleType) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(start.StartError, match=f"Port {port} is taken") as refused:
            start.check_ports({"--port": port, "--visdom-port": 1})
    offered = int(str(refused.value).rsplit(" ", 1)[1])
    assert f"--port {offered}" in str(refused.value)
    assert start.port_is_free(offered)


@pytest.mark.parametrize(
    ("ports", "rule"), [((80000, 8097), "between 1 and 65535"), ((8501, 8501), "must differ")]
)
def test_impossible_ports_are_refused(start: ModuleType, ports: tuple[int, int], rule: str) -> None:
    with pytest.raises(start.StartError, match=rule):
        start.check_ports(dict(zip(("--port", "--visdom-port"), ports, strict=True)))


PIP_SAYS = {
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device": "disk is full",
    "NewConnectionError: [Errno -3] Temporary failure in name resolution": "can't be reached",
    "ERROR: No matching distribution found for torch==2.15.0": "no torch for this Python",
    "error: command 'gcc' failed: No such file or directory": "no compiler",
    "error: Microsoft Visual C++ 14.0 or greater is required.": "no compiler",
    "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed": "PIP_CERT",
    "PermissionError: [Errno 13] Permission denied: '.venv/lib'": "can't be written",
    "something never seen": "starts afresh",
}


@pytest.mark.parametrize("printed", PIP_SAYS)
def test_what_pip_prints_becomes_a_plain_sentence(start: ModuleType, printed: str) -> None:
    assert PIP_SAYS[printed] in start.reason_for(printed)


def test_a_half_made_environment_is_made_anew(start: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    python = start.venv_python()
    make_executable(python, "#!/bin/sh\nexit 1\n" if os.name != "nt" else "")
    left_over = start.VENV / "left-over"
    left_over.write_text("from an interrupted set-up")
    start.make_venv()
    assert "half made" in capsys.readouterr().out
    assert not left_over.exists()
    assert start.probed_version([str(python)], "pip") == sys.version_info[:2]
    start.make_venv()
    assert capsys.readouterr().out == "", "a whole environment is kept as it is"


def test_a_folder_that_cannot_be_an_environment_is_named(start: ModuleType) -> None:
    start.VENV.write_text("a file where the folder should be")
    with pytest.raises(start.StartError, match=r"could not be made"):
        start.make_venv()


@needs_shell
def test_installing_is_remembered_until_a_requirement_changes(start: ModuleType, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    make_executable(start.venv_python(), f"#!/bin/sh\necho $@ | grep 'pip install' >> {calls}\n")
    (start.VENV / "pyvenv.cfg").write_text("version = 3.13.0\n")
    start.install(["requirements.txt"])
    start.install(["requirements.txt"])
    assert len(calls.read_text().splitlines()) == 1
    (tmp_path / "requirements.txt").write_text("visdom==0.3.1\n")
    start.install(["requirements.txt"])
    assert len(calls.read_text().splitlines()) == 2


@needs_shell
def test_a_failed_install_is_not_remembered(start: ModuleType, capfd: pytest.CaptureFixture[str]) -> None:
    make_executable(start.venv_python(), "#!/bin/sh\necho 'Network is unreachable' >&2\nexit 1\n")
    (start.VENV / "pyvenv.cfg").write_text("version = 3.13.0\n")
    for _ in range(2):
        with pytest.raises(start.StartError, match="index can't be reached"):
            start.install(["requirements.txt"])
    assert not list(start.VENV.glob("descent-*"))
    assert "Network is unreachable" in capfd.readouterr().err


def test_a_broken_stamp_means_installing_again(start: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    start.VENV.mkdir()
    (start.VENV / "pyvenv.cfg").write_text("version = 3.13.0\n")
    (start.VENV / "descent-requirements").write_text("half a finger")
    monkeypatch.setattr(start, "venv_python", lambda: Path(sys.executable))
    (start.ROOT / "requirements.txt").write_text("# nothing to install\n")
    start.install(["requirements.txt"])
    assert len((start.VENV / "descent-requirements").read_text()) == 64


def test_a_hidden_folder_is_no_run(start: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "runs" / ".visdom").mkdir(parents=True)
    assert not start.has_runs(tmp_path / "runs")
    (tmp_path / "runs" / "20261121-mlp-digits-0a1b").mkdir()
    assert start.has_runs(tmp_path / "runs")
    assert not start.has_runs(tmp_path / "absent")


def test_children_that_do_not_listen_are_ended_all_the_same(start: ModuleType) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
    child = subprocess.Popen([sys.executable, "-u", "-c", deaf], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    start.end([child])
    assert child.returncode == (-signal.SIGKILL if os.name != "nt" else 1)
    child.stdout.close()


def test_unknown_arguments_are_refused() -> None:
    answer = subprocess.run(
        [sys.executable, "start.py", "--prot=1"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert "--prot" in answer.stderr
