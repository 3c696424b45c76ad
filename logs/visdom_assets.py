"""The scripts of Visdom's page: found where they are, else fetched once and kept in the user's cache.

Visdom's package holds its own script and style only; jQuery, React, Plotly and the like it downloads from
several sites at its first start, and where one of them cannot be reached its server ends in a traceback. All
of them are npm packages too, which a firewall's mirror usually has. So: npm where there is npm, else Visdom's
own download, else a sentence that says what is missing.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DOWNLOAD_SECONDS = 180  # all packages together, about 9 MB; a mirror that takes longer is not going to finish


class PageUnavailableError(RuntimeError):
    """The scripts of Visdom's page are not here and could not be fetched; the text says why."""


@dataclass(frozen=True)
class PageFile:
    """One file the page loads: `package` (name@version on npm), its path inside, its path under static/."""

    package: str
    inside: str
    target: str


def _glyphicons(ending: str) -> PageFile:
    name = f"fonts/glyphicons-halflings-regular.{ending}"
    return PageFile("bootstrap@3.3.7", f"dist/{name}", name)


# What static/index.html of visdom 0.3.0 names, in the versions of its server/build.py; a test compares both.
PAGE_FILES: tuple[PageFile, ...] = (
    PageFile("jquery@3.1.1", "dist/jquery.min.js", "js/jquery.min.js"),
    PageFile("bootstrap@3.3.7", "dist/js/bootstrap.min.js", "js/bootstrap.min.js"),
    PageFile("bootstrap@3.3.7", "dist/css/bootstrap.min.css", "css/bootstrap.min.css"),
    *(_glyphicons(ending) for ending in ("eot", "woff2", "woff", "ttf")),
    PageFile("react@16.2.0", "umd/react.production.min.js", "js/react-react.min.js"),
    PageFile("react-dom@16.2.0", "umd/react-dom.production.min.js", "js/react-dom.min.js"),
    PageFile("plotly.js-dist-min@2.11.1", "plotly.min.js", "js/plotly-plotly.min.js"),
    PageFile("layout-bin-packer@1.4.0", "dist/layout-bin-packer.js", "js/layout_bin_packer.js"),
    PageFile("d3@3.5.17", "d3.min.js", "js/d3.v3.min.js"),
    PageFile("d3-selection-multi@1.0.1", "build/d3-selection-multi.js", "js/d3-selection-multi.v1.js"),
    PageFile("save-svg-as-png@1.4.17", "lib/saveSvgAsPng.js", "js/saveSvgAsPng.js"),
    PageFile("react-resizable@3.1.3", "css/styles.css", "css/react-resizable-styles.css"),
    PageFile("react-grid-layout@2.2.3", "css/styles.css", "css/react-grid-layout-styles.css"),
    PageFile("mathjax@3.2.2", "es5/tex-mml-svg.js", "js/mathjax/3.2.2/es5/tex-mml-svg.js"),
)


def package_static() -> Path:
    """The static/ folder of the installed visdom package."""
    spec = importlib.util.find_spec("visdom")
    if spec is None or spec.origin is None:
        raise PageUnavailableError("visdom is not installed; run: pip install -r requirements.txt")
    return Path(spec.origin).parent / "static"


def cache_folder() -> Path:
    """Where fetched scripts are kept: the user's cache folder, one subfolder per visdom version."""
    if sys.platform == "win32":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "descent" / f"visdom-{importlib.metadata.version('visdom')}"


def missing_files(static: Path) -> list[str]:
    """Paths under `static` that the page needs and that are absent, empty, or an error page in disguise."""
    return [file.target for file in PAGE_FILES if not _is_sound(static / file.target)]


def _is_sound(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip()
    except OSError:
        return False
    is_text = path.suffix in {".js", ".css"}
    return bool(start) and not (is_text and start.startswith(b"<"))  # a proxy's HTML error page is no script


def find_page(cache: Path) -> Path | None:
    """The first complete static folder: visdom's own (its own first start fills it), then the cache."""
    own = package_static()
    for folder in (own, cache):
        if not missing_files(folder) and (folder / "js" / "main.js").is_file():
            return folder
    return None


def fetch_page(cache: Path, say: Callable[[str], None]) -> Path:
    """Fill `cache` with the page's scripts and return it; `say` is given lines of progress.

    Raises PageUnavailableError with every way that was tried and what came of it.
    """
    cache.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    for fetch in (_fetch_with_npm, _fetch_as_visdom_does):
        with tempfile.TemporaryDirectory(
            prefix=".visdom-", dir=cache.parent, ignore_cleanup_errors=True
        ) as part:
            filling = Path(part) / "static"
            shutil.copytree(package_static(), filling)
            try:
                fetch(filling, Path(part), say)
            except (PageUnavailableError, OSError, subprocess.SubprocessError, tarfile.TarError) as error:
                failures.append(str(error))
                continue
            absent = missing_files(filling)
            if not absent:
                return _publish(filling, cache)
            failures.append(f"{len(absent)} files did not arrive, {absent[0]} among them")
    raise PageUnavailableError("; ".join(failures))


def _publish(filling: Path, cache: Path) -> Path:
    """Rename the filled folder into place: another start sees the page whole or not at all."""
    if cache.exists():
        if not missing_files(cache):
            return cache  # another start was faster
        shutil.rmtree(cache)
    filling.replace(cache)
    return cache


def _fetch_with_npm(static: Path, work: Path, say: Callable[[str], None]) -> None:
    npm = shutil.which("npm")  # npm.cmd on Windows
    if npm is None:
        raise PageUnavailableError("npm is not installed")
    packages = sorted({file.package for file in PAGE_FILES})
    say(f"fetching the scripts of Visdom's page with npm, once: {len(packages)} packages, about 9 MB")
    command = [npm, "pack", "--silent", "--fetch-retries=0", "--fetch-timeout=20000", *packages]
    started = time.monotonic()
    with (work / "npm.txt").open("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        seen = 0
        while process.poll() is None:
            time.sleep(0.1)
            arrived = len(list(work.glob("*.tgz")))
            if arrived >= seen + 4:
                seen = arrived
                say(f"scripts of Visdom's page: {arrived} of {len(packages)} packages")
            if time.monotonic() - started > DOWNLOAD_SECONDS:
                process.kill()
                process.wait()
                raise PageUnavailableError(f"npm took more than {DOWNLOAD_SECONDS} seconds")
        if process.returncode:
            output.seek(0)
            lines = [
                line for line in output.read().splitlines() if line.strip() and "warn" not in line.lower()
            ]
            raise PageUnavailableError(
                f"npm could not fetch them ({lines[0].strip() if lines else 'no reason'})"
            )
    for package in packages:
        _unpack(work / f"{package.replace('@', '-')}.tgz", package, static)


def _unpack(archive: Path, package: str, static: Path) -> None:
    """Copy the package's files of PAGE_FILES to their targets; nothing else of the archive is written."""
    wanted = {file.inside: file.target for file in PAGE_FILES if file.package == package}
    with tarfile.open(archive) as members:
        for member in members:
            target = wanted.get(member.name.partition("/")[2])  # the first folder is named package, mostly
            content = members.extractfile(member) if target and member.isfile() else None
            if target and content:
                path = static / target
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.read())


# Visdom's own download, in a process of its own: it has no time limit, and prints tracebacks where a site is
# out of reach. The first file that fails ends it: the others come from the same places.
_VISDOM_DOWNLOAD = """
import logging, socket, sys
class FirstError(logging.Handler):
    def emit(self, record):
        sys.exit(record.getMessage())
logging.getLogger().addHandler(FirstError(logging.ERROR))
socket.setdefaulttimeout(10)
from visdom.server.build import download_scripts
download_scripts(install_dir=sys.argv[1])
"""


def _fetch_as_visdom_does(static: Path, work: Path, say: Callable[[str], None]) -> None:
    say("fetching the scripts of Visdom's page from where Visdom takes them, once")
    command = [sys.executable, "-c", _VISDOM_DOWNLOAD, str(static.parent)]
    try:
        done = subprocess.run(
            command, cwd=work, check=False, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise PageUnavailableError(
            f"Visdom's own download took more than {DOWNLOAD_SECONDS} seconds"
        ) from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PageUnavailableError(f"Visdom's own download failed ({last})")
