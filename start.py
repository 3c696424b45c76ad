"""Start Descent: `python start.py`. Run its tests: `python start.py test`.

Standard library only, readable by Python 3.6: whatever `python` is, this file finds one that can run Descent,
makes `.venv`, installs `requirements.txt`, and starts Visdom, the dashboard and, without runs, a training.
"""

import argparse
import glob
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from typing import Any, Dict, List, Optional

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
OLDEST = (3, 12)  # visdom 0.3.0 needs it
TRIED = ((3, 13), (3, 12), (3, 14))  # in the order in which they are preferred
NEEDED_BYTES = 9_000_000_000  # torch with its CUDA libraries, unpacked, and pip's copy of it
REENTERED = "DESCENT_START_REENTERED"
WINDOWS = os.name == "nt"
PROBE = "import sys, venv, %s; print('%%d.%%d' %% sys.version_info[:2])"


class StartError(Exception):
    """A plain sentence about what is wrong, and the way out."""


# --- a Python that can run Descent


def probed_version(python: List[str], module: str = "ensurepip") -> Optional[tuple]:
    """The version an interpreter answers with: a pyenv shim or a Windows store stub may answer nothing."""
    try:
        answer = subprocess.run(
            python + ["-c", PROBE % module], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20
        )
        major, minor = answer.stdout.decode().strip().split(".")
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return (int(major), int(minor)) if answer.returncode == 0 else None


def candidates() -> List[List[str]]:
    """Commands that may be a newer Python: on the PATH, through `py`, pyenv and uv."""
    home = Path.home()
    names = ["python%d.%d" % version for version in TRIED] + ["python3", "python"]
    found = [[path] for path in (shutil.which(name) for name in names) if path]
    if shutil.which("py"):
        found += [["py", "-%d.%d" % version] for version in TRIED]
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv")
    for major, minor in TRIED:
        pattern = "%d.%d.*" % (major, minor)
        for place in (
            pyenv / "versions" / pattern / "bin" / "python",
            pyenv / "pyenv-win" / "versions" / pattern / "python.exe",
        ):
            found += [[path] for path in sorted(glob.glob(str(place)), reverse=True)]
    uv = shutil.which("uv")
    for version in TRIED if uv else ():
        find = [str(uv), "python", "find", "--no-project", "%d.%d" % version]
        answer = subprocess.run(find, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        found += [
            [path] for path in answer.stdout.decode().split("\n")[:1] if path and answer.returncode == 0
        ]
    return found


def find_python() -> List[str]:
    """The first candidate that is new enough and can make a virtual environment."""
    for python in candidates():
        version = probed_version(python)
        if version is not None and version >= OLDEST:
            return python
    raise StartError(
        "Descent needs Python %d.%d or newer, and this is %d.%d; no newer one was found on the PATH, through "
        "py, pyenv or uv.\nInstall one (python.org, `apt install python3.12 python3.12-venv`, `brew install "
        "python@3.13`, `uv python install 3.13` or `pyenv install 3.13`) and run this again."
        % (OLDEST + tuple(sys.version_info[:2]))
    )


def continue_with(python: List[str], arguments: List[str]) -> int:
    """Run this file again with another Python and end as it ends."""
    print("Python %d.%d is too old; going on with %s" % (sys.version_info[:2] + (python[0],)), flush=True)
    environment = dict(os.environ, **{REENTERED: "1"})
    command = python + [str(Path(__file__).resolve())] + arguments
    if not WINDOWS:
        os.execve(command[0], command, environment)
    return subprocess.call(command, env=environment)  # Windows has no exec that waits


# --- the virtual environment


def venv_python() -> Path:
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")


def fingerprint(requirements: List[Path]) -> str:
    """Changes when a requirement or the interpreter of the environment does."""
    digest = hashlib.sha256()
    for path in requirements:
        digest.update(path.read_bytes())
    digest.update((VENV / "pyvenv.cfg").read_bytes())  # which Python, and where
    return digest.hexdigest()


def make_venv() -> None:
    """Make `.venv`, or make it anew where an earlier attempt left one that does not run."""
    python = venv_python()
    if python.exists():
        version = probed_version([str(python)], "pip")  # an interrupted set-up leaves Python without pip
        if version is not None and version >= OLDEST:
            return
        print("%s is half made or too old: making it anew" % VENV.name, flush=True)
    else:
        print("Making %s" % VENV, flush=True)
    answer = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if answer.returncode != 0:
        raise StartError(
            "%s could not be made:\n%s\nOn Debian and Ubuntu install python%s.%s-venv; elsewhere check that "
            "the folder can be written, then run this again."
            % ((VENV, answer.stdout.decode(errors="replace").strip()) + tuple(sys.version_info[:2]))
        )


REASONS = {  # what pip prints (a regular expression): what a person should do
    r"No space left on device|Errno 28": """
        The disk is full: torch needs about 9 GB while it is installed. Free some and run this again.""",
    r"Name or service not known|name resolution|new connection|Network is unreachable|getaddrinfo failed|"
    r"ConnectTimeoutError|No route to host|ProxyError": """
        The Python package index can't be reached. Check the network (or the proxy: HTTPS_PROXY) and run this
        again; what was installed stays.""",
    r"CERTIFICATE_VERIFY_FAILED|SSLError": """
        The certificate of the package index was refused. Behind a company's proxy, set PIP_CERT to its
        certificate and run this again.""",
    r"No matching distribution found for torch": """
        There is no torch for this Python on this system. Use 64-bit Python 3.12 or 3.13 on Linux, macOS
        (Apple silicon) or Windows. pip says the same when the network is down: check it too.""",
    r"Microsoft Visual C\+\+|command '\S*(gcc|cc|clang|g\+\+)\S*'|[Uu]nknown compiler": """
        A package has no ready-made file for this system and no compiler was found to build it. Install one
        (`apt install build-essential python3-dev`, `xcode-select --install`, Microsoft C++ Build Tools), or
        use Python 3.12 or 3.13, for which every package is ready made.""",
    r"Permission denied|Access is denied": """
        A file of .venv can't be written. Close programs that use it (a running Descent on Windows) or delete
        the folder .venv, and run this again.""",
}


def reason_for(output: str) -> str:
    """A plain sentence for what pip printed."""
    for signs, sentence in REASONS.items():
        if re.search(signs, output):
            return " ".join(sentence.split())
    return "Read pip's last lines above. Deleting the folder .venv and running this again starts afresh."


def install(names: List[str]) -> None:
    """Install requirement files into `.venv`; a second call with nothing new returns at once."""
    requirements = [ROOT / name for name in names]
    stamp = VENV / ("descent-%s" % Path(names[-1]).stem)
    wanted = fingerprint([ROOT / "requirements.txt"] + requirements)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    free = shutil.disk_usage(str(VENV)).free
    if free < NEEDED_BYTES and not list(VENV.glob("descent-*")):
        print("Only %.1f GB are free on this disk; torch may need 9." % (free / 1e9), flush=True)
    print("Installing %s: two minutes or more the first time" % " and ".join(names), flush=True)
    command = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check"]
    for path in requirements:
        command += ["-r", str(path)]
    complaints = []
    with subprocess.Popen(command, cwd=str(ROOT), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            complaints.append(line.decode(errors="replace"))
            sys.stderr.write(complaints[-1])
    if process.returncode != 0:
        raise StartError(reason_for("".join(complaints)))
    subprocess.call([str(venv_python()), "-m", "dashboard.onnx_runtime"], cwd=str(ROOT))  # says what it lacks
    stamp.write_text(wanted)


# --- the two servers and the first run


def port_is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if not WINDOWS:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def check_ports(ports: Dict[str, int]) -> None:
    """Say which port is taken and which free one to use instead."""
    if len(set(ports.values())) < len(ports):
        raise StartError("The two ports must differ; both are %d." % next(iter(ports.values())))
    for flag, port in ports.items():
        if not 0 < port < 65536:
            raise StartError("%s is %d; a port lies between 1 and 65535." % (flag, port))
        if not port_is_free(port):
            others = (p for p in range(port + 1, 65536) if p not in ports.values())
            other = next(filter(port_is_free, others), port - 1)
            raise StartError(
                "Port %d is taken: is Descent running already (http://127.0.0.1:%d)?\nElse start it on "
                "another: python start.py %s %s" % (port, port, flag, other)
            )


def answers(url: str) -> bool:
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback
        with opener.open(url, timeout=2) as reply:
            return reply.status == 200
    except urllib.error.HTTPError:
        return True  # a server is there; what it says is its own affair
    except (OSError, ValueError):
        return False


def wait_until_up(child: subprocess.Popen, url: str, what: str, seconds: float) -> bool:
    """True when the address answers; False when its process ended or time ran out."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answers(url):
            return True
        if child.poll() is not None:
            print("%s ended by itself; its last lines are above." % what, file=sys.stderr, flush=True)
            return False
        time.sleep(0.1)
    print("%s has not answered for %d seconds." % (what, seconds), file=sys.stderr, flush=True)
    return False


def environment_for(arguments: argparse.Namespace) -> Dict[str, str]:
    """What the servers and trainings are told: where runs and data lie, where Visdom is, one thread each."""
    environment = dict(os.environ)
    environment["DESCENT_RUNS"] = str(Path(arguments.runs).resolve())
    environment["DESCENT_DATA"] = str(Path(arguments.data).resolve())
    environment["DESCENT_VISDOM"] = "http://127.0.0.1:%d" % arguments.visdom_port
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment["PYTHONUNBUFFERED"] = "1"
    environment.pop(REENTERED, None)
    return environment


def has_runs(folder: Path) -> bool:
    return any(path.is_dir() and not path.name.startswith(".") for path in folder.glob("*"))


def end(children: List[subprocess.Popen]) -> None:
    """Ask every server to end, and insist after five seconds. Trainings are not among them."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    for child in children:
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def start_servers(arguments: argparse.Namespace, children: List[subprocess.Popen]) -> None:
    """Start the dashboard and Visdom, and where there is no run yet, a first training that outlives both."""
    environment, python = environment_for(arguments), str(venv_python())
    runs = Path(environment["DESCENT_RUNS"])
    page = (
        "-m streamlit run dashboard/app.py --server.port %d --server.address 127.0.0.1 --server.headless true"
    )
    page += (
        " --browser.serverAddress 127.0.0.1 --server.fileWatcherType none --logger.hideWelcomeMessage true"
    )
    live = "-m logs.visdom_server --port %d --env-path" % arguments.visdom_port
    # A session of their own: Ctrl-C reaches this process alone, which then ends its children in order.
    detached: Dict[str, Any] = {} if WINDOWS else {"start_new_session": True}
    for command in ((page % arguments.port).split(), live.split() + [str(runs / ".visdom")]):
        children.append(subprocess.Popen([python] + command, cwd=str(ROOT), env=environment, **detached))
    if not has_runs(runs) and not arguments.no_first_run:
        first = [python, "-m", "training.launch", "--first"]
        if subprocess.call(first, cwd=str(ROOT), env=environment) != 0:
            print("The first training did not start; press New run on the dashboard.", file=sys.stderr)


def open_browser(address: str) -> None:
    """Open the page where there is a screen; without one, webbrowser would start a text browser here."""
    screen = WINDOWS or sys.platform == "darwin" or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ)
    if screen:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def serve(arguments: argparse.Namespace) -> int:
    runs = Path(arguments.runs).resolve()
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartError("The folder for runs can't be made (%s); try --runs DIR." % error) from None
    dashboard, visdom = "http://127.0.0.1:%d" % arguments.port, "http://127.0.0.1:%d" % arguments.visdom_port
    children: List[subprocess.Popen] = []
    try:
        start_servers(arguments, children)
        page, live = children
        if not wait_until_up(page, dashboard + "/_stcore/health", "The dashboard", 90):
            return 1
        print("\n  Descent    %s\n  runs in    %s" % (dashboard, runs))
        print("  Ctrl-C ends the dashboard and Visdom; trainings go on.\n", flush=True)
        if not arguments.no_browser:
            open_browser(dashboard)
        if wait_until_up(live, visdom, "Visdom", 120):
            print("  Visdom     %s" % visdom, flush=True)
        while page.poll() is None:  # the dashboard is the product; it goes on without Visdom
            time.sleep(0.3)
        print("The dashboard ended with status %d." % page.returncode, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nEnding the dashboard and Visdom; trainings go on.", flush=True)
        return 0
    finally:
        end(children)


# Dealt out to a process a core, four at most: each holds a PyTorch. Then the tests that wait for a browser.
WHOLE_SUITE = [["-nlogical", "--maxprocesses=4", "--dist=loadfile", "-m", "not browser"], ["-m", "browser"]]


def test(pytest_arguments: List[str]) -> int:
    environment = dict({"OMP_NUM_THREADS": "1"}, **os.environ)
    command = [str(venv_python()), "-m", "pytest"]
    parts = [pytest_arguments] if pytest_arguments else WHOLE_SUITE
    return max([abs(subprocess.call(command + part, cwd=str(ROOT), env=environment)) for part in parts])


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="start.py", description=(__doc__ or "").split("\n")[0])
    commands = {
        "serve": "start everything (the default)",
        "setup": "install everything, what the tests need included",
        "test": "set up and run the whole suite; what follows goes to pytest",
    }
    described = "; ".join("%s: %s" % command for command in commands.items())
    result.add_argument("command", nargs="?", choices=list(commands), default="serve", help=described)
    result.add_argument("--port", type=int, default=8501, help="the dashboard's (default 8501)")
    result.add_argument("--visdom-port", type=int, default=8097, help="Visdom's (default 8097)")
    for flag, what in (("runs", "the run log"), ("data", "data sets")):
        variable = "DESCENT_" + flag.upper()
        default = os.environ.get(variable) or str(ROOT / flag)
        result.add_argument(
            "--" + flag, default=default, help="folder of %s (%s or %s)" % (what, flag, variable)
        )
    result.add_argument("--no-first-run", action="store_true", help="start no training by itself")
    result.add_argument("--no-browser", action="store_true", help="don't open a browser")
    return result


def main(given: List[str]) -> int:
    arguments, others = parser().parse_known_args(given)
    if others and arguments.command != "test":
        parser().error("unknown arguments: %s" % " ".join(others))
    try:
        if sys.version_info < OLDEST:
            if os.environ.get(REENTERED):
                raise StartError("the Python that was found is itself too old: %s" % sys.version)
            return continue_with(find_python(), given)
        if arguments.command == "serve":
            # said now, not after minutes of pip
            check_ports({"--port": arguments.port, "--visdom-port": arguments.visdom_port})
        make_venv()
        install(["requirements.txt"] if arguments.command == "serve" else ["requirements-dev.txt"])
        if arguments.command == "setup":
            return 0
        return test(others) if arguments.command == "test" else serve(arguments)
    except StartError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. What was installed stays; run this again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # `kill` ends it as Ctrl-C does, in the background too
        signal.signal(number, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
