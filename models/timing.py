"""How long each layer takes on this machine: hooks before and after, and the median of several passes."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from models.summary import skeleton

PASSES = 7
WARM_UPS = 2  # the first passes also choose kernels and fetch memory
BUDGET = 1.5  # seconds, after which no further pass begins


def layer_times(network: nn.Module, inputs: Tensor, passes: int = PASSES) -> dict[str, float]:
    """Seconds by path, of all calls in one pass, with what lies below; "" is the whole network.

    The clock is read around each module, so the sum over layers falls short of the whole by what the network
    computes between them. On an accelerator it waits for the device at each reading.
    """
    body = skeleton(network, "cpu")
    begun: list[float] = []
    taken: dict[str, float] = defaultdict(float)

    def now() -> float:
        if inputs.device.type == "cuda":
            torch.cuda.synchronize(inputs.device)
        return time.perf_counter()

    def ends(path: str) -> Callable[..., None]:
        def end(module: nn.Module, arguments: Any, output: Any) -> None:
            taken[path] += now() - begun.pop()

        return end

    for path, module in body.named_modules():
        module.register_forward_pre_hook(lambda module, arguments: begun.append(now()))
        module.register_forward_hook(ends(path))
    seen: dict[str, list[float]] = defaultdict(list)
    started = time.perf_counter()
    with torch.no_grad():
        for number in range(WARM_UPS + passes):
            taken.clear()
            body(inputs)
            if number >= WARM_UPS or time.perf_counter() - started > BUDGET:
                for path, seconds in taken.items():
                    seen[path].append(seconds)
            if seen and time.perf_counter() - started > BUDGET:
                break
    return {path: statistics.median(seconds) for path, seconds in seen.items()}
