"""torch's SGD, Adam and AdamW whose steps go straight to torch's fused kernel: the same bits, sooner.

`torch.optim` looks at every setting, groups the tensors by device and type and records itself for a profiler,
at every step anew. Between large matrix products that code is out of the processor's caches each time: it
took three times as long as the kernel, and a twentieth of a step of an MLP 784-200-200-10. Nothing of it
changes from step to step, so it is done at the first one, by torch itself, and the kernel alone after that.

Hooks of an optimizer (`register_step_pre_hook`) and scaled gradients are not seen: nothing here uses them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Group(NamedTuple):
    """A parameter group whose tensors are of one kind, and what torch keeps of each: lists in one order."""

    settings: dict[str, Any]  # torch's own: a schedule changes the learning rate in it
    weights: list[Tensor]
    kept: dict[str, list[Tensor]]


class _Direct(torch.optim.Optimizer, ABC):
    """What the three share. Each has its own kernel."""

    _groups: list[Group] | None = None  # None: before the first step, and after whatever changes the lists

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update. By torch's own code where it is the first, or where a weight has no gradient."""
        groups = None if closure is not None else self._groups
        if groups is not None:
            gradients: list[list[Any]] = [[weight.grad for weight in group.weights] for group in groups]
            if all(gradient is not None for each in gradients for gradient in each):
                with torch.no_grad():
                    for group, each in zip(groups, gradients, strict=True):
                        self._move(group, each)
                return None
        said = super().step(closure)
        if groups is None:
            self._groups = self._prepared()
        return said

    # Without this torch would wrap it into the recording that it is to do without
    step.hooked = True  # type: ignore[attr-defined]

    @abstractmethod
    def _move(self, group: Group, gradients: list[Tensor]) -> None:
        """One step of these weights by the optimizer's kernel."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._groups = None
        super().load_state_dict(state_dict)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        self._groups = None
        super().add_param_group(param_group)

    def _prepared(self) -> list[Group] | None:
        """The lists for the kernel; None where torch has to look itself: no fused kernel, weights of several
        kinds, or some without a gradient so far.
        """
        groups = []
        for settings in self.param_groups:
            weights = settings["params"]
            kinds = {(weight.device, weight.dtype) for weight in weights}
            dense = all(weight.grad is not None and not weight.grad.is_sparse for weight in weights)
            if not settings.get("fused") or len(kinds) != 1 or not dense:
                return None
            kept: dict[str, list[Tensor]] = {}
            for weight in weights:
                for name, tensor in self.state.get(weight, {}).items():
                    if tensor is not None:
                        kept.setdefault(name, []).append(tensor)
            groups.append(Group(settings, weights, kept))
        return groups


class SGD(_Direct, torch.optim.SGD):
    def _move(self, group: Group, gradients: list[Tensor]) -> None:
        settings = group.settings
        torch._fused_sgd_(
            group.weights,
            gradients,
            group.kept.get("momentum_buffer", []),
            weight_decay=settings["weight_decay"],
            momentum=settings["momentum"],
            lr=settings["lr"],
            dampening=settings["dampening"],
            nesterov=settings["nesterov"],
            maximize=settings["maximize"],
            is_first_step=False,
        )


class Adam(_Direct, torch.optim.Adam):
    def _move(self, group: Group, gradients: list[Tensor]) -> None:
        _move_by_adam(torch._fused_adam_, group, gradients)


class AdamW(_Direct, torch.optim.AdamW):
    def _move(self, group: Group, gradients: list[Tensor]) -> None:
        _move_by_adam(torch._fused_adamw_, group, gradients)


def _move_by_adam(kernel: Callable[..., None], group: Group, gradients: list[Tensor]) -> None:
    settings, kept = group.settings, group.kept
    torch._foreach_add_(kept["step"], 1)
    kernel(
        group.weights,
        gradients,
        kept["exp_avg"],
        kept["exp_avg_sq"],
        kept.get("max_exp_avg_sq", []),
        kept["step"],
        amsgrad=settings["amsgrad"],
        lr=settings["lr"],
        beta1=settings["betas"][0],
        beta2=settings["betas"][1],
        weight_decay=settings["weight_decay"],
        eps=settings["eps"],
        maximize=settings["maximize"],
    )
