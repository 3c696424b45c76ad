"""A network's mean loss on fixed samples as a function of one flat vector of its trainable parameters.

What looks at a loss landscape needs no more: values, gradients, and products of the Hessian with a vector,
which cost a few gradients and never form the matrix (Pearlmutter 1994, Fast exact multiplication by the
Hessian). Any `nn.Module` will do.

    objective = Objective(network, inputs, targets, loss)      # loss(outputs, targets) -> [samples]
    objective.value(objective.point)                           # the network's own loss
    hessian = objective.hessian(objective.point)
    hessian(direction)                                         # H v
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._python_dispatch import TorchDispatchMode

SampleLoss = Callable[[Tensor, Tensor], Tensor]  # outputs, targets -> a loss for each sample
Product = Callable[[Tensor], Tensor]
Statistics = Literal["saved", "batch"]
SAMPLE_GRADIENT_NUMBERS = 2**22  # numbers of sample gradients that are computed at once


@runtime_checkable
class Smooth(Protocol):
    """A function of a flat vector that has a gradient and a Hessian; `Objective` is one. `point` is where it
    is looked at unless told otherwise.
    """

    @property
    def point(self) -> Tensor: ...

    def value(self, vector: Tensor) -> float: ...

    def gradient(self, vector: Tensor) -> Tensor: ...

    def hessian(self, vector: Tensor) -> Product: ...


class Objective:
    """The mean loss of `network` on `inputs` and `targets`, which lie on the network's device.

    It works on a copy in evaluation mode (no dropout): the network given is not touched, and changing it
    later changes nothing here. Batch norm uses its saved statistics, or with `statistics="batch"` those of
    each batch of samples, at every point anew; then `batch` decides what is computed, and a batch of all
    samples gives the statistics of them all. Parameters that don't require a gradient stay as they are.

    Samples are taken `batch` at a time, which bounds the memory. An objective serves one thread; make one for
    each. ValueError for a network without trainable parameters or with trainable ones of different dtypes,
    for inputs and targets of different numbers, and for a loss that does not give a number for each sample.
    """

    def __init__(
        self,
        network: nn.Module,
        inputs: Tensor,
        targets: Tensor,
        sample_loss: SampleLoss,
        batch: int = 500,
        statistics: Statistics = "saved",
    ) -> None:
        if len(inputs) != len(targets) or not len(inputs):
            raise ValueError(
                f"there are {len(inputs)} inputs and {len(targets)} targets; give one target for each input, "
                "and at least one"
            )
        if batch < 1:
            raise ValueError(f"batch is {batch}; it must be at least 1 sample")
        self.network = copy.deepcopy(network).eval()
        if statistics == "batch":
            forget_statistics(self.network)
        moved = {name: own for name, own in self.network.named_parameters() if own.requires_grad}
        _check_parameters(moved)
        self.inputs, self.targets, self.sample_loss = inputs, targets, sample_loss
        self.batch, self.statistics = batch, statistics
        self.names = tuple(moved)
        self.shapes = tuple(own.shape for own in moved.values())
        self.sizes = [own.numel() for own in moved.values()]
        self.point: Float[Tensor, "numbers"] = torch.cat([own.detach().flatten() for own in moved.values()])
        self.network.requires_grad_(False)  # what isn't handed in is fixed
        self._recurrent = any(isinstance(module, nn.RNNBase) for module in self.network.modules())

    @property
    def numbers(self) -> int:
        """How many trainable numbers the network has."""
        return sum(self.sizes)

    @property
    def samples(self) -> int:
        return len(self.inputs)

    def unflatten(self, vector: Float[Tensor, "numbers"]) -> dict[str, Tensor]:
        """The parameters that `vector` stands for, by name: views of it."""
        if len(vector) != self.numbers:
            raise ValueError(f"the vector has {len(vector)} numbers, and the network {self.numbers}")
        parts = vector.split(self.sizes)
        return {
            name: part.view(shape) for name, part, shape in zip(self.names, parts, self.shapes, strict=True)
        }

    def flatten(self, parameters: dict[str, Tensor]) -> Float[Tensor, "numbers"]:
        """One vector of parameters by name: what `unflatten` gave, or those of a network like this one."""
        return torch.cat([parameters[name].detach().flatten() for name in self.names]).to(self.point)

    def sample_losses(
        self, vector: Float[Tensor, "numbers"], rows: Int64[Tensor, "rows"] | None = None
    ) -> Float[Tensor, "rows"]:
        """The loss of each sample, or of those in `rows`."""
        parameters = self.unflatten(vector.detach())
        with torch.no_grad():
            return torch.cat([self._losses(parameters, *batch) for batch in self._batches(rows)])

    def value(self, vector: Float[Tensor, "numbers"], rows: Int64[Tensor, "rows"] | None = None) -> float:
        """The mean loss, added up in float64. NaN and infinities are answers like others."""
        losses = self.sample_losses(vector, rows)
        return float(losses.cpu().double().mean())

    def gradient(
        self, vector: Float[Tensor, "numbers"], rows: Int64[Tensor, "rows"] | None = None
    ) -> Float[Tensor, "numbers"]:
        """The gradient of the mean loss of all samples, or of those in `rows`."""
        return self.value_and_gradient(vector, rows)[1]

    def value_and_gradient(
        self, vector: Float[Tensor, "numbers"], rows: Int64[Tensor, "rows"] | None = None
    ) -> tuple[float, Float[Tensor, "numbers"]]:
        """The mean loss of all samples, or of those in `rows`, and its gradient, in one pass."""
        total, losses = torch.zeros_like(self.point), list[Tensor]()
        for batch in self._batches(rows):
            leaves = self._leaves(vector)
            losses.append(self._losses(leaves, *batch))
            gradients = torch.autograd.grad(losses[-1].sum(), list(leaves.values()), materialize_grads=True)
            losses[-1] = losses[-1].detach()
            total += _joined(gradients)
        value = torch.cat(losses).cpu().double()
        return float(value.mean()), total / len(value)

    def hvp(
        self, vector: Float[Tensor, "numbers"], direction: Float[Tensor, "numbers"]
    ) -> Float[Tensor, "numbers"]:
        """The product of the Hessian at `vector` with `direction`; for many at one point see `hessian`."""
        return self.hessian(vector, keep_bytes=0)(direction)

    def hessian(self, vector: Float[Tensor, "numbers"], keep_bytes: int = 2**29) -> Product:
        """The Hessian at `vector`, as a function of a direction: exact, by differentiating the gradient.

        The gradient's graph is kept for as many batches as fit into `keep_bytes`, until the function is
        dropped, and need not be computed again for each direction.
        """
        return _Hessian(self, vector.detach().clone(), keep_bytes)

    def sample_gradients(
        self, vector: Float[Tensor, "numbers"], rows: Int64[Tensor, "rows"]
    ) -> Float[Tensor, "rows numbers"]:
        """The gradient of each sample's own loss, for the samples in `rows`. The result takes rows * numbers
        of memory. ValueError with statistics="batch", where a sample has no loss of its own.
        """
        if self.statistics == "batch":
            raise ValueError(
                'with statistics="batch" a sample\'s loss depends on its batch: it has no gradient; '
                'take statistics="saved"'
            )
        if not len(rows):
            return self.point.new_zeros(0, self.numbers)
        inputs, targets, parameters = self.inputs[rows], self.targets[rows], self.unflatten(vector.detach())

        def one(parameters: dict[str, Tensor], sample: Tensor, target: Tensor) -> Tensor:
            return self._losses(parameters, sample[None], target[None])[0]

        try:
            size = max(1, SAMPLE_GRADIENT_NUMBERS // self.numbers)
            found = vmap(grad(one), in_dims=(None, 0, 0), chunk_size=size)(parameters, inputs, targets)
            return torch.cat([found[name].flatten(1) for name in self.names], dim=1)
        except (RuntimeError, NotImplementedError):  # a network that vmap can't follow; what is wrong with it
            return torch.stack([self.gradient(vector, row[None]) for row in rows])  # for others shows up here

    def _leaves(self, vector: Tensor) -> dict[str, Tensor]:
        """Parameters of their own, to be differentiated by: cheaper than slices of one vector."""
        return {name: own.requires_grad_() for name, own in self.unflatten(vector.detach()).items()}

    def _batches(self, rows: Tensor | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        if rows is None:
            yield from zip(self.inputs.split(self.batch), self.targets.split(self.batch), strict=True)
            return
        for part in rows.to(self.inputs.device).split(self.batch):
            yield self.inputs[part], self.targets[part]

    def _losses(self, parameters: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        with sdpa_kernel(SDPBackend.MATH), self._plain_recurrence():
            losses = self.sample_loss(functional_call(self.network, parameters, (inputs,)), targets)
        if losses.shape != (len(inputs),):
            raise ValueError(
                f"the loss gave the shape {tuple(losses.shape)} for {len(inputs)} samples; it must give one "
                'number for each: reduction="none", and the mean over what else a sample has'
            )
        return losses

    def _plain_recurrence(self) -> AbstractContextManager[Any]:
        """cuDNN's recurrent layers have no gradient in evaluation mode, and fused attention no second one."""
        return torch.backends.cudnn.flags(enabled=False) if self._recurrent else nullcontext()


class _Hessian:
    """The product with a direction, at one point; the graphs of the first batches are kept."""

    def __init__(self, objective: Objective, vector: Tensor, keep_bytes: int) -> None:
        self.objective, self.vector, self.keep_bytes = objective, vector, keep_bytes
        self.kept: list[_Graph] = []
        self.keep: int | None = None  # batches whose graph is kept; known when the first is built

    def __call__(self, direction: Float[Tensor, "numbers"]) -> Float[Tensor, "numbers"]:
        parts = self.objective.unflatten(direction.detach().to(self.vector))
        total = torch.zeros_like(self.vector)
        for place, batch in enumerate(self.objective._batches()):
            if place < len(self.kept):
                total += self.kept[place].product(parts, retain=True)
                continue
            graph = self._graph(*batch)
            retain = place < (self.keep or 0)
            total += graph.product(parts, retain)
            if retain:
                self.kept.append(graph)
        return total / self.objective.samples

    def _graph(self, inputs: Tensor, targets: Tensor) -> _Graph:
        if self.keep is not None or not self.keep_bytes:
            return _Graph(self.objective, self.vector, inputs, targets)
        with _Bytes() as counted:
            graph = _Graph(self.objective, self.vector, inputs, targets)
        self.keep = math.floor(self.keep_bytes / max(counted.bytes, 1))
        return graph


class _Graph:
    """The gradient of one batch's summed loss, as a function that can be differentiated again."""

    def __init__(self, objective: Objective, vector: Tensor, inputs: Tensor, targets: Tensor) -> None:
        self.leaves = objective._leaves(vector)
        loss = objective._losses(self.leaves, inputs, targets).sum()
        gradients = torch.autograd.grad(
            loss, list(self.leaves.values()), create_graph=True, materialize_grads=True
        )
        # Where the loss is linear in a parameter, its derivative is a constant and has no Hessian
        self.gradients = {
            name: own for name, own in zip(self.leaves, gradients, strict=True) if own.requires_grad
        }

    def product(self, direction: dict[str, Tensor], retain: bool) -> Tensor:
        leaves = list(self.leaves.values())
        if not self.gradients:
            return _joined(tuple(torch.zeros_like(own) for own in leaves))
        along = [direction[name] for name in self.gradients]
        second = torch.autograd.grad(
            list(self.gradients.values()), leaves, along, retain_graph=retain, materialize_grads=True
        )
        return _joined(second)


class _Bytes(TorchDispatchMode):
    """Counts what operations allocate: no less than what a graph made of them holds."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self._seen = 0, set[int]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                if storage.data_ptr() not in self._seen:  # a view holds no memory of its own
                    self._seen.add(storage.data_ptr())
                    self.bytes += storage.nbytes()
        return result


def forget_statistics(network: nn.Module) -> None:
    """Makes every batch norm of `network` use the statistics of the batch it sees, in evaluation mode too,
    and save none.
    """
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None


def _check_parameters(moved: dict[str, nn.Parameter]) -> None:
    if not moved:
        raise ValueError("the network has no parameter that requires a gradient: its loss is a constant")
    kinds = {f"{own.dtype} on {own.device}" for own in moved.values()}
    if len(kinds) > 1:
        raise ValueError(
            f"the network's trainable parameters are {', '.join(sorted(kinds))}; one vector holds one kind: "
            "convert the network first"
        )


def _joined(parts: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])
