"""From a configuration to batches: normalised by the training part, seeded, the same in every run."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler

from training.config import RunConfig
from training.data import Data, channel_statistics, epoch_generator, load_data
from training.datasets import DATASETS, DataError
from training.features import prepare
from training.parts import Normalisation, ResidentPart

CPU = torch.device("cpu")
NOWHERE = Path("nowhere")


def load(dataset: str = "digits", **changes: object) -> Data:
    return load_data(RunConfig(dataset=dataset).replace(**changes), CPU, NOWHERE)


@pytest.mark.parametrize("name", [row.name for row in DATASETS if row.input_shape == (2,)] + ["digits"])
def test_what_is_loaded_has_the_shape_and_types_that_a_network_takes(name: str) -> None:
    data = load(name)
    for part in (data.train, data.validation, data.test):
        inputs, targets = next(part.batches(7))
        assert inputs.shape == (7, *data.input_shape)
        assert inputs.dtype == torch.float32
        assert targets.shape == (7,)
        assert targets.dtype == torch.int64
        assert len(part) == len(part.targets) == len(part.indices)
    assert data.num_classes == len(data.class_names)
    assert set(data.train.targets.tolist()) == set(range(data.num_classes))


def test_pictures_are_normalised_by_the_training_part() -> None:
    data = load()
    inputs, _ = next(data.train.batches(len(data.train)))
    assert float(inputs.mean()) == pytest.approx(0, abs=1e-5)
    assert float(inputs.std(correction=0)) == pytest.approx(1, abs=1e-5)
    others, _ = next(data.test.batches(len(data.test)))
    assert abs(float(others.mean())) > 1e-4, "measured on the training part alone"


def test_features_are_standardised_as_by_scikit_learn() -> None:
    data = load("gaussians")
    row = DATASETS["gaussians"]
    points = row.load(NOWHERE, RunConfig(dataset="gaussians").dataset_settings, 0, "auto").inputs
    scaler = StandardScaler().fit(points[data.train.indices])
    for part in (data.train, data.validation, data.test):
        inputs, _ = next(part.batches(len(part)))
        assert inputs.numpy() == pytest.approx(scaler.transform(points[part.indices]), abs=1e-6)
    assert data.mean == pytest.approx(scaler.mean_)
    assert data.std == pytest.approx(scaler.scale_)


def test_no_picture_of_the_test_part_is_trained_on() -> None:
    data = load()
    parts = [data.train.indices, data.validation.indices, data.test.indices]
    assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts)) == 1797


def test_the_parts_do_not_depend_on_how_many_samples_are_trained_on() -> None:
    few, all_ = load(train_samples=200), load()
    assert np.array_equal(few.test.indices, all_.test.indices)
    assert np.array_equal(few.validation.indices, all_.validation.indices)
    assert np.isin(few.train.indices, all_.train.indices).all()
    assert len(few.train) == 200
    assert few.mean != all_.mean


def test_indices_lead_back_to_the_data_set() -> None:
    from sklearn.datasets import load_digits

    data, theirs = load(), load_digits()
    pictures, targets = data.preview(data.test, 20)
    assert np.array_equal(np.rint(pictures[:, 0] * (16 / 255)), theirs.images[data.test.indices[:20]])
    assert np.array_equal(targets, theirs.target[data.test.indices[:20]])


def test_every_sample_comes_once_in_an_epoch() -> None:
    part = load().train
    seen = [targets for _, targets in part.batches(100, epoch_generator(0, 0))]
    assert [len(batch) for batch in seen] == [100] * 12 + [57]
    assert torch.equal(torch.cat(seen).sort().values, part.targets.sort().values)


def test_shuffled_inputs_keep_their_targets() -> None:
    part = load("gaussians", noise=0.01, class_count=5).train
    ordered = dict(
        zip(map(tuple, next(part.batches(len(part)))[0].tolist()), part.targets.tolist(), strict=True)
    )
    for inputs, targets in part.batches(64, epoch_generator(0, 3)):
        assert [ordered[tuple(point)] for point in inputs.tolist()] == targets.tolist()


def order(data: Data, epoch: int) -> list[int]:
    marked = ResidentPart(data.train.inputs, torch.arange(len(data.train)), data.train.indices)
    return [int(place) for _, places in marked.batches(50, data.epoch_generator(epoch)) for place in places]


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone() -> None:
    first, again, other = load(seed=1), load(seed=1), load(seed=2)
    torch.manual_seed(12345)
    orders = [order(first, 0), order(first, 1), order(other, 0), order(other, 1)]
    assert order(again, 1) == orders[1]
    assert order(again, 0) == orders[0]
    assert all(one != another for one, another in pairwise(orders))
    assert len({tuple(one) for one in orders}) == 4


def test_drawing_batches_leaves_the_global_stream_alone() -> None:
    data = load()
    before = torch.get_rng_state()
    list(data.train.batches(64, data.epoch_generator(0)))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("first", [0, 1, 19, 20, 25])
@pytest.mark.parametrize("shuffled", [True, False])
def test_an_epoch_can_be_entered_in_its_middle(first: int, shuffled: bool) -> None:
    data = load()

    def batches(first: int) -> list[torch.Tensor]:
        generator = data.epoch_generator(4) if shuffled else None
        return [inputs for inputs, _ in data.train.batches(64, generator, first)]

    whole, rest = batches(0)[first:], batches(first)
    assert len(rest) == len(whole)
    assert all(torch.equal(one, other) for one, other in zip(whole, rest, strict=True))


def test_a_seed_gives_the_same_batches_bit_for_bit() -> None:
    for name in ("digits", "spirals"):
        ours, theirs = (list(load(name, seed=9).train.batches(64, epoch_generator(9, 0))) for _ in range(2))
        assert all(
            torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(ours, theirs, strict=True)
        )


def test_pictures_stay_bytes_until_their_batch() -> None:
    part = load().train
    assert isinstance(part, ResidentPart)
    assert part.inputs.dtype == torch.uint8


@pytest.mark.parametrize("channels", [1, 3])
def test_normalising_is_that_of_torchvision(channels: int) -> None:
    from torchvision.transforms.v2.functional import normalize, to_dtype

    mean, std = [0.2, 0.4, 0.6][:channels], [0.3, 0.2, 0.1][:channels]
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(2, channels, 16, 16)
    theirs = normalize(to_dtype(pixels, torch.float32, scale=True), mean, std)
    assert torch.allclose(Normalisation(mean, std, CPU)(pixels), theirs, atol=2e-6)
    assert pixels.dtype == torch.uint8


def test_statistics_of_pictures_are_exact_and_those_of_numpy() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (250, 3, 5, 4), np.uint8)
    pictures[:, 2] = 7
    mean, std = channel_statistics([pictures[:100], pictures[100:]])
    assert mean == pytest.approx((pictures / 255).mean(axis=(0, 2, 3)))
    assert std[:2] == pytest.approx((pictures / 255).std(axis=(0, 2, 3))[:2])
    assert std[2] == 1  # a channel that never changes must not be divided by 0
    assert channel_statistics([pictures[place, None] for place in range(250)]) == (mean, std)


@pytest.mark.data
def test_fashion_mnist_has_its_published_mean_and_keeps_its_official_test_part(fashion_mnist: Path) -> None:
    config = RunConfig(dataset="fashion_mnist", validation_share=0.1)
    data = load_data(config, CPU, fashion_mnist)
    assert (len(data.train), len(data.validation), len(data.test)) == (54_000, 6000, 10_000)
    assert np.bincount(data.train.targets).tolist() == [5400] * 10
    assert np.bincount(data.test.targets).tolist() == [1000] * 10
    assert data.mean == pytest.approx([0.2860], abs=1e-3)
    assert data.std == pytest.approx([0.3530], abs=1e-3)


def test_shown_undoes_the_normalisation() -> None:
    digits = load()
    inputs, _ = next(digits.train.batches(30))
    shown = digits.shown(inputs)
    assert float(shown.min()) == 0.0
    assert float(shown.max()) == 1.0
    assert torch.allclose(shown * 255, digits.train.inputs[:30].float(), atol=1e-3)
    moons = load("two_moons")
    points, _ = next(moons.train.batches(30))
    assert torch.allclose(
        moons.shown(points), points * torch.tensor(moons.std) + torch.tensor(moons.mean), atol=1e-6
    )


def test_classes_have_no_unit() -> None:
    data = load()
    assert torch.equal(data.in_units(data.test.targets), data.test.targets)


def test_two_classes_can_be_learned_as_yes_or_no_and_three_can_not() -> None:
    assert load("two_moons", task="binary").task == "binary"
    assert load("two_moons").task == "classification"
    with pytest.raises(DataError, match=r"task is binary, and spirals has 3 classes.*--task classification"):
        load("spirals", task="binary", class_count=3)


def test_a_batch_larger_than_the_training_part_is_refused() -> None:
    with pytest.raises(DataError, match=r"batch_size is 2,000, more than the 1,257 samples"):
        load(batch_size=2000)
    load(batch_size=1257)


def test_more_training_samples_than_there_are_is_refused() -> None:
    with pytest.raises(DataError, match=r"train_samples is 1,300, and there are 1,257"):
        load(train_samples=1300)


def test_a_share_too_small_for_ten_classes_is_refused() -> None:
    with pytest.raises(DataError, match=r"validation_share 0\.01 gives validation 3 of"):
        load("gaussians", sample_count=300, class_count=8, validation_share=0.01)


def test_what_was_known_of_validation_rows_does_not_change_training_rows() -> None:
    """Change everything about the validation and test rows: the training rows must come out the same."""
    random = np.random.default_rng(0)
    columns = random.normal(size=(100, 3))
    columns[random.random((100, 3)) < 0.1] = np.nan
    train, used = np.arange(60), np.arange(100)
    before = prepare(columns, ["a", "b", "c"], train, used)
    columns[60:] = columns[60:] * 1000 + 5
    after = prepare(columns, ["a", "b", "c"], train, used)
    assert np.array_equal(before.values[:60], after.values[:60])
    assert before.names == after.names


def test_a_column_that_training_rows_never_know_is_left_out() -> None:
    columns = np.stack([np.arange(10.0), np.r_[np.full(8, np.nan), 1.0, 2.0]], axis=1)
    prepared = prepare(columns, ["a", "b"], np.arange(8), np.arange(10))
    assert prepared.names == ("a",)
    assert "b" in " ".join(prepared.notes)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_batches_on_an_accelerator_are_those_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    here = load()
    for room in (1.0, 0.0):  # with no room for it, the data stays in the computer's memory
        monkeypatch.setattr("training.data.DEVICE_SHARE", room)
        there = load_data(RunConfig(), torch.device("cuda"), NOWHERE)
        assert isinstance(there.train, ResidentPart)
        assert there.train.inputs.is_cuda == bool(room)
        ours, theirs = (list(data.train.batches(64, data.epoch_generator(1))) for data in (here, there))
        for (inputs, targets), (their_inputs, their_targets) in zip(ours, theirs, strict=True):
            assert their_inputs.is_cuda
            assert torch.allclose(inputs, their_inputs.cpu(), atol=1e-6)
            assert torch.equal(targets, their_targets.cpu())
