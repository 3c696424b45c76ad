"""The scripts of Visdom's page: the list is complete; where they cannot be fetched the server says so."""

from __future__ import annotations

import http.client
import io
import re
import sys
import tarfile
from pathlib import Path

import pytest

from logs import visdom_assets
from logs.visdom_assets import (
    PAGE_FILES,
    PageUnavailableError,
    fetch_page,
    find_page,
    missing_files,
    package_static,
)
from tests.visdom_servers import RunningVisdom, cache_environment, fill_with_empty_scripts, wait_until

NPM_THAT_FAILS = "#!/bin/sh\necho 'npm ERR! network is out of reach' >&2\nexit 1\n"


def make_npm(folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "npm").write_text(script)
    (folder / "npm").chmod(0o755)


def archive_of(package: str, folder: Path, extra: str = "") -> None:
    """What `npm pack` leaves: a .tgz with the package's files, and one that must not be unpacked."""
    with tarfile.open(folder / f"{package.replace('@', '-')}.tgz", "w:gz") as archive:
        names = [f"package/{file.inside}" for file in PAGE_FILES if file.package == package]
        for name in [*names, "package/../../escaped.js", extra]:
            if name:
                entry = tarfile.TarInfo(name)
                entry.size = len(b"/* script */")
                archive.addfile(entry, io.BytesIO(b"/* script */"))


def test_every_file_the_page_names_is_in_the_list_or_in_visdoms_package() -> None:
    html = (package_static() / "index.html").read_text()
    named = set(re.findall(r"""static_url\(["']([^"']+)["']\)""", html)) - {"../user/style.css"}
    listed = {file.target for file in PAGE_FILES}
    absent = {name for name in named - listed if not (package_static() / name).is_file()}
    assert not absent, "visdom's page loads files that nothing fetches; add them to PAGE_FILES"
    assert len(named) > 10


def test_versions_are_those_visdom_itself_downloads() -> None:
    build = (package_static().parent / "server" / "build.py").read_text()
    versions = {file.package: file.package.split("@")[1] for file in PAGE_FILES}
    by_major = {"d3@3.5.17": "d3.v3.min.js", "d3-selection-multi@1.0.1": "d3-selection-multi.v1.js"}
    absent = [name for name, version in versions.items() if by_major.get(name, version) not in build]
    assert not absent, "visdom's build.py asks for other versions"


def test_empty_files_and_error_pages_count_as_missing(tmp_path: Path) -> None:
    fill_with_empty_scripts(tmp_path)
    assert missing_files(tmp_path) == []
    (tmp_path / "js/jquery.min.js").write_text("")
    (tmp_path / "js/d3.v3.min.js").write_text("\n<html>403 Forbidden</html>")
    (tmp_path / "css/bootstrap.min.css").unlink()
    assert sorted(missing_files(tmp_path)) == ["css/bootstrap.min.css", "js/d3.v3.min.js", "js/jquery.min.js"]


def test_only_the_listed_files_are_unpacked(tmp_path: Path) -> None:
    package = "d3@3.5.17"
    archive_of(package, tmp_path, extra="package/other.js")
    visdom_assets._unpack(tmp_path / "d3-3.5.17.tgz", package, tmp_path / "in" / "static")
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*.js")]
    assert written == [Path("in/static/js/d3.v3.min.js")]


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for npm is a shell script")
def test_scripts_are_fetched_with_npm_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = tmp_path / "ready"
    ready.mkdir()
    for package in {file.package for file in PAGE_FILES}:
        archive_of(package, ready)
    make_npm(tmp_path / "bin", f"#!/bin/sh\n/bin/cp {ready}/*.tgz .\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    said: list[str] = []
    cache = tmp_path / "cache" / "visdom"
    assert fetch_page(cache, said.append) == cache
    assert missing_files(cache) == []
    assert (cache / "js" / "main.js").is_file(), "visdom's own script belongs to the page too"
    assert find_page(cache) in {cache, package_static()}
    assert [path.name for path in cache.parent.iterdir()] == ["visdom"], "the work folder is gone"
    assert any("npm" in line for line in said)


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for npm is a shell script")
def test_every_way_that_failed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_npm(tmp_path / "bin", NPM_THAT_FAILS)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(visdom_assets, "_VISDOM_DOWNLOAD", "raise SystemExit('that site is out of reach')")
    with pytest.raises(PageUnavailableError, match=r"network is out of reach.*that site is out of reach"):
        fetch_page(tmp_path / "cache" / "visdom", lambda line: None)
    assert not (tmp_path / "cache" / "visdom").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for npm is a shell script")
@pytest.mark.skipif(
    not missing_files(package_static()), reason="visdom has fetched its scripts by itself here"
)
def test_without_any_way_to_fetch_them_the_server_runs_and_says_so(tmp_path: Path) -> None:
    make_npm(tmp_path / "bin", NPM_THAT_FAILS)
    environment = {
        **cache_environment(tmp_path / "cache"),
        "PATH": str(tmp_path / "bin"),
        "https_proxy": "http://127.0.0.1:9",  # nobody listens there: nothing is fetched
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    server = RunningVisdom(tmp_path, environment)
    try:
        server.start()
        wait_until(lambda: "without its page" in server.output.read_text(), "the server says so")
        server.post("events", {"eid": "main", "win": "w", "data": [{"type": "text", "content": "taken"}]})
        assert server.windows("main")["w"]["content"] == "taken"
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/")
        page = connection.getresponse().read().decode()
        connection.close()
        assert "could not be fetched" in page
        assert "Install npm" in page
        assert "Traceback" not in server.output.read_text()
    finally:
        server.kill()
