"""The table of data sets, and the sets that need no file of one's own."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import socket
import struct
from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from models.catalog import checked_settings
from training.datasets import DATASETS, DataError, Dataset, Samples
from training.datasets.torchvision_images import FASHION_MNIST, MNIST, fetch, read_idx
from training.tasks import TASKS

OWN_DATA = ("image_folder", "table")
DRAWN = ("two_moons", "circles", "spirals", "xor", "gaussians")
TABLES = ("iris", "wine", "breast_cancer")
FETCHED = ("mnist", "fashion_mnist", "cifar10", "cifar100")


def load(name: str, root: Path = Path("nowhere"), seed: int = 0, **settings: object) -> Samples:
    row = DATASETS[name]
    return row.load(root, checked_settings(name, row.parameters, settings), seed, "auto")


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def test_the_table_holds_every_promised_data_set() -> None:
    assert DATASETS.names()[0] == "digits"  # what a form shows first
    assert set(DATASETS.names()) == {"digits", *OWN_DATA, *DRAWN, *TABLES, *FETCHED}


@pytest.mark.parametrize("row", DATASETS, ids=lambda row: row.name)
def test_every_row_says_what_it_is(row: Dataset) -> None:
    assert row.title
    assert row.summary.endswith(".")
    assert row.source
    assert row.licence
    assert row.tasks
    assert all(task in TASKS for task in row.tasks)
    checked_settings(row.name, row.parameters, {})


@pytest.mark.parametrize("name", ["digits", *DRAWN, *TABLES])
def test_a_set_without_files_gives_what_its_row_promises(name: str) -> None:
    samples, row = load(name), DATASETS[name]
    assert samples.inputs.shape[1:] == row.input_shape
    assert samples.targets.dtype == np.int64
    assert set(samples.targets) == set(range(len(samples.class_names)))
    assert row.num_classes in (None, len(samples.class_names))
    assert row.sample_count in (None, len(samples.targets))
    assert samples.task in row.tasks


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_scikit_learn_is_as_it_hands_it_over(name: str) -> None:
    features, classes = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    samples = load(name)
    assert np.array_equal(samples.inputs, features)
    assert np.array_equal(samples.targets, classes)
    assert len(samples.feature_names) == features.shape[1]


def test_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    samples, theirs = load("digits"), load_digits()
    assert np.array_equal(np.rint(samples.inputs[:, 0] * (16 / 255)), theirs.images)
    assert np.array_equal(samples.targets, theirs.target)
    assert samples.inputs.max() == 255


@pytest.mark.parametrize("name", DRAWN)
def test_points_are_drawn_from_the_seed(name: str) -> None:
    first, again, other = load(name, seed=3), load(name, seed=3), load(name, seed=4)
    assert np.array_equal(first.inputs, again.inputs)
    assert np.array_equal(first.targets, again.targets)
    assert not np.array_equal(first.inputs, other.inputs)


@pytest.mark.parametrize("name", DRAWN)
def test_classes_of_points_are_of_equal_size(name: str) -> None:
    counts = np.bincount(load(name, sample_count=241).targets)
    assert counts.sum() == 241
    assert counts.max() - counts.min() <= 2


def test_the_moons_and_circles_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import make_circles, make_moons

    moons = make_moons(100, noise=0.3, random_state=5)[0]
    circles = make_circles(100, noise=0.3, factor=0.5, random_state=5)[0]
    assert np.array_equal(load("two_moons", seed=5, sample_count=100, noise=0.3).inputs, moons)
    assert np.array_equal(load("circles", seed=5, sample_count=100, noise=0.3).inputs, circles)


def test_without_noise_the_classes_of_xor_are_the_signs() -> None:
    samples = load("xor", noise=0.0)
    assert np.array_equal(samples.targets == 1, np.prod(samples.inputs, axis=1) < 0)


def test_without_noise_a_cloud_is_its_centre_on_the_unit_circle() -> None:
    samples = load("gaussians", noise=0.0, class_count=4)
    assert len(np.unique(samples.inputs.round(9), axis=0)) == 4
    assert np.allclose(np.linalg.norm(samples.inputs, axis=1), 1)


def test_a_cloud_has_the_deviation_asked_for() -> None:
    samples = load("gaussians", sample_count=40_000, noise=0.3, class_count=2)
    assert samples.inputs[samples.targets == 0].std(axis=0) == pytest.approx([0.3, 0.3], rel=0.03)


def test_arms_of_a_spiral_are_one_arm_turned() -> None:
    samples = load("spirals", noise=0.0, class_count=3)
    radius = np.linalg.norm(samples.inputs, axis=1)
    angle = np.arctan2(samples.inputs[:, 1], samples.inputs[:, 0])
    turned = angle - 2 * np.pi * (1.25 * radius + samples.targets / 3)
    assert np.allclose(np.cos(turned), 1)


@pytest.mark.data
def test_fashion_mnist_is_read_as_torchvision_reads_it(fashion_mnist: Path) -> None:
    from torchvision.datasets import FashionMNIST

    samples = load("fashion_mnist", fashion_mnist)
    train, test = (FashionMNIST(fashion_mnist, train=part, download=False) for part in (True, False))
    assert np.array_equal(samples.inputs[:60_000, 0], train.data.numpy())
    assert np.array_equal(samples.inputs[60_000:, 0], test.data.numpy())
    assert np.array_equal(samples.targets, np.concatenate([train.targets.numpy(), test.targets.numpy()]))
    assert list(samples.class_names) == train.classes
    assert np.array_equal(samples.predefined["test"], np.arange(60_000, 70_000))


def test_a_set_that_cannot_be_fetched_names_the_folder_to_fill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import CIFAR10
    from torchvision.datasets import MNIST as THEIRS

    monkeypatch.setattr(THEIRS, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    with pytest.raises(DataError) as mnist:
        load("mnist", tmp_path / "data")
    assert str(tmp_path / "data" / "MNIST" / "raw") in str(mnist.value)
    assert "train-images-idx3-ubyte" in str(mnist.value)
    with pytest.raises(DataError, match=r"cifar-10-batches-py lacks data_batch_1.*cifar-10-python\.tar\.gz"):
        load("cifar10", tmp_path / "data")
    assert not list((tmp_path / "data").iterdir()), "nothing half fetched is left behind"
    assert socket.getdefaulttimeout() is None


def small_mnist(folder: Path) -> dict[str, np.ndarray]:
    """Archives as on MNIST's server, with a few pictures."""
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 30), ("t10k", 20)):
        arrays[f"{part}-images-idx3-ubyte"] = random.integers(0, 256, (count, 28, 28), np.uint8)
        arrays[f"{part}-labels-idx1-ubyte"] = (np.arange(count) % 10).astype(np.uint8)
    folder.mkdir(parents=True)
    for name, array in arrays.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array)))
    return arrays


def test_archives_that_lie_there_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import MNIST as THEIRS

    arrays = small_mnist(tmp_path / "MNIST" / "raw")
    md5 = {
        path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in (tmp_path / "MNIST/raw").iterdir()
    }
    monkeypatch.setattr(THEIRS, "mirrors", ["http://127.0.0.1:9/"])
    monkeypatch.setattr(THEIRS, "resources", [(name, md5[name]) for name, _ in THEIRS.resources])
    samples = load("mnist", tmp_path)
    assert np.array_equal(samples.inputs[:30, 0], arrays["train-images-idx3-ubyte"])
    assert np.array_equal(samples.targets[30:], np.arange(20) % 10)
    assert np.array_equal(samples.predefined["train"], np.arange(30))


def test_files_that_are_there_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import FashionMNIST

    raw = tmp_path / FASHION_MNIST.folder
    raw.mkdir(parents=True)
    for name in FASHION_MNIST.names:
        (raw / name).touch()
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    fetch(FASHION_MNIST, tmp_path)  # would raise DataError


@pytest.mark.parametrize("keep", [0, 3, 9, 100])
def test_a_damaged_file_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx(np.zeros((5, 28, 28), np.uint8))[:keep])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte is damaged"):
        read_idx(path)


def test_pictures_without_classes_are_refused(tmp_path: Path) -> None:
    raw = tmp_path / MNIST.folder
    raw.mkdir(parents=True)
    for name in MNIST.names:
        array = np.zeros((4, 28, 28), np.uint8) if "images" in name else np.zeros(3, np.uint8)
        (raw / name).write_bytes(idx(array))
    with pytest.raises(DataError, match="more pictures than classes"):
        load("mnist", tmp_path)


def write_cifar(folder: Path, files: dict[str, int], labels: str, names: str) -> dict[str, str]:
    """Files as of CIFAR, with a few pictures; the MD5 of each."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    sums = {}
    for number, (name, count) in enumerate(files.items()):
        entry = {
            "data": random.integers(0, 256, (count, 3072), np.uint8),
            labels: [(number + place) % 10 for place in range(count)],
        }
        if not count:
            entry = {names: [f"kind_{kind}" for kind in range(10)]}
        (folder / name).write_bytes(pickle.dumps(entry))
        sums[name] = hashlib.md5((folder / name).read_bytes()).hexdigest()
    return sums


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_is_read_as_torchvision_reads_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision

    theirs = {"cifar10": torchvision.datasets.CIFAR10, "cifar100": torchvision.datasets.CIFAR100}[name]
    counts = {file: 3 for file, _ in [*theirs.train_list, *theirs.test_list]} | {theirs.meta["filename"]: 0}
    labels = "labels" if name == "cifar10" else "fine_labels"
    sums = write_cifar(tmp_path / theirs.base_folder, counts, labels, theirs.meta["key"])
    for part in ("train_list", "test_list"):
        monkeypatch.setattr(theirs, part, [[file, sums[file]] for file, _ in getattr(theirs, part)])
    monkeypatch.setattr(theirs, "meta", theirs.meta | {"md5": sums[theirs.meta["filename"]]})
    samples = load(name, tmp_path)
    test = theirs(tmp_path, train=False)
    places = samples.predefined["test"]
    assert samples.class_names[:2] == ("kind 0", "kind 1")
    assert samples.inputs.flags.c_contiguous
    assert np.array_equal(samples.inputs[places].transpose(0, 2, 3, 1), test.data)
    assert samples.targets[places].tolist() == test.targets
    (tmp_path / theirs.base_folder / theirs.test_list[0][0]).write_bytes(b"anything else")
    with pytest.raises(DataError, match=r"holds damaged files; delete it"):
        load(name, tmp_path)
