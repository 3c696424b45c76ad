"""The sets of small pictures that everybody compares with; torchvision fetches them at first use."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np

from models.catalog import Value
from training.datasets.dataset import Dataset, Samples
from training.datasets.errors import DataError

TIMEOUT_SECONDS = 30.0  # a server that doesn't answer must not hold a training for ever


@dataclass(frozen=True)
class Files:
    """What lies where below the data folder, and torchvision's class that can fetch it."""

    torchvision_class: str
    folder: str
    names: tuple[str, ...]  # in the folder
    archives: tuple[str, ...]  # below the data folder; one that lies there is unpacked instead of fetched


IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MNIST = Files("MNIST", "MNIST/raw", IDX, tuple(f"MNIST/raw/{name}.gz" for name in IDX))
FASHION_MNIST = Files(
    "FashionMNIST", "FashionMNIST/raw", IDX, tuple(f"FashionMNIST/raw/{name}.gz" for name in IDX)
)
CIFAR10 = Files(
    "CIFAR10",
    "cifar-10-batches-py",
    (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"),
    ("cifar-10-python.tar.gz",),
)
CIFAR100 = Files("CIFAR100", "cifar-100-python", ("train", "test", "meta"), ("cifar-100-python.tar.gz",))


def fetch(files: Files, root: Path) -> None:
    """Makes sure that the files lie below `root`, downloading what is missing with a progress bar.

    DataError names the folder to fill by hand where that can't be done. What a reader sees there is complete:
    files are fetched beside it and then put in their place, so two trainings may fetch at the same time.
    """
    missing = [name for name in files.names if not (root / files.folder / name).is_file()]
    if not missing:
        return
    import torchvision

    download = getattr(torchvision.datasets, files.torchvision_class)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=root) as unfinished:
            for archive in files.archives:
                if (root / archive).is_file():
                    (Path(unfinished) / archive).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(root / archive, Path(unfinished) / archive)
            with _timeout(TIMEOUT_SECONDS):
                download(unfinished, download=True)
            (root / files.folder).mkdir(parents=True, exist_ok=True)
            for name in files.names:
                (Path(unfinished) / files.folder / name).replace(root / files.folder / name)
    except (OSError, RuntimeError, EOFError, HTTPException) as error:
        reason = str(error).strip().split("\n")[-1] or type(error).__name__
        archives = ", ".join(Path(archive).name for archive in files.archives)
        where = (root / files.archives[0]).parent
        raise DataError(
            f"{root / files.folder} lacks {', '.join(missing)}, and they could not be downloaded ({reason}). "
            f"Connect to the internet, or copy them there from another machine, or {archives} into {where}"
        ) from error


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def read_idx(path: Path) -> np.ndarray:
    """The unsigned bytes of a file in MNIST's own format (http://yann.lecun.com/exdb/mnist).

    Four bytes (0, 0, 8 for unsigned bytes, number of dimensions), each dimension as a big-endian 32-bit
    number, data.
    """
    content = np.fromfile(path, np.uint8)
    dimensions = int(content[3]) if len(content) > 4 and content[2] == 8 else 0
    start = 4 + 4 * dimensions
    has_sizes = dimensions in (1, 3) and len(content) >= start
    shape = tuple(int(size) for size in content[4:start].view(">u4")) if has_sizes else ()
    if not shape or len(content) != start + np.prod(shape):
        raise DataError(f"{path} is damaged or no file of MNIST's format; delete it, and it is fetched again")
    return content[start:].reshape(shape)


def _loader_of_idx(files: Files, class_names: tuple[str, ...]) -> Callable[..., Samples]:
    def load(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
        fetch(files, root)
        train, train_classes, test, test_classes = (
            read_idx(root / files.folder / name) for name in files.names
        )
        if len(train) != len(train_classes) or len(test) != len(test_classes):
            raise DataError(f"{root / files.folder} holds more pictures than classes for them; delete it")
        return _official(train[:, None], train_classes, test[:, None], test_classes, class_names)

    return load


def _loader_of_cifar(files: Files) -> Callable[..., Samples]:
    def load(root: Path, settings: Mapping[str, Value], seed: int, task: str) -> Samples:
        fetch(files, root)
        import torchvision

        read = getattr(torchvision.datasets, files.torchvision_class)
        try:
            # Its files are pickles: torchvision reads them only if their MD5 is that of the published ones
            train, test = read(root, train=True), read(root, train=False)
        except (RuntimeError, OSError) as error:
            raise DataError(
                f"{root / files.folder} holds damaged files; delete it, and they are fetched again"
            ) from error
        return _official(
            train.data.transpose(0, 3, 1, 2),
            np.array(train.targets),
            test.data.transpose(0, 3, 1, 2),
            np.array(test.targets),
            tuple(name.replace("_", " ") for name in train.classes),
        )

    return load


def _official(
    train: np.ndarray,
    train_classes: np.ndarray,
    test: np.ndarray,
    test_classes: np.ndarray,
    class_names: tuple[str, ...],
) -> Samples:
    """Samples with the official test part after the training part; pictures are uint8 [N, C, H, W]."""
    count = len(train) + len(test)
    return Samples(
        inputs=np.ascontiguousarray(np.concatenate([train, test])),
        targets=np.concatenate([train_classes, test_classes]).astype(np.int64),
        task="classification",
        class_names=class_names,
        predefined={"train": np.arange(len(train)), "test": np.arange(len(train), count)},
    )


CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
SPECS = (
    Dataset(
        name="mnist",
        title="MNIST",
        summary="70,000 handwritten digits, 28x28: the set on which deep learning was first taught.",
        source="LeCun, Bottou, Bengio and Haffner 1998, http://yann.lecun.com/exdb/mnist",
        licence="CC BY-SA 3.0",
        tasks=("classification",),
        load=_loader_of_idx(MNIST, tuple(str(digit) for digit in range(10))),
        input_shape=(1, 28, 28),
        num_classes=10,
        sample_count=70_000,
        download_bytes=11_594_722,
    ),
    Dataset(
        name="fashion_mnist",
        title="Fashion-MNIST",
        summary="70,000 photographs of clothes, 28x28, in MNIST's format and harder.",
        source="Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747",
        licence="MIT",
        tasks=("classification",),
        load=_loader_of_idx(FASHION_MNIST, CLOTHES),
        input_shape=(1, 28, 28),
        num_classes=10,
        sample_count=70_000,
        download_bytes=30_878_645,
    ),
    Dataset(
        name="cifar10",
        title="CIFAR-10",
        summary="60,000 colour photographs, 32x32, of ten kinds of animals and vehicles.",
        source="Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated; cite Krizhevsky 2009",
        tasks=("classification",),
        load=_loader_of_cifar(CIFAR10),
        input_shape=(3, 32, 32),
        num_classes=10,
        sample_count=60_000,
        download_bytes=170_498_071,
    ),
    Dataset(
        name="cifar100",
        title="CIFAR-100",
        summary="60,000 colour photographs, 32x32, of a hundred kinds of things, 600 each.",
        source="Krizhevsky 2009, https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated; cite Krizhevsky 2009",
        tasks=("classification",),
        load=_loader_of_cifar(CIFAR100),
        input_shape=(3, 32, 32),
        num_classes=100,
        sample_count=60_000,
        download_bytes=169_001_437,
    ),
)
