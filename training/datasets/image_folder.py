"""Pictures that a person brings: a folder for each class, as in PyTorch's tutorial on ants and bees.

`path/cats/1.jpg`, `path/dogs/a/2.png` ..., or the same below `path/train` with `path/val`, `path/test` or
both beside it, which then stay the validation and the test part.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from models.catalog import Parameter, Value
from training.datasets.dataset import Dataset, Samples, found_path
from training.datasets.errors import DataError, PictureError
from training.datasets.pictures import (
    SUFFIXES,
    PictureFiles,
    check_picture,
    read_picture,
)

PARTS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


@dataclass(frozen=True)
class Found:
    """The picture files of a folder, sorted by class and path. `others`: files that are no pictures."""

    class_names: tuple[str, ...]
    paths: tuple[Path, ...]
    classes: tuple[int, ...]
    parts: tuple[str, ...]  # of each picture, or "" where the folder has no parts
    others: tuple[Path, ...]


def load(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
    folder = found_path(str(settings["path"]), root, "image_folder")
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; name the folder that holds a folder for each class")
    found = find_pictures(folder)
    files = PictureFiles(found.paths, int(settings["image_size"]), settings["colours"] == "grayscale")
    inputs: np.ndarray | PictureFiles
    if len(files) * int(np.prod(files.shape)) <= int(settings["memory_limit"]) * 2**20:
        inputs, broken = read_all(files)
    else:
        broken = unreadable(files)
        inputs = PictureFiles(_without(found.paths, broken), files.image_size, files.grayscale)
    if broken and settings["broken_pictures"] == "refuse":
        raise DataError(f"{next(iter(broken.values()))}; remove it, or use --broken-pictures skip")
    classes = np.array(_without(found.classes, broken), np.int64)
    _refuse_empty_classes(found, classes, folder)
    parts = np.array(_without(found.parts, broken))
    return Samples(
        inputs=inputs,
        targets=classes,
        task="classification",
        class_names=found.class_names,
        notes=(*_notes(found, folder), *_broken_notes(broken)),
        predefined={str(part): np.flatnonzero(parts == part) for part in np.unique(parts) if part},
    )


def find_pictures(folder: Path) -> Found:
    """Every picture below the folders of the classes. DataError where there is no class, or only one."""
    parts = _parts(folder)
    names = sorted({name for part in parts for name in _folders(folder / part)})
    if not names:
        raise DataError(
            f"{folder} has no folders in it; put the pictures of each class into a folder of its own there"
        )
    rows: list[tuple[Path, int, str]] = []
    others: list[Path] = []
    for part in parts:
        for number, name in enumerate(names):
            for path in _files(folder / part / name):
                if path.suffix.lower() in SUFFIXES:
                    rows.append((path, number, PARTS.get(part.lower(), "")))
                else:
                    others.append(path)
    if not rows:
        raise DataError(
            f"{folder} has no pictures; those are files that end in {', '.join(sorted(SUFFIXES))}"
        )
    if len(names) == 1:
        raise DataError(
            f"{folder} has one class only, {names[0]!r}; it takes a folder of pictures for each of two "
            "classes or more"
        )
    paths, classes, kinds = zip(*rows, strict=True)
    return Found(tuple(names), tuple(paths), tuple(classes), tuple(kinds), tuple(others))


def read_all(files: PictureFiles) -> tuple[np.ndarray, dict[int, str]]:
    """uint8 [N, C, H, W] of the pictures that can be read, and why the others can't, by their place."""
    pixels = np.empty((len(files), *files.shape), np.uint8)
    broken: dict[int, str] = {}
    for place, path in enumerate(_told(files.paths)):
        try:
            pixels[place - len(broken)] = read_picture(path, files.image_size, files.grayscale)
        except PictureError as error:
            broken[place] = str(error)
    return pixels[: len(files) - len(broken)], broken


def unreadable(files: PictureFiles) -> dict[int, str]:
    """Why pictures can't be opened, by their place; their pixels are not decoded, which would take long."""
    broken: dict[int, str] = {}
    for place, path in enumerate(_told(files.paths)):
        try:
            check_picture(path)
        except PictureError as error:
            broken[place] = str(error)
    return broken


def _told(paths: Sequence[Path]) -> tqdm:
    """The paths, with a progress bar on a terminal where they take more than a second."""
    return tqdm(paths, desc="reading pictures", unit="file", delay=1, leave=False, disable=None)


def _parts(folder: Path) -> list[str]:
    """The folders of train, validation and test, where there is "train" with folders in it and another; else
    [""].
    """
    named = [name for name in _folders(folder) if name.lower() in PARTS]
    kinds = Counter(PARTS[name.lower()] for name in named)
    if "train" not in kinds or len(kinds) < 2 or not all(_folders(folder / name) for name in named):
        return [""]
    twice = [kind for kind, times in kinds.items() if times > 1]
    if twice:
        raise DataError(f"{folder} has several folders for {twice[0]}: {', '.join(named)}; keep one of them")
    return named


def _folders(folder: Path) -> list[str]:
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def _files(folder: Path) -> list[Path]:
    """All files below the folder in an order that doesn't depend on the disk; without hidden ones."""
    if not folder.is_dir():
        return []
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder)
        for name in names
        if not name.startswith(".") and name not in ("Thumbs.db", "desktop.ini")
    ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def _without[Item](items: Sequence[Item], broken: Mapping[int, str]) -> tuple[Item, ...]:
    return tuple(item for place, item in enumerate(items) if place not in broken)


def _refuse_empty_classes(found: Found, classes: np.ndarray, folder: Path) -> None:
    counts = np.bincount(classes, minlength=len(found.class_names))
    empty = [name for name, count in zip(found.class_names, counts, strict=True) if not count]
    if empty:
        raise DataError(
            f"no picture in {folder} is of {', '.join(map(repr, empty))}; fill that folder, or remove it"
        )


def _notes(found: Found, folder: Path) -> list[str]:
    if not found.others:
        return []
    example = found.others[0].relative_to(folder).as_posix()
    return [f"files that are no pictures are left out: {len(found.others):,}, such as {example}"]


def _broken_notes(broken: Mapping[int, str]) -> list[str]:
    shown = [f"left out: {reason}" for reason in list(broken.values())[:5]]
    return shown + ([f"left out: {len(broken) - 5:,} more that can't be read"] if len(broken) > 5 else [])


SPECS = (
    Dataset(
        name="image_folder",
        title="Image folder",
        summary="Pictures of your own: a folder for each class, in train, val and test if you like.",
        source="after https://pytorch.org/tutorials/beginner/transfer_learning_tutorial.html",
        licence="yours",
        tasks=("classification", "binary"),
        load=load,
        parameters=(
            Parameter("path", "", "where your data lies, in full or below the data folder", kind="path"),
            Parameter(
                "image_size",
                32,
                "height and width; the shorter side is scaled to it and the longer one cut",
                kind="integer",
                low=8,
                high=512,
                unit="pixels",
            ),
            Parameter("colours", "rgb", "channels of a picture", kind="choice", choices=("rgb", "grayscale")),
            Parameter(
                "broken_pictures",
                "skip",
                "files that can't be read: skip them and say so, or refuse to train",
                kind="choice",
                choices=("skip", "refuse"),
            ),
            Parameter(
                "memory_limit",
                1024,
                "pictures that take more are read from their files at each epoch",
                kind="integer",
                low=1,
                high=1_000_000,
                log=True,
                unit="MB",
            ),
            Parameter(
                "loader_workers",
                0,
                "processes that read pictures ahead, where they don't fit into memory",
                kind="integer",
                low=0,
                high=32,
                step=1,
            ),
        ),
    ),
)
