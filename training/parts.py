"""The training, validation or test samples on a device, handed out in normalised batches.

Data that fits is one tensor on the device, and a batch is one index_select: pictures stay bytes until then, a
quarter of the memory and of the traffic. What does not fit is read from its files by a torch DataLoader. Both
give the same batches in the same order.
"""

from __future__ import annotations

import multiprocessing
import signal
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.datasets.errors import DataError, PictureError
from training.datasets.pictures import PictureFiles

Batches = Iterator[tuple[Tensor, Tensor]]


class Normalisation:
    """Bytes 0 to 255 as floats with mean 0 and deviation 1 in each channel. `mean` and `std` are those of
    value/255.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], device: torch.device) -> None:
        scale = [1 / (255 * deviation) for deviation in std]
        shift = [-average / deviation for average, deviation in zip(mean, std, strict=True)]
        self.scale: float | Tensor = scale[0]
        self.shift: float | Tensor = shift[0]
        if len(scale) > 1:  # a plain number for one channel: broadcasting a tensor takes longer
            self.scale = torch.tensor(scale, device=device)[:, None, None]
            self.shift = torch.tensor(shift, device=device)[:, None, None]

    def __call__(self, pixels: Tensor) -> Tensor:
        """uint8 [batch, channels, height, width] -> float32 of the same shape."""
        return pixels.to(torch.float32).mul_(self.scale).add_(self.shift)


class Part(ABC):
    """Samples of one split. `indices` (int64, sorted) are their places in the data set; `targets` lie on the
    device, in the same order.
    """

    def __init__(self, targets: Tensor, indices: np.ndarray) -> None:
        self.targets, self.indices = targets, indices

    def __len__(self) -> int:
        return len(self.indices)

    @abstractmethod
    def batches(self, batch_size: int, generator: torch.Generator | None = None, first: int = 0) -> Batches:
        """Normalised float32 inputs and their targets, on the device: shuffled by `generator`, or in order
        without one.

        The last batch holds what is left. The first `first` batches are passed over without being made, to go
        on in mid-epoch. Read the tensors, but don't write into them: they may be the part's own.
        """


class ResidentPart(Part):
    """Samples in one tensor: uint8 pictures that `normalise` turns into floats, or floats that are ready."""

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        indices: np.ndarray,
        normalise: Normalisation | None = None,
    ) -> None:
        """`inputs` lie on the targets' device, or on the CPU where that device has no room for them."""
        super().__init__(targets, indices)
        self.inputs, self.normalise = inputs, normalise

    def batches(self, batch_size: int, generator: torch.Generator | None = None, first: int = 0) -> Batches:
        start = first * batch_size
        if generator is None:
            for begin in range(start, len(self), batch_size):
                end = begin + batch_size
                yield self._ready(self.inputs[begin:end]), self.targets[begin:end]
            return
        order = torch.randperm(len(self), generator=generator)[start:]  # on the CPU: the same on every device
        here = order.to(self.inputs.device)
        # All targets at once: they are few bytes, and an index_select costs more than what it fetches
        targets = self.targets.index_select(0, order.to(self.targets.device))
        for rows, own_targets in zip(here.split(batch_size), targets.split(batch_size), strict=True):
            if len(rows):
                yield self._ready(self.inputs.index_select(0, rows)), own_targets

    def _ready(self, inputs: Tensor) -> Tensor:
        inputs = inputs.to(self.targets.device)
        return inputs if self.normalise is None else self.normalise(inputs)


class StreamedPart(Part):
    """Pictures that are read from their files when their batch comes up, by `workers` processes (0: by this
    one).
    """

    def __init__(
        self,
        files: PictureFiles,
        targets: Tensor,
        indices: np.ndarray,
        normalise: Normalisation,
        workers: int = 0,
    ) -> None:
        super().__init__(targets, indices)
        self.files, self.normalise, self.workers = files, normalise, workers
        self._order = _Order()
        self._loader: DataLoader | None = None

    def batches(self, batch_size: int, generator: torch.Generator | None = None, first: int = 0) -> Batches:
        order = torch.arange(len(self))
        if generator is not None:
            order = torch.randperm(len(self), generator=generator)
        chosen = [rows for rows in order[first * batch_size :].split(batch_size) if len(rows)]
        self._order.batches = [self.indices[rows.numpy()].tolist() for rows in chosen]
        device = self.targets.device
        for pixels, rows in zip(self._opened(), chosen, strict=True):
            yield self.normalise(pixels.to(device, non_blocking=True)), self.targets[rows.to(device)]

    def _opened(self) -> DataLoader:
        """The loader, whose processes stay from epoch to epoch: starting one imports torch."""
        if self._loader is None or not self.workers:
            methods = multiprocessing.get_all_start_methods()
            # A forked process may hang on a lock that another thread, such as the log's, held at that moment
            context = ("forkserver" if "forkserver" in methods else "spawn") if self.workers else None
            self._loader = DataLoader(
                _AsTensors(self.files),
                batch_sampler=self._order,
                num_workers=self.workers,
                collate_fn=torch.stack,
                generator=torch.Generator(),  # without one it would draw from the stream that dropout uses
                multiprocessing_context=context,
                persistent_workers=self.workers > 0,
                worker_init_fn=_leave_ctrl_c_to_the_trainer,
            )
        return self._loader


def _leave_ctrl_c_to_the_trainer(worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends after its step, and then this process


class _Order:
    """The batches of the coming epoch, as lists of places in the data set."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


class _AsTensors(Dataset):
    def __init__(self, files: PictureFiles) -> None:
        self.files = files

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Tensor:
        try:
            return torch.from_numpy(self.files[index])
        except PictureError as error:
            raise DataError(f"{error}; remove the file, and start again") from error
