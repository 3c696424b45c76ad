"""Which small networks are trained by compiled steps (`training.compiled_kernel`), and when that pays.

A chain of linear layers, ReLU and dropout, a loss and an optimizer that the kernel knows, samples in memory
as float32 on the processor, one thread: then a network's step is one piece of machine code, 2.3 to 8.2 times
as fast as PyTorch's calls for all networks at once (5 and 32 networks, 8 to 128 hidden units). Whatever is
otherwise is trained as before.

The kernel is not there from the beginning. To load it takes half a second, and to compile it eleven,
once on a machine: numba keeps it in a folder. So a training of a moment does without, unless it
is loaded already, as in the processes that wait for a button to be pressed (`training.warm`).
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from torch import Tensor

from logs.process import of_its_own
from training.config import RunConfig
from training.devices import choose_device
from training.learners import Learners
from training.memory import tiny_as_zero
from training.stacked import StackedNetworks
from training.stacked_layers import Dropout, Layer, Linear, Rectifier
from training.stacked_samples import Block, DropoutMasks, EpochOrder, StackedSamples
from training.stacked_scores import EVALUATION_BYTES, Evaluation, Scores, evaluated

GAIN_SECONDS = 17e-6  # of a step of one network, at least: 60e-6 where there are few
LOAD_SECONDS, COMPILE_SECONDS = 0.5, 11.0
NICENESS = 19  # of a process that compiles while nobody waits

COMPILED = ("compiled_kernel", "compiled_histograms")  # files of this folder
USERS_CACHE = Path("~/.cache/numba")  # on Linux; elsewhere only the folder beside the source is known

CHAINS = ("mlp", "linear")  # models that may be what the kernel knows
LOSSES = ("cross_entropy", "binary_cross_entropy", "mse")  # by the kernel's numbers
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adam", "adamw")
# What the kernel's columns FIRST, SECOND and EPSILON are called in an optimizer's settings
COLUMNS = (("momentum", "beta1"), ("dampening", "beta2"), ("epsilon",))
# Where there are none
NO_CLASSES, NO_NUMBERS = np.zeros(1, np.int64), np.zeros(1, np.float32)
NO_MASKS = np.zeros((1, 1, 0, 0), np.float32)

_ONE_AT_A_TIME = threading.Lock()


class Said(NamedTuple):
    """What came of the steps of a block, before the update of each."""

    losses: Float[Tensor, "steps members"]  # the mean over each batch, without the L1 term
    outputs: Float[Tensor, "steps members batch outputs"]
    known: Scores  # [steps, members]: the loss and metrics for which nobody must look at the outputs any more


# Places in the stack, of members with equally many samples, and their inputs and targets [members, samples]
Laid = tuple[Int64[np.ndarray, "members"], Float32[np.ndarray, "members features samples"], Tensor]


class Arrays(NamedTuple):
    """What learners have, as the kernel takes it: with a row for each of them. Memory is theirs."""

    settings: Float64[np.ndarray, "members 7"]
    matrices: Bool[np.ndarray, "numbers"]
    weights: Float32[np.ndarray, "members numbers"]
    first: Float32[np.ndarray, "members numbers"]
    second: Float32[np.ndarray, "members numbers"]
    gradients: Float32[np.ndarray, "members numbers"]

    @classmethod
    def of(cls, learners: Learners) -> Arrays:
        weights, own = learners.networks.weights.numpy(), learners.optimizer.settings
        slots = [slot.numpy() for slot in learners.optimizer.slots.values()]
        slots += [weights] * (2 - len(slots))  # never looked at
        strengths = torch.cat([learners.smoothing, learners.l1, learners.longest], dim=1).double().numpy()
        named = [next((own[n] for n in names if n in own), np.zeros(len(learners))) for names in COLUMNS]
        settings = np.column_stack([strengths, own["decay"], *named])
        matrices = learners.matrices[0].bool().numpy()
        return cls(settings, matrices, weights, slots[0], slots[1], learners.gradients.numpy())


@dataclass
class CompiledSteps:
    """What the kernel must know of a stack of networks. `train` does some times what `Learners.step` does."""

    kernel: ModuleType
    layers: Int64[np.ndarray, "layers 6"]
    loss: int
    optimizer: int
    bank: Float32[np.ndarray, "samples features"]
    scale: Float32[np.ndarray, "networks features"]
    shift: Float32[np.ndarray, "networks features"]
    aloud: bool  # whether anybody asks what the networks put out
    known: tuple[Learners, Arrays] | None = None  # those of the last block
    laid: tuple[StackedSamples, list[Laid]] | None = None  # of the last evaluation

    def train(
        self,
        learners: Learners,
        masks: DropoutMasks,
        block: Block,
        numbers: Int64[np.ndarray, "members"],
        samples: StackedSamples,
        order: EpochOrder,
        rates: Float[np.ndarray, "steps members"],
    ) -> Said:
        """The updates of a block. Samples that fill up a batch are left out, and their outputs are 0.
        `numbers`: of the members among all networks that there were.
        """
        if self.known is None or self.known[0] is not learners:
            self.known = learners, Arrays.of(learners)
        own, rows, updates = self.known[1], block.members, learners.optimizer.updates
        drawn = masks.drawn(block)
        losses, right = np.empty(rates.shape, np.float32), np.empty(rates.shape, np.float32)
        said = (block.steps if self.aloud else 0), len(rows), block.size
        outputs = torch.zeros(*said, int(self.layers[-1, self.kernel.OUTPUTS]))
        norms = learners.gradient_norms.numpy().copy()  # who reads them may keep them
        targets = samples.targets
        is_class = not targets.dtype.is_floating_point
        everyone = len(rows) == len(order.taken)
        with tiny_as_zero():
            self.kernel.compiled_train(
                rows,
                self.layers,
                self.loss,
                self.optimizer,
                own.settings[rows],
                np.ascontiguousarray(rates, np.float64),
                updates[rows],
                self.bank,
                self.scale[numbers],
                self.shift[numbers],
                order.taken if everyone else order.taken[rows],
                block.first * order.batch,
                order.batch,
                np.ascontiguousarray(block.sizes),
                samples.starts[rows],
                samples.rows.numpy(),
                targets.numpy() if is_class else NO_CLASSES,
                NO_NUMBERS if is_class else targets.flatten().numpy(),
                NO_MASKS if drawn is None else drawn.contiguous().numpy(),
                own.matrices,
                own.weights,
                own.first,
                own.second,
                own.gradients,
                norms,
                losses,
                right,
                outputs.numpy(),
            )
        learners.gradient_norms = torch.from_numpy(norms)
        updates[rows] += block.steps
        known = {"loss": losses, "accuracy": right} if is_class else {"loss": losses}
        return Said(torch.from_numpy(losses), outputs, known)

    def evaluate(self, networks: StackedNetworks, samples: StackedSamples) -> tuple[list[Evaluation], Scores]:
        """What `training.stacked_scores.evaluated` gives, and the scores [members] for which nobody must look
        at the outputs any more, NaN for members without samples; none of so many samples that torch takes
        them piece by piece.
        """
        if self.laid is None or self.laid[0] is not samples:
            features = self.bank.shape[1]
            if 4 * features * int(samples.lengths.sum()) > EVALUATION_BYTES:
                return list(evaluated(networks, samples)), {}
            self.laid = samples, _laid(samples)
        outputs: list[Evaluation] = []
        losses, right = np.full((2, len(networks)), np.nan)
        is_class = not samples.targets.dtype.is_floating_point
        for rows, inputs, targets in self.laid[1]:
            own, hits = np.empty(len(rows), np.float32), np.empty(len(rows), np.float32)
            said = torch.empty(len(rows), inputs.shape[2], int(self.layers[-1, self.kernel.OUTPUTS]))
            self.kernel.compiled_judge(
                rows,
                self.layers,
                self.loss,
                networks.weights.numpy(),
                inputs,
                targets.numpy() if is_class else NO_CLASSES[None],
                NO_NUMBERS[None] if is_class else targets.flatten(1).numpy(),
                own,
                hits,
                said.numpy(),
            )
            losses[rows], right[rows] = own, hits
            outputs.append((rows, said, targets))
        return outputs, {"loss": losses, "accuracy": right} if is_class else {"loss": losses}


def _laid(samples: StackedSamples) -> list[Laid]:
    """All samples as the kernel's judge takes them, of members with equally many together."""
    found: list[Laid] = []
    for size in np.unique(samples.lengths[samples.lengths > 0]).tolist():
        rows = np.flatnonzero(samples.lengths == size)
        inputs, targets = samples.gather(rows, torch.arange(size).expand(1, len(rows), size))
        found.append((rows, inputs[0].flatten(2).transpose(1, 2).contiguous().numpy(), targets[0]))
    return found


def compiled_steps(
    learners: Learners, samples: StackedSamples, loss: str, optimizer: str, steps: int, aloud: bool
) -> CompiledSteps | None:
    """For these networks, with the samples' bank made ready; None where the kernel can't train them, or where
    `steps` of each are done before it would be there. `aloud`: whether somebody asks for the outputs.
    """
    networks = learners.networks
    if loss not in LOSSES or optimizer not in OPTIMIZERS or "largest" in learners.optimizer.slots:
        return None
    if samples.device.type != "cpu" or torch.get_num_threads() != 1:
        return None
    if (layers := _described(networks)) is None or (loss != "cross_entropy" and layers[-1, 1] != 1):
        return None
    kernel = brought(steps * len(networks))
    if kernel is None or not samples.keep_as_floats():
        return None
    scale, shift = samples.factors()
    bank, numbers = samples.bank.flatten(1).numpy(), (LOSSES.index(loss), OPTIMIZERS.index(optimizer))
    return CompiledSteps(kernel, layers, *numbers, bank, scale.numpy(), shift.numpy(), aloud)


def _described(networks: StackedNetworks) -> Int64[np.ndarray, "layers 6"] | None:
    """The chain as the kernel's table of layers; None where it is none of linear layers, each with ReLU and
    dropout after it or not, the last one without.
    """
    places = {place.name: place for place in networks.places}
    masks: dict[str, int] = {}
    begin = 0
    for name, shape in networks.sites.items():
        masks[f"{name}.mask"] = begin
        begin += int(np.prod(shape))
    table: list[list[int]] = []  # columns as the kernel names them
    former: Layer | None = None
    for layer in networks.layers or ():
        if isinstance(layer, Linear):
            units, inputs = places[layer.weight].shape
            bias = -1 if layer.bias is None else places[layer.bias].begin
            table.append([inputs, units, places[layer.weight].begin, bias, 0, -1])
        elif isinstance(layer, Rectifier) and isinstance(former, Linear):
            table[-1][4] = 1
        elif isinstance(layer, Dropout) and isinstance(former, Linear | Rectifier):
            table[-1][5] = masks[layer.mask]
        else:
            return None
        former = layer
    return np.array(table, np.int64) if isinstance(former, Linear) else None


def brought(steps: int) -> ModuleType | None:
    """The kernel, ready for use; None where it is not loaded and so many steps of one network gain less than
    it takes to load it, or where it can't be had.
    """
    if (kernel := at_hand()) is not None:
        return kernel
    price = LOAD_SECONDS if is_compiled() else COMPILE_SECONDS
    if steps * GAIN_SECONDS <= price or find_spec("numba") is None:
        return None
    return loaded()


def is_for(config: RunConfig) -> bool:
    """Whether trainings of this configuration may be the kernel's, as far as can be said before there are
    networks: a process loads it before it forks.
    """
    shape = config.model_settings.get("activation", "relu"), config.model_settings.get("batch_norm", False)
    known = config.model in CHAINS and shape == ("relu", False) and config.optimizer in OPTIMIZERS
    return known and config.threads == 1 and choose_device(config.device).type == "cpu"


def loaded() -> ModuleType | None:
    """The kernel, compiled where it was not yet; None where numba is missing or fails."""
    with _ONE_AT_A_TIME:
        return _loaded()


def at_hand() -> ModuleType | None:
    """The kernel, if it is loaded already."""
    return _loaded() if is_loaded() else None


def is_loaded() -> bool:
    return bool(_loaded.cache_info().currsize)


@functools.cache
def _loaded() -> ModuleType | None:
    try:
        from threadpoolctl import threadpool_limits

        from training import compiled_histograms
        from training import compiled_kernel as kernel

        _try(kernel, compiled_histograms)
        # From here on: a product of small matrices that is shared out among threads takes many times as long
        threadpool_limits(limits=1, user_api="blas")
    except Exception:  # whatever is amiss with a compiler, there is another way
        return None
    return kernel


def _try(kernel: ModuleType, histograms: ModuleType) -> None:
    """All of it with the smallest network: compiles, or finds what was compiled."""
    one, row = np.ones((1, 1), np.float32), np.zeros(1, np.int64)
    layers = np.array([[1, 1, 0, -1, 0, -1]])
    settings = np.array([[0.0, 0.0, np.inf, 0.0, 0.0, 0.0, 0.0]])
    outputs, column = np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1), np.int64)
    tables = one[0] > 0, one, one.copy(), one.copy(), one.copy(), np.zeros(1, np.float32), one.copy()
    kernel.compiled_train(
        row, layers, 0, 0, settings, np.zeros((1, 1)), row, one, one, one, column, 0, 1, column + 1, row, row,
        NO_CLASSES, NO_NUMBERS, NO_MASKS, *tables, one.copy(), outputs,
    )  # fmt: skip
    kernel.compiled_judge(
        row, layers, 0, one, outputs[0], column, NO_NUMBERS[None], one[0].copy(), one[0].copy(), outputs[0]
    )
    histograms.compiled_count(one, np.array([[0, 1]]), np.zeros((1, 1, 1)), np.zeros((1, 1, 2), np.float32))


def is_compiled() -> bool:
    """Whether this machine has compiled the kernel as it is now, in one of the folders where numba keeps it:
    beside the source, or the user's where that may not be written.
    """
    here = Path(__file__).parent
    if kept := os.environ.get("NUMBA_CACHE_DIR"):
        folders = list(Path(kept).glob("*training*"))
    else:
        folders = [here / "__pycache__", *USERS_CACHE.expanduser().glob("*training*")]
    return all(_newest(folders, name) > (here / f"{name}.py").stat().st_mtime for name in COMPILED)


def _newest(folders: Sequence[Path], name: str) -> float:
    """When the last function of this file was compiled; 0 for never."""
    found = (index.stat().st_mtime for folder in folders for index in folder.glob(f"{name}.*.nbi"))
    return max(found, default=0.0)


def prepare() -> None:
    """Loads the kernel in a process that has nothing to do. Where it is not compiled yet, another process
    does that with what the machine has to spare, for the next one.
    """
    if is_compiled():
        loaded()
    elif find_spec("numba") is not None:
        subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **of_its_own(),
        )


if __name__ == "__main__":
    with contextlib.suppress(AttributeError, OSError):  # Windows has none
        os.nice(NICENESS)
    loaded()
