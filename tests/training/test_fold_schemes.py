"""Folds: scikit-learn's for the same seed, disjoint, complete, and a clear sentence where that can't be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneOut,
    RepeatedKFold,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)

from models.catalog import UnknownNameError
from training.config import RunConfig
from training.datasets import DataError
from training.fold_schemes import SCHEMES, FoldPlan, fold_plan, inner_plan, refuse_learning_from_test

CLASSES = load_iris().target.astype(np.int64)
GROUPS = np.arange(150) % 15

ORACLES: dict[str, tuple[Any, Any]] = {  # with classes, without
    "kfold": (KFold(5, shuffle=True, random_state=3),) * 2,
    "stratified": (StratifiedKFold(5, shuffle=True, random_state=3), None),
    "group": (GroupKFold(5, shuffle=True, random_state=3),) * 2,
    "repeated": (
        RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=3),
        RepeatedKFold(n_splits=5, n_repeats=2, random_state=3),
    ),
    "leave_one_out": (LeaveOneOut(),) * 2,
    "five_by_two": (
        RepeatedStratifiedKFold(n_splits=2, n_repeats=5, random_state=3),
        RepeatedKFold(n_splits=2, n_repeats=5, random_state=3),
    ),
    "holdout": (
        StratifiedShuffleSplit(2, test_size=0.2, random_state=3),
        ShuffleSplit(2, test_size=0.2, random_state=3),
    ),
    "nested": (
        StratifiedKFold(5, shuffle=True, random_state=3),
        KFold(5, shuffle=True, random_state=3),
    ),
}


def plan(scheme: str, classes: np.ndarray | None = CLASSES, **changes: Any) -> FoldPlan:
    repeats = 2 if "repeats" in SCHEMES[scheme].uses else 1
    given = {"groups": GROUPS, "n": 150, "folds": 5, "repeats": repeats, "split_seed": 3, "keep": "last"}
    return fold_plan(scheme, classes, **{**given, **changes})


@pytest.mark.parametrize("with_classes", [True, False], ids=["classes", "numbers"])
@pytest.mark.parametrize("scheme", SCHEMES.names())
def test_every_fold_is_that_of_scikit_learn_for_the_same_seed(scheme: str, with_classes: bool) -> None:
    theirs = ORACLES[scheme][0 if with_classes else 1]
    if theirs is None:
        with pytest.raises(DataError, match="--scheme kfold"):
            plan(scheme, None)
        return
    classes = CLASSES if with_classes else None
    ours = plan(scheme, classes).folds
    groups = GROUPS if scheme == "group" else None
    expected = list(theirs.split(np.zeros(150), CLASSES if with_classes else np.zeros(150), groups))
    assert len(ours) == len(expected)
    for fold, (train, test) in zip(ours, expected, strict=True):
        assert np.array_equal(fold.split.train, np.sort(train))
        assert np.array_equal(fold.split.test, np.sort(test))


@pytest.mark.parametrize("scheme", SCHEMES.names())
def test_repeats_and_folds_count_on_and_every_repeat_tests_each_sample_once(scheme: str) -> None:
    made = plan(scheme)
    each = len(made.folds) // made.repeats
    assert [(fold.repeat, fold.fold) for fold in made.folds] == [
        (repeat, fold) for repeat in range(made.repeats) for fold in range(each)
    ]
    if scheme != "holdout":
        for repeat in range(made.repeats):
            tested = [fold.split.test for fold in made.folds if fold.repeat == repeat]
            assert np.array_equal(np.sort(np.concatenate(tested)), np.arange(150))


@pytest.mark.parametrize("scheme", SCHEMES.names())
def test_the_validation_part_is_cut_from_the_training_samples_alone(scheme: str) -> None:
    for kept, cut in zip(plan(scheme).folds, plan(scheme, keep="best").folds, strict=True):
        assert np.array_equal(kept.split.test, cut.split.test)
        assert np.array_equal(kept.split.validation, kept.split.test)  # watched only
        together = np.concatenate([cut.split.train, cut.split.validation])
        assert np.array_equal(np.sort(together), kept.split.train)
        assert len(np.unique(together)) == len(together)
        assert np.array_equal(cut.seen, kept.split.train)
        assert len(cut.split.validation) > 0


def test_the_validation_part_is_that_of_scikit_learn() -> None:
    fold = plan("stratified", keep="best").folds[2]
    train, validation = train_test_split(fold.seen, test_size=18, stratify=CLASSES[fold.seen], random_state=3)
    assert np.array_equal(fold.split.train, np.sort(train))
    assert np.array_equal(fold.split.validation, np.sort(validation))


def test_no_group_is_on_two_sides_not_even_of_the_validation_part() -> None:
    for fold in plan("group", keep="best").folds:
        sides = [set(GROUPS[part]) for part in (fold.split.train, fold.split.validation, fold.split.test)]
        assert not sides[0] & sides[1]
        assert not (sides[0] | sides[1]) & sides[2]


def test_the_ratio_of_sizes_is_that_of_k_fold_whatever_is_kept() -> None:
    for keep in ("best", "last"):
        assert plan("kfold", keep=keep).resampling.test_train_ratio == pytest.approx(1 / 4)
    assert plan("five_by_two").resampling.five_by_two
    assert plan("leave_one_out").resampling.leave_one_out
    assert plan("holdout").resampling.title == "2 random splits"


def test_a_plan_of_a_pool_speaks_of_the_whole_data_set() -> None:
    pool = np.arange(1000, 1300, 2)
    for inside, outside in zip(plan("kfold").folds, plan("kfold").within(pool).folds, strict=True):
        assert np.array_equal(outside.split.test, pool[inside.split.test])
        assert np.array_equal(outside.split.train, pool[inside.split.train])


@pytest.mark.parametrize("keep", ["best", "last"])
def test_inner_folds_never_see_what_the_outer_fold_is_judged_by(keep: str) -> None:
    for outer in plan("nested", keep=keep).folds:
        inner = inner_plan(outer, 3, 0, CLASSES)
        seen = np.unique(np.concatenate([np.concatenate([f.split.train, f.split.test]) for f in inner.folds]))
        assert np.array_equal(seen, outer.seen)
        assert not np.isin(outer.split.test, seen).any()
        theirs = StratifiedKFold(3, shuffle=True, random_state=0).split(outer.seen, CLASSES[outer.seen])
        for fold, (_, test) in zip(inner.folds, theirs, strict=True):
            assert np.array_equal(fold.split.test, outer.seen[test])


RARE = np.array([0] * 20 + [1] * 3)


@pytest.mark.parametrize(
    ("scheme", "changes", "sentence"),
    [
        ("stratified", {"classes": RARE, "n": 23}, "class 'b' has 3 samples, fewer than the 5 .*--folds 3"),
        ("repeated", {"classes": RARE, "n": 23}, "class 'b' has 3 samples"),
        ("holdout", {"classes": np.array([0] * 9 + [1]), "n": 10}, "class 'b' has 1 sample,"),
        ("kfold", {"folds": 151}, "folds is 151 for 150 samples; it must be between 2 and 150"),
        ("kfold", {"folds": 1}, "folds is 1"),
        ("kfold", {"repeats": 3}, "repeats is 3.*--scheme repeated"),
        ("kfold", {"n": 1, "classes": None}, "there are 1 samples"),
        ("kfold", {"classes": np.zeros(150, np.int64)}, "all 150 samples are of class 'a'"),
        ("leave_one_out", {"classes": np.array([0] * 9 + [1]), "n": 10}, "fold 10 is of class 'b'"),
        ("group", {"groups": None}, "--group-column"),
        ("group", {"groups": np.zeros(150)}, "one group"),
        ("group", {"groups": np.arange(150) % 3}, "3 groups.*would be empty; use --folds 3"),
        ("group", {"groups": CLASSES, "folds": 3}, "no training sample of fold 1 is of class"),
        ("leave_one_out", {"classes": None, "n": 60_000}, "60,000 trainings"),
        ("stratified", {"keep": "best", "validation_share": 0.01}, "no validation samples.*--keep last"),
    ],
)
def test_what_can_not_be_shared_out_is_told(scheme: str, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        plan(scheme, **{"repeats": 1, "class_names": ("a", "b", "c"), **changes})


def test_an_unknown_scheme_names_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'stratified'"):
        fold_plan("stratifed", CLASSES, None, 150)


def test_nothing_may_learn_from_the_fold_that_judges() -> None:
    refuse_learning_from_test(RunConfig(early_stopping=3))
    refuse_learning_from_test(RunConfig(keep="last"))
    with pytest.raises(DataError, match="early_stopping is 3"):
        refuse_learning_from_test(RunConfig(keep="last", early_stopping=3))
    with pytest.raises(DataError, match="schedule is plateau"):
        refuse_learning_from_test(RunConfig(keep="last", schedule="plateau"))
