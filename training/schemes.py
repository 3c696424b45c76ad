"""The table of ways to share samples out, each as scikit-learn deals them for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.catalog import Catalog
from training.datasets.errors import DataError

SKLEARN = "https://scikit-learn.org/stable/modules/cross_validation.html"


@dataclass(frozen=True, eq=False)
class Dealt:
    """What is to be shared out. The last three are None where there is no such thing."""

    count: int  # samples
    folds: int
    repeats: int
    seed: int
    classes: np.ndarray | None  # int64 [count]
    groups: np.ndarray | None  # [count], anything that can be compared

    def splits(self, splitter: object) -> list[tuple[np.ndarray, np.ndarray]]:
        """Training and held-out indices of each fold, as this splitter of scikit-learn deals them."""
        found = splitter.split(np.zeros(self.count), self.classes, self.groups)  # type: ignore[attr-defined]
        return list(found)


@dataclass(frozen=True)
class Scheme:
    """A row of SCHEMES. `deal` gives training and held-out indices, repeat after repeat, and in each its
    folds. `uses` names the options that change the result: folds, repeats, split_seed, groups.
    """

    name: str
    title: str
    description: str
    source: str
    uses: tuple[str, ...]
    folds: Callable[[Dealt], int]  # of one repeat
    deal: Callable[[Dealt], list[tuple[np.ndarray, np.ndarray]]]
    stratified: bool = False  # each fold has every class in proportion, where there are classes
    needs_classes: bool = False


def _k_fold(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import KFold

    return dealt.splits(KFold(dealt.folds, shuffle=True, random_state=dealt.seed))


def _stratified(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedKFold

    return dealt.splits(StratifiedKFold(dealt.folds, shuffle=True, random_state=dealt.seed))


def _group(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import GroupKFold

    return dealt.splits(GroupKFold(dealt.folds, shuffle=True, random_state=dealt.seed))


def _repeated(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    return _repeatedly(dealt, dealt.folds, dealt.repeats)


def _five_by_two(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    return _repeatedly(dealt, 2, 5)


def _repeatedly(dealt: Dealt, folds: int, repeats: int) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    made = RepeatedKFold if dealt.classes is None else RepeatedStratifiedKFold
    return dealt.splits(made(n_splits=folds, n_repeats=repeats, random_state=dealt.seed))


def _leave_one_out(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import LeaveOneOut

    return dealt.splits(LeaveOneOut())


def _hold_out(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    made = ShuffleSplit if dealt.classes is None else StratifiedShuffleSplit
    try:
        return dealt.splits(made(dealt.repeats, test_size=1 / dealt.folds, random_state=dealt.seed))
    except ValueError as error:  # fewer held-out samples than classes
        raise DataError(
            f"one in {dealt.folds} of {dealt.count:,} samples can't be held out ({error}); use fewer --folds"
        ) from None


def _nested(dealt: Dealt) -> list[tuple[np.ndarray, np.ndarray]]:
    return _k_fold(dealt) if dealt.classes is None else _stratified(dealt)


def _asked_folds(dealt: Dealt) -> int:
    return dealt.folds


SCHEMES: Catalog[Scheme] = Catalog(
    "scheme",
    [
        Scheme(
            name="kfold",
            title="K-fold",
            description="Samples are shuffled and dealt to K folds of one size; each is left out once.",
            source=f"{SKLEARN}#k-fold",
            uses=("folds", "split_seed"),
            folds=_asked_folds,
            deal=_k_fold,
        ),
        Scheme(
            name="stratified",
            title="Stratified K-fold",
            description="K folds in which each class has the share that it has in the whole.",
            source=f"{SKLEARN}#stratified-k-fold",
            uses=("folds", "split_seed"),
            folds=_asked_folds,
            deal=_stratified,
            stratified=True,
            needs_classes=True,
        ),
        Scheme(
            name="group",
            title="Group K-fold",
            description="K folds that keep groups whole (a patient, a writer): is it right on new groups?",
            source=f"{SKLEARN}#group-k-fold",
            uses=("folds", "split_seed", "groups"),
            folds=_asked_folds,
            deal=_group,
        ),
        Scheme(
            name="repeated",
            title="Repeated K-fold",
            description="K folds dealt anew R times, each with every class in proportion: less left to luck.",
            source=f"{SKLEARN}#repeated-k-fold",
            uses=("folds", "repeats", "split_seed"),
            folds=_asked_folds,
            deal=_repeated,
            stratified=True,
        ),
        Scheme(
            name="leave_one_out",
            title="Leave one out",
            description="As many trainings as samples: each is judged by the network that saw all others.",
            source=f"{SKLEARN}#leave-one-out-loo",
            uses=(),
            folds=lambda dealt: dealt.count,
            deal=_leave_one_out,
        ),
        Scheme(
            name="five_by_two",
            title="5 x 2-fold",
            description="Halves, dealt anew 5 times, each half tested on once: made to compare two models.",
            source="Dietterich 1998, doi:10.1162/089976698300017197",
            uses=("split_seed",),
            folds=lambda dealt: 2,
            deal=_five_by_two,
            stratified=True,
        ),
        Scheme(
            name="holdout",
            title="Hold-out",
            description="One in K samples, drawn at random, is held out; R draws, whose samples may repeat.",
            source=f"{SKLEARN}#random-permutations-cross-validation-a-k-a-shuffle-split",
            uses=("folds", "repeats", "split_seed"),
            folds=lambda dealt: 1,
            deal=_hold_out,
            stratified=True,
        ),
        Scheme(
            name="nested",
            title="Nested K-fold",
            description="Settings are chosen by folds of a fold's own training samples, never by its test.",
            source="Varma and Simon 2006, doi:10.1186/1471-2105-7-91",
            uses=("folds", "split_seed"),
            folds=_asked_folds,
            deal=_nested,
            stratified=True,
        ),
    ],
)
