"""The row type of the table of data sets, and what a data set hands over: samples as they are, not yet split,
normalised or on a device (training.data does that).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.catalog import Parameter, Value
from training.datasets.errors import DataError
from training.datasets.pictures import PictureFiles


@dataclass(frozen=True)
class Samples:
    """All samples of a data set.

    `inputs`: uint8 pictures [N, C, H, W] with values 0 to 255; or float64 features [N, F] in their own units,
    NaN where a value is missing; or picture files that are read while they are needed, because they don't
    fit.
    `targets`: class indices (int64 [N]), or numbers in their own unit (float64 [N]).
    `predefined`: indices of an official "train", "validation" or "test" part. What it leaves out is cut from
    "train".
    `groups`: which samples belong together ([N], numbers), such as those of one patient; None where nothing
    is said.
    `notes`: sentences on what was done to the data, for the reader of the run.
    """

    inputs: np.ndarray | PictureFiles
    targets: np.ndarray
    task: str
    class_names: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    target_name: str = ""
    notes: tuple[str, ...] = ()
    predefined: Mapping[str, np.ndarray] = field(default_factory=dict)
    groups: np.ndarray | None = None


Load = Callable[[Path, Mapping[str, Value], int, str], Samples]


@dataclass(frozen=True)
class Dataset:
    """A row of DATASETS.

    `load(data_root, settings, seed, task)` gives its Samples; `task` is a name of TASKS or "auto", and the
    first of
    `tasks` is what "auto" stands for where the data don't tell. Hints are None where only the files tell.
    """

    name: str
    title: str
    summary: str
    source: str
    licence: str
    tasks: tuple[str, ...]
    load: Load
    parameters: tuple[Parameter, ...] = ()
    input_shape: tuple[int, ...] | None = None  # hint: of one sample
    num_classes: int | None = None  # hint
    sample_count: int | None = None  # hint: of all parts together
    download_bytes: int = 0  # fetched at first use; 0: nothing is

    def __post_init__(self) -> None:
        """Samples that have classes can be embedded by them, which is never what "auto" stands for."""
        if "classification" in self.tasks:
            object.__setattr__(self, "tasks", (*self.tasks, "embedding"))


def found_path(setting: str, root: Path, owner: str) -> Path:
    """The file or folder that a data set's `path` means: as given, below the data folder, or below the
    current one.

    DataError where it is empty or nothing lies there.
    """
    if not setting.strip():
        raise DataError(f"path of {owner} is empty; say where your data lies: --path FOLDER/NAME")
    given = Path(setting.strip()).expanduser()
    places = [given] if given.is_absolute() else [root / given, Path.cwd() / given]
    for place in places:
        if place.exists():
            return place.resolve()
    looked = " or ".join(str(place) for place in dict.fromkeys(places))
    raise DataError(
        f"path of {owner} is {setting!r}, and there is no {looked}; check the spelling, or give it in full"
    )
