"""ONNX Runtime for the browser, fetched once at set-up: `python -m dashboard.onnx_runtime`.

Two files of the npm package onnxruntime-web (MIT licence), checked by their hashes, go into static/, from
where Streamlit serves them: the page Draw and predict then runs networks in the browser, and nothing is
fetched while it is used. Where they can't be had, that page lets PyTorch answer on the server.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).resolve().parent / "static"  # Streamlit serves the folder beside app.py
VERSION = "1.30.0"
PACKAGE = f"onnxruntime-web@{VERSION}"
# Where the documentation of ONNX Runtime has pages load it from, file by file
MIRROR = f"https://cdn.jsdelivr.net/npm/{PACKAGE}/"
INTEGRITY = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # sha512
)
FETCH_SECONDS = 120  # 25 MB; a mirror that takes longer is not going to finish


class RuntimeUnavailableError(RuntimeError):
    """The runtime is not here and could not be fetched; the text says what was tried."""


@dataclass(frozen=True)
class RuntimeFile:
    """One file: its path in the package, below its folder "package/", and the SHA-256 of its content."""

    inside: str
    sha256: str

    @property
    def name(self) -> str:
        return self.inside.rpartition("/")[2]


SCRIPT = RuntimeFile(
    "dist/ort.wasm.bundle.min.mjs", "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"
)
MACHINE_CODE = RuntimeFile(
    "dist/ort-wasm-simd-threaded.wasm",
    "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
)
FILES = (SCRIPT, MACHINE_CODE)
_SOUND: set[Path] = set()  # folders whose files were hashed


def runtime_folder(static: Path = STATIC) -> Path:
    return static / f"onnxruntime-{VERSION}"


def published_runtime(static: Path = STATIC) -> str | None:
    """The runtime's folder below static/ where both files are what they should be, else None."""
    folder = runtime_folder(static)
    if folder not in _SOUND:
        if not all(_is_sound(folder / file.name, file) for file in FILES):
            return None  # not remembered: they may come while the dashboard runs
        _SOUND.add(folder)
    return folder.name


def fetch_runtime(static: Path = STATIC) -> Path:
    """Puts the two files into their folder below `static`, unless they are there; the folder.

    RuntimeUnavailableError with every way that was tried and what came of it.
    """
    folder = runtime_folder(static)
    if all(_is_sound(folder / file.name, file) for file in FILES):
        return folder
    failures = []
    for fetch in (_from_npm, _from_mirror):
        try:
            _publish(_checked(fetch()), folder)
            return folder
        except (RuntimeUnavailableError, OSError, tarfile.TarError, subprocess.SubprocessError) as error:
            failures.append(str(error))
    raise RuntimeUnavailableError("; ".join(failures))


def _is_sound(path: Path, file: RuntimeFile) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    except OSError:
        return False


def _from_npm() -> dict[str, bytes]:
    """Both files by name out of the package, which npm finds in whatever registry is set."""
    package = _packed()
    if base64.b64encode(hashlib.sha512(package).digest()).decode() != INTEGRITY:
        raise RuntimeUnavailableError(f"what came as {PACKAGE} is another file than the one that was chosen")
    with tarfile.open(fileobj=io.BytesIO(package)) as members:
        opened = {file.name: members.extractfile(f"package/{file.inside}") for file in FILES}
        return {name: content.read() if content else b"" for name, content in opened.items()}


def _packed() -> bytes:
    npm = shutil.which("npm")  # npm.cmd on Windows
    if npm is None:
        raise RuntimeUnavailableError("npm is not installed")
    with tempfile.TemporaryDirectory() as work:
        command = [npm, "pack", "--silent", "--fetch-retries=0", "--fetch-timeout=20000", PACKAGE]
        try:
            done = subprocess.run(
                command, cwd=work, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=FETCH_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise RuntimeUnavailableError(f"npm took more than {FETCH_SECONDS} seconds") from None
        packed = sorted(Path(work).glob("*.tgz"))
        if done.returncode or not packed:
            said = [line for line in done.stderr.splitlines() if line.strip() and "warn" not in line.lower()]
            raise RuntimeUnavailableError(f"npm could not fetch {PACKAGE} ({(said or ['no reason'])[0]})")
        return packed[0].read_bytes()


def _from_mirror() -> dict[str, bytes]:
    """Both files by name, each by itself."""
    found = {}
    for file in FILES:
        try:
            with urllib.request.urlopen(MIRROR + file.inside, timeout=20) as answer:
                found[file.name] = bytes(answer.read(100_000_000))
        except (urllib.error.URLError, OSError) as error:
            raise RuntimeUnavailableError(f"{MIRROR}{file.inside} could not be read ({error})") from None
    return found


def _checked(contents: dict[str, bytes]) -> dict[str, bytes]:
    """The same, where each file is the one that was chosen."""
    for file in FILES:
        if hashlib.sha256(contents[file.name]).hexdigest() != file.sha256:
            raise RuntimeUnavailableError(f"{file.inside} is another file than the one that was chosen")
    return contents


def _publish(contents: dict[str, bytes], folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".runtime-", dir=folder.parent) as part:
        for name, content in contents.items():
            unfinished = Path(part) / name
            unfinished.write_bytes(content)
            folder.mkdir(exist_ok=True)
            unfinished.replace(folder / name)  # a browser gets the file whole or not at all
    for older in folder.parent.glob("onnxruntime-*"):
        if older != folder:
            with contextlib.suppress(OSError):
                shutil.rmtree(older)


def main() -> int:
    try:
        folder = fetch_runtime()
    except RuntimeUnavailableError as problem:
        print(f"ONNX Runtime for the browser is not here: {problem}", file=sys.stderr)
        print("Draw and predict answers on the server instead.", file=sys.stderr)
        return 1
    print(f"ONNX Runtime {VERSION} for the browser is in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
