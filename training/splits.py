"""Which samples train, which choose (validation), which judge at the end (test): seeded, stratified,
disjoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.datasets.errors import DataError


@dataclass(frozen=True)
class Split:
    """Sorted indices (int64) into a data set; no index is in two of them."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def split_samples(
    count: int,
    classes: np.ndarray | None,
    class_names: Sequence[str],
    validation_share: float,
    test_share: float,
    seed: int,
    predefined: Mapping[str, np.ndarray] | None = None,
) -> Split:
    """Splits `count` samples; with `classes` (int64 [count]) every part has each class in the same
    proportion.

    `predefined` parts stay as they are, and those it lacks are cut from its "train": a share is then one of
    that. DataError where a share leaves a part without one sample of each class.
    """
    parts = dict(predefined or {})
    train = np.sort(parts.get("train", np.arange(count)))
    whole = len(train)
    for name, share in (("test", test_share), ("validation", validation_share)):
        if name not in parts:
            size = round(share * whole)
            _refuse_small(name, share, whole, train, classes, class_names)
            train, parts[name] = cut(train, size, classes, seed)
    if not len(train):
        raise DataError(
            f"validation_share {validation_share} and test_share {test_share} leave nothing to train on"
        )
    split = Split(train, np.sort(parts["validation"]), np.sort(parts["test"]))
    _refuse_unknown(split, classes, class_names)
    return split


def subset(
    train: np.ndarray, size: int, classes: np.ndarray | None, class_names: Sequence[str], seed: int
) -> np.ndarray:
    """`size` of the training indices, each class in proportion, sorted; 0: all of them. DataError for too
    many or few.
    """
    if not size or size == len(train):
        return train
    if size > len(train):
        raise DataError(
            f"train_samples is {size:,}, and there are {len(train):,} samples to train on; make it smaller, "
            "or 0 for all of them"
        )
    present = _present(train, classes)
    if size < len(present):
        raise DataError(
            f"train_samples is {size}, and there are {len(present)} classes with one sample at least each; "
            f"make it {len(present)} or more"
        )
    rest = len(train) - size
    if rest < len(present):  # scikit-learn wants each class on both sides: so few are left out by chance
        return np.sort(np.random.default_rng(seed).choice(train, size, replace=False))
    _refuse_single(train, classes, class_names, "train_samples")
    return cut(train, rest, classes, seed)[0]


def cut(
    indices: np.ndarray, size: int, classes: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """`indices` in two sorted parts, the second of `size`; each class, where there are any, in proportion."""
    from sklearn.model_selection import train_test_split

    stratify = None if classes is None else classes[indices]
    kept, taken = train_test_split(indices, test_size=size, stratify=stratify, random_state=seed)
    return np.sort(kept), np.sort(taken)


def _present(indices: np.ndarray, classes: np.ndarray | None) -> np.ndarray:
    """The classes that occur; without classes all samples are alike."""
    return np.unique(classes[indices]) if classes is not None else np.zeros(1, np.int64)


def _refuse_unknown(split: Split, classes: np.ndarray | None, class_names: Sequence[str]) -> None:
    """DataError for a class that is to be told and that no training sample shows."""
    if classes is None:
        return
    told = np.union1d(classes[split.validation], classes[split.test])
    unknown = [class_names[number] for number in np.setdiff1d(told, classes[split.train])]
    if unknown:
        raise DataError(
            f"no training sample is of {_listed(unknown)}, which the validation or test samples show; lower "
            "their shares, or add samples of it to train on"
        )


def _refuse_single(
    indices: np.ndarray, classes: np.ndarray | None, class_names: Sequence[str], purpose: str
) -> None:
    if classes is None:
        return
    present, counts = np.unique(classes[indices], return_counts=True)
    rare = [class_names[number] for number, times in zip(present, counts, strict=True) if times < 2]
    if rare:
        raise DataError(
            f"too few samples of {_listed(rare)}: to share a class out for {purpose}, it takes 2 in what is "
            "left; add samples, or leave the class out"
        )


def _refuse_small(
    name: str,
    share: float,
    whole: int,
    indices: np.ndarray,
    classes: np.ndarray | None,
    class_names: Sequence[str],
) -> None:
    """DataError where scikit-learn could not put each class into both parts."""
    _refuse_single(indices, classes, class_names, name)
    size = round(share * whole)
    need = len(_present(indices, classes))
    each = f"each of the {need} classes needs one" if classes is not None else "one is needed"
    if size < need:
        raise DataError(
            f"{name}_share {share:g} gives {name} {size} of {whole:,} samples, and {each} at least; "
            f"raise it to {np.ceil(1000 * need / whole) / 1000:g} or more, or use more samples"
        )
    if len(indices) - size < need:
        raise DataError(
            f"{name}_share {share:g} takes {size:,} of the {len(indices):,} samples left, and {each} at "
            "least to train on; lower it, or use more samples"
        )


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(repr(str(name)) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
