"""The rules of the house, as tests: who may import whom, how long a file is, what documents may claim."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
FOLDERS = ("models", "training", "logs", "dashboard")

# What each folder must not import: ours and others' (README.md, "Layers").
FORBIDDEN = {
    "models": {"training", "logs", "dashboard", "streamlit", "plotly", "pyarrow"},
    "logs": {"models", "training", "dashboard", "torch", "torchvision", "streamlit"},
    "training": {"dashboard", "streamlit", "plotly"},
    "dashboard": set(),
    "dashboard/charts": {"streamlit", "dashboard.views", "dashboard.panels"},
    "dashboard/views": {"training.train", "training.loop"},
}


@cache
def sources() -> tuple[Path, ...]:
    """Every Python file that git tracks or would track."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return tuple(
        REPOSITORY / name for name in listed.stdout.split("\n") if name and (REPOSITORY / name).exists()
    )


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module a file imports, anywhere in it, in full: `from a import b` counts as a and a.b."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(found)


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_a_folder_imports_only_what_it_may(folder: str) -> None:
    wrong = [
        f"{path.relative_to(REPOSITORY)} imports {module}"
        for path in sources()
        if path.is_relative_to(REPOSITORY / folder)
        for module in imports(path)
        for banned in FORBIDDEN[folder]
        if module == banned or module.startswith(banned + ".")
    ]
    assert not wrong


def test_every_import_of_others_is_a_stated_requirement() -> None:
    """What the four folders import is in a list of requirements, the standard library, or ours."""
    lists = "".join((REPOSITORY / f"requirements{which}.txt").read_text() for which in ("", "-ray"))
    stated = re.findall(r"^([A-Za-z0-9_-]+)[=<>~]", lists, re.M)
    module_names = {
        "scikit-learn": "sklearn",
        "websocket-client": "websocket",
        "pillow": "PIL",
        "opencv-python-headless": "cv2",
        "openTSNE": "openTSNE",
    }
    known = {module_names.get(name, name.lower()) for name in stated} | set(FOLDERS) | sys.stdlib_module_names
    found = {
        f"{path.relative_to(REPOSITORY)} imports {module}"
        for path in sources()
        if path.relative_to(REPOSITORY).parts[0] in FOLDERS
        for module in {name.split(".")[0] for name in imports(path)}
        if module not in known
    }
    assert not found, "name the package in requirements.txt, with what it is for"


@pytest.mark.parametrize(("folder", "most"), [("dashboard/views", 120), (".", 400)])
def test_files_stay_short(folder: str, most: int) -> None:
    long = {
        str(path.relative_to(REPOSITORY)): count
        for path in sources()
        if path.is_relative_to(REPOSITORY / folder)
        and (count := len(path.read_text("utf-8").splitlines())) > most
    }
    assert not long, f"files have at most {most} lines here; which noun hides in these?"


def test_no_file_is_named_after_nothing() -> None:
    nameless = {"utils", "util", "helpers", "misc", "base", "common", "tools"}
    assert not [path for path in sources() if path.stem in nameless]


def test_nothing_is_ever_unpickled() -> None:
    """No pickle, and no torch.load outside the quarantine: a checkpoint is safetensors and JSON."""
    loaders = {"pickle", "dill", "cloudpickle", "joblib", "torch.load", "shelve"}
    wrong = {
        str(path): module
        for path in sources()
        if path.relative_to(REPOSITORY).parts[0] in FOLDERS
        for module in imports(path)
        if module in loaders
    }
    calls = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in sources()
        if path.relative_to(REPOSITORY).parts[0] in FOLDERS
        if path.name != "foreign_child.py"  # the process in quarantine, with weights_only
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("load", "allow_pickle")
        and isinstance(node.value, ast.Name)
        and node.value.id == "torch"
    ]
    assert not wrong
    assert not calls


def documents() -> list[Path]:
    return sorted(
        path
        for path in REPOSITORY.rglob("*.md")
        if not {".venv", "node_modules", "runs", "data", "static", ".pytest_cache"}
        & set(path.relative_to(REPOSITORY).parts)
    )


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_document_names_only_files_that_exist(document: Path) -> None:
    """Links, and names like `logs/writer.py` in backticks."""
    text = document.read_text("utf-8")
    named = set(re.findall(r"\]\((?!https?:|#|\?|mailto:)([^)#\s]+)", text))
    quoted = set(re.findall(r"`((?:models|training|logs|dashboard|tests|benchmarks)/[\w/.-]+\.\w+)`", text))
    missing = [name for name in named if not (document.parent / name).exists()]
    missing += [name for name in quoted if not (REPOSITORY / name).exists()]
    assert not missing


def test_the_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text("utf-8").splitlines()) < 250


def test_every_module_the_readme_runs_exists() -> None:
    for document in documents():
        for module in re.findall(
            r"python -m ((?:logs|training|benchmarks)[\w.]*)", document.read_text("utf-8")
        ):
            path = REPOSITORY / module.replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), (
                f"{document}: {module}"
            )


def test_every_type_that_is_named_is_known() -> None:
    """The linter and mypy are told not to look for names, since those of jaxtyping's shapes are none: they
    are small, and types are not.
    """
    asked = ["check", "--select", "F821", "--output-format", "concise", "--no-cache", "."]
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", *asked], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.returncode in (0, 1), answer.stderr
    unknown = [line for line in answer.stdout.splitlines() if re.search("Undefined name `_*[A-Z]", line)]
    assert not unknown, "\n".join(unknown)


@pytest.mark.parametrize(
    "script", sorted((REPOSITORY / "benchmarks").glob("*.py")), ids=lambda path: path.stem
)
def test_every_benchmark_explains_itself(script: Path) -> None:
    answer = subprocess.run(
        [sys.executable, str(script), "--help"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert "bar" in answer.stdout.lower(), "--help says what the bar is"
