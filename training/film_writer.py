"""Writing the film of a playground: frames wait a fifth of a second, then go into a part that never
changes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors.numpy import save
from torch import Tensor, nn

from logs.directory import RunDirectory
from logs.parts import publish
from models.playground import Playground, Shortcut
from training.film import ENDINGS_KEY, FILM_KEY
from training.stacked import StackedNetworks

PART_SECONDS = 0.2
MOST_FRAMES = 600
DENSE_FRAMES = 100  # of a thinned film: the first epochs, in which most happens, are all there


def frame_epochs(epochs: int) -> set[int]:
    """The epochs that become frames, 0 and the last among them: all of them up to MOST_FRAMES."""
    if epochs < MOST_FRAMES:
        return set(range(epochs + 1))
    rest = np.linspace(DENSE_FRAMES, epochs, MOST_FRAMES - DENSE_FRAMES)
    return set(range(DENSE_FRAMES)) | set(np.rint(rest).astype(int).tolist())


class Numbers:
    """Which numbers of a network a frame holds, and where: weights and biases as they are; batch norm folded
    into a scale and a shift; PReLU's slope.
    """

    def __init__(self, network: Playground) -> None:
        self._layers: list[tuple[str, str, nn.Sequential]] = []  # the film's name, the network's, the modules
        self.layers: list[dict[str, Any]] = []
        for number, module in enumerate(network.layers):
            residual = isinstance(module, Shortcut)
            inner = module.layer if isinstance(module, Shortcut) else module
            assert isinstance(inner, nn.Sequential)
            name = f"layers.{number}"
            self._layers.append((name, f"{name}.layer" if residual else name, inner))
            normalised = hasattr(inner, "norm")
            linear = inner.get_submodule("linear")
            assert isinstance(linear, nn.Linear)
            self.layers.append({"units": linear.out_features, "residual": residual, "normalised": normalised})
        self.places: list[tuple[str, int, list[int]]] = []
        begin = 0
        for name, tensor in self._of(dict(network.named_parameters()), dict(network.named_buffers()), 0):
            self.places.append((name, begin, list(tensor.shape)))
            begin += tensor.numel()

    def of(self, networks: StackedNetworks) -> Float[Tensor, "members numbers"]:
        """A row for each network."""
        found = self._of(networks.parameters, networks.buffers, 1)
        return torch.cat([tensor.flatten(1) for _, tensor in found], dim=1)

    def _of(
        self, parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], lead: int
    ) -> list[tuple[str, Tensor]]:
        found: list[tuple[str, Tensor]] = []
        for name, own, modules in self._layers:
            found.append((f"{name}.weight", parameters[f"{own}.linear.weight"]))
            found.append((f"{name}.bias", parameters[f"{own}.linear.bias"]))
            if hasattr(modules, "norm"):
                norm = modules.norm
                assert isinstance(norm, nn.BatchNorm1d)
                spread = (buffers[f"{own}.norm.running_var"] + norm.eps).rsqrt()
                scale = parameters[f"{own}.norm.weight"] * spread
                shift = parameters[f"{own}.norm.bias"] - buffers[f"{own}.norm.running_mean"] * scale
                found += [(f"{name}.scale", scale), (f"{name}.shift", shift)]
            if f"{own}.activation.weight" in parameters:
                found.append((f"{name}.slope", parameters[f"{own}.activation.weight"]))
        found += [(name, parameters[name]) for name in ("output.weight", "output.bias")]
        return found


class FilmWriter:
    """Parts of a film. `about` is the description that stands in each."""

    def __init__(self, directory: RunDirectory, about: Mapping[str, Any]) -> None:
        self._folder: Path = directory.film
        self._about = json.dumps(about)
        self._written = 0
        self._frames: list[tuple[int, np.ndarray, np.ndarray, np.ndarray]] = []
        self._endings: dict[int, str] = {}
        self._next = 0.0

    def add(self, epoch: int, weights: np.ndarray, loss: np.ndarray, accuracy: np.ndarray) -> bool:
        """A frame: weights [seeds, numbers], loss and accuracy [seeds, 2]. True where that wrote a part."""
        self._frames.append((epoch, weights, loss, accuracy))
        if time.monotonic() < self._next:
            return False
        self.flush()
        return True

    def end(self, seed: int, sentence: str) -> None:
        """Says why a seed's network ended early; it stands in the next part."""
        self._endings[seed] = sentence

    def flush(self) -> None:
        """Writes what waits. OSError on a full disk."""
        if not self._frames:
            return
        epochs, weights, loss, accuracy = (np.stack(each) for each in zip(*self._frames, strict=True))
        tensors = {
            "epochs": epochs.astype(np.int32),
            "weights": weights.astype(np.float32),
            "loss": loss.astype(np.float32),
            "accuracy": accuracy.astype(np.float32),
        }
        metadata = {FILM_KEY: self._about}
        if self._endings:
            metadata[ENDINGS_KEY] = json.dumps({str(seed): said for seed, said in self._endings.items()})
        content = save(tensors, metadata)
        path = self._folder / f"{self._written:05d}.safetensors"
        publish(path, lambda unfinished: _write(unfinished, content))
        self._written += 1
        self._frames, self._endings = [], {}
        self._next = time.monotonic() + PART_SECONDS


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
