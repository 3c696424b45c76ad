"""Who is in which fold, for each way of training.schemes to share samples out.

    plan = fold_plan("stratified", classes, None, len(classes), folds=10, split_seed=0)
    for fold in plan.folds:
        fold.repeat, fold.fold, fold.split.train, fold.split.validation, fold.split.test

What is tested on (`test`) is scikit-learn's held-out fold for the same seed. Where the best epoch is to be
chosen (`keep` "best"), the samples to choose by are cut from the fold's training samples: a network that was
chosen on the samples it is judged by looks better than it is (Cawley and Talbot 2010,
https://jmlr.org/papers/v11/cawley10a.html). Where the last epoch's weights are kept, nothing is chosen, and
the held-out fold is watched and judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.config import RunConfig
from training.datasets.errors import DataError
from training.resampling import Resampling
from training.schemes import SCHEMES, Dealt, Scheme
from training.splits import Split, cut

__all__ = ["SCHEMES", "Fold", "FoldPlan", "Scheme", "fold_plan", "inner_plan", "refuse_learning_from_test"]

MOST_INDICES = 20_000_000  # that a plan holds: 160 MB; leave-one-out of 4,400 samples
PLATEAU = "plateau"  # the schedule that follows the validation loss


@dataclass(frozen=True, eq=False)
class Fold:
    """One training: which of its samples train, choose and judge."""

    repeat: int
    fold: int
    split: Split

    @property
    def seen(self) -> np.ndarray:
        """Sorted indices of all samples that had a part in the network: trained on, or chosen by."""
        split = self.split
        parts = (split.train, split.validation, split.test)
        seen = np.zeros(max((int(part.max()) + 1 for part in parts if len(part)), default=0), bool)
        for part, had_a_part in zip(parts, (True, True, False), strict=True):
            seen[part] = had_a_part
        return np.flatnonzero(seen)


@dataclass(frozen=True, eq=False)
class FoldPlan:
    """All folds, in the order of repeats, and in each of its folds."""

    scheme: str  # name in SCHEMES
    folds: tuple[Fold, ...]

    @property
    def repeats(self) -> int:
        return max(fold.repeat for fold in self.folds) + 1

    @property
    def resampling(self) -> Resampling:
        """For the statistics. What the best epoch was chosen by counts as trained on: the network saw it."""
        return Resampling(
            tuple(len(fold.seen) for fold in self.folds),
            tuple(len(fold.split.test) for fold in self.folds),
            self.repeats,
        )

    def within(self, pool: np.ndarray) -> FoldPlan:
        """The plan of `pool` [count], indices into a data set, with these in place of 0 ... count - 1."""
        return replace(self, folds=tuple(replace(fold, split=_within(fold, pool)) for fold in self.folds))


def fold_plan(
    scheme: str,
    classes: np.ndarray | None,
    groups: np.ndarray | None,
    n: int,
    folds: int = 5,
    repeats: int = 1,
    split_seed: int = 0,
    validation_share: float = 0.15,
    keep: str = "best",
    class_names: Sequence[str] = (),
) -> FoldPlan:
    """Shares out samples 0 ... n - 1. `classes` (int64 [n]) is None in a regression; `groups` [n] says which
    samples belong together, None where nothing does. `validation_share` is one of a fold's training samples,
    cut from them where `keep` is "best". `class_names` are for the sentences of errors.

    DataError, with the way out, where it can't be; UnknownNameError for a scheme that there is not.
    """
    row = SCHEMES[scheme]
    dealt = Dealt(n, folds, repeats, split_seed, classes, groups if "groups" in row.uses else None)
    _refuse(row, dealt, class_names)
    each = row.folds(dealt)
    made = []
    for place, pair in enumerate(row.deal(dealt)):
        repeat, fold = divmod(place, each)
        where = f"fold {fold + 1}" + (f" of repeat {repeat + 1}" if repeats > 1 else "")
        train, test = (np.sort(part).astype(np.int64) for part in pair)
        _refuse_parts(train, test, classes, class_names, where)
        split = Split(train, test, test)
        if keep == "best":
            split = _with_validation(split, dealt, validation_share, where)
        made.append(Fold(repeat, fold, split))
    return FoldPlan(row.name, tuple(made))


def inner_plan(
    fold: Fold,
    folds: int,
    seed: int,
    classes: np.ndarray | None = None,
    validation_share: float = 0.15,
    keep: str = "last",
    class_names: Sequence[str] = (),
) -> FoldPlan:
    """Folds of the samples that an outer fold may learn from, to choose settings by without a look at those
    it is judged by (Varma and Simon 2006, doi:10.1186/1471-2105-7-91).

    `classes` is by index, as the fold's split is; stratified where it is given. DataError as fold_plan.
    """
    pool = fold.seen
    own = None if classes is None else classes[pool]
    scheme = "kfold" if classes is None else "stratified"
    plan = fold_plan(scheme, own, None, len(pool), folds, 1, seed, validation_share, keep, class_names)
    return plan.within(pool)


def refuse_learning_from_test(config: RunConfig) -> None:
    """DataError for what would follow the score of the held-out fold, where that is the only one watched."""
    if config.keep != "last":
        return
    if config.early_stopping:
        raise DataError(
            f"early_stopping is {config.early_stopping}, and with --keep last the only score to stop by is "
            "that of the held-out fold, which must judge and not choose; use --early-stopping 0, or --keep "
            "best"
        )
    if config.schedule == PLATEAU:
        raise DataError(
            f"schedule is {config.schedule}, and with --keep last the only loss it could follow is that of "
            "the held-out fold, which must judge and not teach; use another schedule, or --keep best"
        )


def _refuse(row: Scheme, dealt: Dealt, class_names: Sequence[str]) -> None:
    """DataError for options that don't fit the samples."""
    n, folds, repeats = dealt.count, row.folds(dealt), dealt.repeats
    if n < 2:
        raise DataError(f"there are {n} samples to share out; it takes 2 at least: use more samples")
    if "folds" in row.uses and not 2 <= dealt.folds <= n:
        raise DataError(f"folds is {dealt.folds} for {n:,} samples; it must be between 2 and {n:,}")
    if repeats < 1 or (repeats > 1 and "repeats" not in row.uses):
        raise DataError(
            f"repeats is {repeats}, and {row.name} deals the samples "
            f"{'5 times' if row.name == 'five_by_two' else 'once'}; use --repeats 1, or --scheme repeated"
        )
    trainings = folds * (5 if row.name == "five_by_two" else repeats)
    if trainings * n > MOST_INDICES:
        raise DataError(
            f"{row.name} of {n:,} samples is {trainings:,} trainings on nearly all of them, more than can be "
            "planned at once; use fewer --train-samples, folds or repeats"
        )
    if "groups" in row.uses:
        _refuse_groups(dealt)
    if dealt.classes is not None:
        _refuse_classes(row, dealt, class_names)
    elif row.needs_classes:
        raise DataError(
            f"{row.name} shares out classes, and numbers are to be predicted here; use --scheme kfold"
        )


def _refuse_groups(dealt: Dealt) -> None:
    if dealt.groups is None:
        raise DataError(
            "scheme is group, and the data set says of no sample which group it belongs to; name a column of "
            "a table with --group-column, or use --scheme stratified"
        )
    present = len(np.unique(dealt.groups))
    if present < 2:
        raise DataError(
            "all samples belong to one group, which stays whole: there is nothing to test on; use another "
            "--group-column, or --scheme stratified"
        )
    if dealt.folds > present:
        raise DataError(
            f"folds is {dealt.folds}, and there are {present} groups, each of which stays whole: a fold "
            f"would be empty; use --folds {present} or fewer"
        )


def _refuse_classes(row: Scheme, dealt: Dealt, class_names: Sequence[str]) -> None:
    assert dealt.classes is not None
    present, counts = np.unique(dealt.classes, return_counts=True)
    if len(present) == 1:
        raise DataError(
            f"all {dealt.count:,} samples are of class {_name(present[0], class_names)}: there is nothing to "
            "tell apart; use more samples, or another target"
        )
    smallest, folds = int(counts.min()), row.folds(dealt)
    if row.name == "holdout":
        folds = 2
    if row.stratified and smallest < folds:
        name = _name(present[counts.argmin()], class_names)
        lower = f"use --folds {smallest}, " if smallest > 1 and "folds" in row.uses else ""
        raise DataError(
            f"class {name} has {smallest} sample{'s' if smallest > 1 else ''}, fewer than the {folds} parts "
            f"that {row.name} shares it out to; {lower}add samples of it, or leave the class out"
        )


def _refuse_parts(
    train: np.ndarray, test: np.ndarray, classes: np.ndarray | None, class_names: Sequence[str], where: str
) -> None:
    """DataError for a part without samples, or a class that is to be told and was never shown."""
    for part, purpose in ((train, "train on"), (test, "be tested on")):
        if not len(part):
            raise DataError(f"{where} has no samples to {purpose}; use fewer folds, or more samples")
    if classes is None:
        return
    unknown = np.setdiff1d(classes[test], classes[train])
    if len(unknown):
        raise DataError(
            f"no training sample of {where} is of class {_name(unknown[0], class_names)}, which it is tested "
            "on; use --scheme stratified, add samples of the class, or leave it out"
        )


def _with_validation(split: Split, dealt: Dealt, share: float, where: str) -> Split:
    """Cuts samples to choose by from the training ones; whole groups, where samples belong to some."""
    try:
        if dealt.groups is not None:
            train, validation = _cut_groups(split.train, dealt.groups, share, dealt.seed)
        else:
            train, validation = cut(split.train, round(share * len(split.train)), dealt.classes, dealt.seed)
    except ValueError as error:
        raise DataError(
            f"no validation samples can be cut from the {len(split.train):,} training samples of {where} "
            f"with validation_share {share:g} ({error}); change it, use fewer folds or more samples, or keep "
            "the last epoch's weights with --keep last"
        ) from None
    classes = dealt.classes
    if classes is not None and len(np.setdiff1d(classes[split.test], classes[train])):
        raise DataError(
            f"validation_share {share:g} takes a whole class from the training samples of {where}; lower it, "
            "or keep the last epoch's weights with --keep last"
        )
    return Split(train, validation, split.test)


def _cut_groups(
    train: np.ndarray, groups: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """ValueError where there are too few groups."""
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
    kept, taken = next(splitter.split(train, groups=groups[train]))
    return np.sort(train[kept]), np.sort(train[taken])


def _within(fold: Fold, pool: np.ndarray) -> Split:
    split = fold.split
    return Split(*(np.sort(pool[part]) for part in (split.train, split.validation, split.test)))


def _name(number: np.integer, class_names: Sequence[str]) -> str:
    return repr(str(class_names[int(number)])) if len(class_names) else str(number)
