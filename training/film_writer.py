"""Writing the film of a playground: which numbers of its networks are in it, which epochs, and its parts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from safetensors.numpy import save
from torch import Tensor, nn

from logs.directory import RunDirectory
from logs.parts import publish
from models.playground import MOST_NEURONS, Playground, Shortcut
from training.film import ENDINGS_KEY, FILM_KEY
from training.stacked import StackedNetworks

MOST_FRAMES = 600
OUTPUT_NUMBERS = 4 * 2**20  # of a layer, computed at a time
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
        self._activations: list[nn.Module] = []
        for number, module in enumerate(network.layers):
            residual = isinstance(module, Shortcut)
            inner = module.layer if isinstance(module, Shortcut) else module
            assert isinstance(inner, nn.Sequential)
            name = f"layers.{number}"
            self._layers.append((name, f"{name}.layer" if residual else name, inner))
            normalised = hasattr(inner, "norm")
            self._activations.append(inner.get_submodule("activation"))
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

    @torch.no_grad()
    def outputs(
        self, rows: Float[Tensor, "networks numbers"], features: Float[Tensor, "features points"]
    ) -> Float[Tensor, "networks outputs points"]:
        """What networks with these numbers say of points of which these are the features."""
        most = max(1, OUTPUT_NUMBERS // (MOST_NEURONS * features.shape[1]))
        return torch.cat([self._outputs(part, features) for part in rows.split(most)])

    def _outputs(self, rows: Tensor, features: Tensor) -> Tensor:
        held = {
            name: rows[:, begin : begin + math.prod(shape)].view(len(rows), *shape)
            for name, begin, shape in self.places
        }
        signal = features.expand(len(rows), -1, -1)
        for number, (layer, activation) in enumerate(zip(self.layers, self._activations, strict=True)):
            name = f"layers.{number}"
            sums = torch.baddbmm(held[f"{name}.bias"].unsqueeze(2), held[f"{name}.weight"], signal)
            if layer["normalised"]:
                sums = sums * held[f"{name}.scale"].unsqueeze(2) + held[f"{name}.shift"].unsqueeze(2)
            if isinstance(activation, nn.PReLU):
                after = torch.where(sums > 0, sums, sums * held[f"{name}.slope"].unsqueeze(2))
            else:
                after = activation(sums)
            signal = signal + after if layer["residual"] else after
        return torch.baddbmm(held["output.bias"].unsqueeze(2), held["output.weight"], signal)

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
        self._endings: dict[int, str] = {}

    def write(
        self,
        epochs: Int[np.ndarray, "frames"],
        weights: Float[np.ndarray, "frames seeds numbers"],
        loss: Float[np.ndarray, "frames seeds 2"],
        accuracy: Float[np.ndarray, "frames seeds 2"],
    ) -> None:
        """A part with these frames, which a reader sees whole or not at all. OSError on a full disk."""
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
        publish(self._folder / f"{self._written:05d}.safetensors", lambda path: _write(path, content))
        self._written += 1
        self._endings = {}

    def end(self, seed: int, sentence: str) -> None:
        """Says why a seed's network ended early; it stands in the next part."""
        self._endings[seed] = sentence


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
