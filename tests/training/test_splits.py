"""Splits: seeded, stratified, disjoint, and a clear sentence where that can't be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedShuffleSplit

from training.datasets import DataError
from training.splits import Split, split_samples, subset

CLASSES = np.repeat(np.arange(4), [400, 300, 200, 100])
NAMES = ("a", "b", "c", "d")


def split(seed: int = 0, validation: float = 0.2, test: float = 0.1, **changes: object) -> Split:
    given = {"count": 1000, "classes": CLASSES, "class_names": NAMES, **changes}
    return split_samples(**given, validation_share=validation, test_share=test, seed=seed)


def test_every_class_has_its_share_of_every_part() -> None:
    parts = split()
    for part, share in ((parts.train, 0.7), (parts.validation, 0.2), (parts.test, 0.1)):
        assert np.bincount(CLASSES[part]).tolist() == [round(share * n) for n in (400, 300, 200, 100)]


def test_no_sample_is_in_two_parts_and_none_is_lost() -> None:
    parts = split()
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(together), np.arange(1000))


def test_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    assert np.array_equal(split(seed=5).test, split(seed=5).test)
    assert not np.array_equal(split(seed=5).test, split(seed=6).test)


def test_a_cut_is_that_of_scikit_learn() -> None:
    theirs = StratifiedShuffleSplit(1, test_size=100, random_state=0)
    kept, taken = next(theirs.split(np.zeros(1000), CLASSES))
    assert np.array_equal(split(seed=0).test, np.sort(taken))
    assert np.array_equal(np.sort(np.concatenate([split().train, split().validation])), np.sort(kept))


def test_indices_are_sorted() -> None:
    parts = split()
    assert all((np.diff(part) > 0).all() for part in (parts.train, parts.validation, parts.test))


def test_without_classes_the_sizes_are_the_shares() -> None:
    parts = split(classes=None)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (700, 200, 100)


def test_an_official_test_part_stays_and_validation_is_cut_from_training() -> None:
    parts = split(predefined={"train": np.arange(0, 1000, 2), "test": np.arange(1, 1000, 2)})
    assert np.array_equal(parts.test, np.arange(1, 1000, 2))
    assert len(parts.validation) == 100  # a fifth of 500
    assert (parts.validation % 2 == 0).all()
    assert (parts.train % 2 == 0).all()


def test_an_official_validation_part_stays_and_test_is_cut_from_training() -> None:
    fifth = np.arange(0, 1000, 5)
    rest = np.setdiff1d(np.arange(1000), fifth)
    parts = split(predefined={"train": rest, "validation": fifth})
    assert np.array_equal(parts.validation, fifth)
    assert len(parts.test) == 80  # a tenth of 800
    assert np.isin(parts.test, rest).all()


def test_rows_outside_the_predefined_parts_are_in_none() -> None:
    parts = split(predefined={"train": np.arange(100, 1000)})
    assert min(part.min() for part in (parts.train, parts.validation, parts.test)) >= 100


def test_a_share_too_small_for_the_classes_names_one_that_is_not() -> None:
    with pytest.raises(
        DataError, match=r"test_share 0\.002 gives test 2 of 1,000.*each of the 4 classes"
    ) as error:
        split(test=0.002)
    assert "0.004" in str(error.value)
    split(test=0.004)
    with pytest.raises(DataError, match=r"validation_share 0\.001"):
        split(validation=0.001)


def test_a_share_that_leaves_too_few_to_train_on_is_refused() -> None:
    with pytest.raises(DataError, match=r"validation_share 0.899.*lower it"):
        split(validation=0.899)


def test_a_class_that_only_the_official_test_part_shows_is_named() -> None:
    with pytest.raises(DataError, match=r"no training sample is of 'd'"):
        split(predefined={"train": np.arange(900), "test": np.arange(900, 1000)})


def test_a_class_with_one_sample_is_named() -> None:
    classes = CLASSES.copy()
    classes[0] = 4
    with pytest.raises(DataError, match=r"too few samples of 'rare'"):
        split(classes=classes, class_names=(*NAMES, "rare"))


def test_a_subset_keeps_the_shares_of_the_classes() -> None:
    train = split().train
    chosen = subset(train, 70, CLASSES, NAMES, seed=0)
    assert np.bincount(CLASSES[chosen]).tolist() == [28, 21, 14, 7]
    assert np.isin(chosen, train).all()
    assert (np.diff(chosen) > 0).all()


@pytest.mark.parametrize("size", [0, 700])
def test_a_subset_of_all_is_all(size: int) -> None:
    train = split().train
    assert np.array_equal(subset(train, size, CLASSES, NAMES, seed=0), train)


@pytest.mark.parametrize("size", [696, 697, 699])
def test_a_subset_may_leave_out_fewer_samples_than_there_are_classes(size: int) -> None:
    assert len(np.unique(subset(split().train, size, CLASSES, NAMES, seed=0))) == size


@pytest.mark.parametrize(("size", "why"), [(701, "there are 700 samples"), (3, "make it 4 or more")])
def test_an_impossible_subset_is_refused(size: int, why: str) -> None:
    with pytest.raises(DataError, match=why):
        subset(split().train, size, CLASSES, NAMES, seed=0)


def test_a_subset_that_cannot_keep_a_class_of_one_sample_says_so() -> None:
    classes = np.array([0] * 50 + [1])
    with pytest.raises(DataError, match=r"'b'.*train_samples"):
        subset(np.arange(51), 20, classes, NAMES, seed=0)


@given(
    sizes=st.lists(st.integers(1, 40), min_size=2, max_size=6),
    validation=st.floats(0.01, 0.9),
    test=st.floats(0.01, 0.9),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_split_has_every_class_in_training_or_is_refused(
    sizes: list[int], validation: float, test: float, seed: int
) -> None:
    classes = np.repeat(np.arange(len(sizes)), sizes)
    names = tuple(str(number) for number in range(len(sizes)))
    try:
        parts = split_samples(len(classes), classes, names, validation, test, seed)
    except DataError as error:
        said = str(error)
        parts = None
    if parts is None:
        ways_out = ("raise it", "lower it", "leave the class out", "lower their")
        assert any(way in said for way in ways_out)
        return
    together = np.concatenate([parts.train, parts.validation, parts.test])
    assert np.array_equal(np.sort(together), np.arange(len(classes)))
    assert set(classes[parts.train]) == set(range(len(sizes)))
