"""Small networks fitted to curves, hundreds at once: each with samples, first weights and a width of its own.

The members are rows of batched products (training.stacked_layers). A narrow one is padded with units whose
weights are 0 and whose gradients are taken away, so that it trains as it would alone, while a step over all
widths takes as long as one over the widest.

Every step takes all samples of a member, with Adam (Kingma and Ba 2015, arXiv:1412.6980) and a learning rate
that falls to FINAL along half a cosine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from models.activations import ACTIVATIONS, build_activation
from training.stacked_layers import Dropout, Layer, Linear, Rectifier, forward_and_back, through

FINAL = 0.02  # of the learning rate, at the last step
BETAS, EPSILON = (0.9, 0.999), 1e-8
CHECK = 10  # steps between two looks at the validation error
# The rows that are one function of one number and have a slope to learn by.
CURVED = tuple(row.name for row in ACTIVATIONS if row.name not in ("identity", "step", "prelu"))


@dataclass(frozen=True)
class NetworkPlan:
    """How the members are built and trained. `ridge` and `lasso` multiply the sum of a member's squared, or
    absolute, weights (not biases) and join its mean squared error; `jitter` is the deviation of noise that is
    added to the places anew at each step; `patience` counts steps without a better validation error (0: all
    steps are made).
    """

    hidden_layers: int = 2
    activation: str = "tanh"
    learning_rate: float = 0.02
    steps: int = 500
    ridge: float = 0.0
    lasso: float = 0.0
    dropout: float = 0.0
    jitter: float = 0.0
    patience: int = 0


class CurveNetworks:
    """The members, from one input to one output. Places lie in [-1, 1]; values are of order 1."""

    def __init__(
        self,
        plan: NetworkPlan,
        widths: Sequence[int],
        x: Float[np.ndarray, "members samples"],
        y: Float[np.ndarray, "members samples"],
        seed: int,
        validation: tuple[np.ndarray, np.ndarray] | None = None,
    ) -> None:
        """`widths`: of each member's hidden layers. `validation`: places and values [members, samples] that
        early stopping looks at; it needs them.
        """
        self.plan, self.widths = plan, np.asarray(widths, np.int64)
        self.x, self.y = _rows(x), _rows(y)
        self.validation = None if validation is None else (_rows(validation[0]), _rows(validation[1]))
        self.generator = torch.Generator().manual_seed(seed)
        self.names = [f"linear{layer}" for layer in range(plan.hidden_layers + 1)]
        self.layers = _layers(self.names, plan)
        widest, members = int(self.widths.max()), len(self.widths)
        self.sizes = [1, *[widest] * plan.hidden_layers, 1]
        numbers = sum(
            (inputs + 1) * outputs for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False)
        )
        self.flat, self.gradient = torch.zeros(members, numbers), torch.zeros(members, numbers)
        self.state, self.gradients = self._views(self.flat), self._views(self.gradient)
        self.used, self.shrunk = torch.zeros(members, numbers), torch.zeros(members, numbers)
        self._begin()
        self.mean, self.squares = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.best, self.best_step = self.flat.clone(), np.zeros(members, np.int64)
        self.best_error = np.full(members, np.inf)
        self.step = 0

    def __len__(self) -> int:
        return len(self.widths)

    @property
    def done(self) -> bool:
        """All steps are made, or every member has lost its patience."""
        if self.step >= self.plan.steps:
            return True
        return bool(self.plan.patience) and bool((self.step - self.best_step >= self.plan.patience).all())

    @property
    def share(self) -> float:
        """How much of the training is made, from 0 to 1."""
        return 1.0 if self.done else self.step / self.plan.steps

    def train(self, steps: int) -> None:
        """Makes so many steps more, fewer where the training is done before."""
        for _ in range(steps):
            if self.done:
                return
            self._step()
            if self.plan.patience and self.step % CHECK == 0:
                self._look()

    @torch.no_grad()
    def values(
        self, places: Float[np.ndarray, " places"], kept: bool = True
    ) -> Float[np.ndarray, "members places"]:
        """Each member's curve; with early stopping that of its best step so far, or of now where not
        `kept`.
        """
        inputs = torch.as_tensor(places, dtype=torch.float32).view(1, -1, 1).expand(len(self), -1, 1)
        return self._output(inputs, kept).double().numpy()

    @torch.no_grad()
    def fitted(self) -> Float[np.ndarray, "members samples"]:
        """Each member's curve at its own places."""
        return self._output(self.x).double().numpy()

    @property
    def weight_sizes(self) -> Float[np.ndarray, " members"]:
        """The root of the sum of squared weights, without biases."""
        return (self._chosen() * self.shrunk).double().square().sum(1).sqrt().numpy()

    def _output(self, inputs: Tensor, kept: bool = True) -> Tensor:
        state = self._views(self._chosen()) if kept else self.state
        return through(self.layers, inputs, state, training=False)[:, 0]

    def _chosen(self) -> Tensor:
        return self.best if self.plan.patience and self.best_step.any() else self.flat

    @torch.no_grad()
    def _step(self) -> None:
        plan, inputs = self.plan, self.x
        if plan.jitter:
            inputs = inputs + plan.jitter * torch.randn(inputs.shape, generator=self.generator)
        state = {**self.state, **self._masks(inputs.shape[1])} if plan.dropout else self.state
        outputs, backward = forward_and_back(self.layers, inputs, state, self.gradients)
        backward((outputs - self.y.transpose(1, 2)).mul_(2 / inputs.shape[1]))
        gradient = self.gradient
        if plan.ridge:
            gradient.addcmul_(self.flat, self.shrunk, value=2 * plan.ridge)
        if plan.lasso:
            gradient.addcmul_(self.flat.sign(), self.shrunk, value=plan.lasso)
        if self.padded:
            gradient.mul_(self.used)
        self.step += 1
        self._adam(gradient)

    def _adam(self, gradient: Tensor) -> None:
        share = 0.5 * (1 + math.cos(math.pi * self.step / self.plan.steps))
        rate = self.plan.learning_rate * (FINAL + (1 - FINAL) * share)
        torch._fused_adam_(  # the kernel behind torch.optim.Adam(fused=True): one pass over all numbers
            [self.flat],
            [gradient],
            [self.mean],
            [self.squares],
            [],
            [torch.tensor(float(self.step))],
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    @torch.no_grad()
    def _look(self) -> None:
        """Keeps the weights of every member whose validation error is the best so far."""
        if self.validation is None:
            raise ValueError(
                "early stopping looks at validation samples, and there are none; set patience to 0"
            )
        x, y = self.validation
        outputs = through(self.layers, x, self.state, training=False)[:, 0]
        errors = (outputs - y[..., 0]).square().mean(1).double().numpy()
        # Who has lost the patience is left as it was.
        better = (errors < self.best_error) & (self.step - self.best_step <= self.plan.patience)
        self.best_error[better], self.best_step[better] = errors[better], self.step
        self.best = torch.where(torch.from_numpy(better)[:, None], self.flat, self.best)

    def _masks(self, samples: int) -> dict[str, Tensor]:
        kept = 1 - self.plan.dropout
        shape = (len(self), self.sizes[1] if self.plan.hidden_layers else 0, samples)
        return {
            f"dropout{layer}.mask": (torch.rand(shape, generator=self.generator) < kept).float() / kept
            for layer in range(self.plan.hidden_layers)
        }

    def _views(self, flat: Tensor) -> dict[str, Tensor]:
        """Weights [members, outputs, inputs] and biases [members, outputs] of every layer, in the same
        memory.
        """
        found, begin = {}, 0
        for name, inputs, outputs in zip(self.names, self.sizes, self.sizes[1:], strict=False):
            middle, end = begin + inputs * outputs, begin + (inputs + 1) * outputs
            found[f"{name}.weight"] = flat[:, begin:middle].view(len(flat), outputs, inputs)
            found[f"{name}.bias"] = flat[:, middle:end]
            begin = end
        return found

    def _begin(self) -> None:
        """First weights and biases as torch.nn.Linear has them: uniform within 1 / sqrt(inputs)."""
        used, shrunk = self._views(self.used), self._views(self.shrunk)
        for place, name in enumerate(self.names):
            ins = np.ones_like(self.widths) if place == 0 else self.widths
            outs = np.ones_like(self.widths) if place == len(self.names) - 1 else self.widths
            weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
            rows = torch.arange(weight.shape[1])[None] < torch.from_numpy(outs)[:, None]
            columns = torch.arange(weight.shape[2])[None] < torch.from_numpy(ins)[:, None]
            limit = torch.from_numpy(1 / np.sqrt(ins)).float()[:, None]
            used[f"{name}.bias"].copy_(rows)
            used[f"{name}.weight"].copy_(rows[:, :, None] & columns[:, None])
            shrunk[f"{name}.weight"].copy_(used[f"{name}.weight"])
            for target, scale in ((weight, limit[:, :, None]), (bias, limit)):
                target.uniform_(-1, 1, generator=self.generator).mul_(scale)
        self.flat.mul_(self.used)
        self.padded = bool((self.widths != self.widths.max()).any())


class Tangent(Layer):
    """tanh, whose slope is told from its value. As 2 sigmoid(2x) - 1 it takes a third of torch.tanh's time,
    and differs by less than 2e-7.
    """

    def __init__(self) -> None:
        super().__init__(lambda hidden, state, training: _tangent(hidden))

    def forward(self, hidden: Tensor, state: object, gradients: object) -> tuple[Tensor, object]:  # type: ignore[override]
        output = _tangent(hidden)
        return output, lambda slope, wanted: torch.ops.aten.tanh_backward(slope, output)


def _tangent(values: Tensor) -> Tensor:
    return torch.sigmoid(values * 2).mul_(2).sub_(1)


def _layers(names: Sequence[str], plan: NetworkPlan) -> list[Layer]:
    layers: list[Layer] = []
    for place, name in enumerate(names):
        layers.append(Linear(name, torch.nn.Linear(1, 1)))
        if place == len(names) - 1:
            break
        layers.append(_activation(plan.activation))
        if plan.dropout:
            layers.append(Dropout(f"dropout{place}", torch.nn.Dropout(plan.dropout)))
    return layers


def _activation(name: str) -> Layer:
    if name == "relu":
        return Rectifier(in_place=True)
    if name == "tanh":
        return Tangent()
    module = build_activation(name)
    return Layer(lambda hidden, state, training: module(hidden))


def _rows(values: np.ndarray) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32).unsqueeze(-1).contiguous()
