"""The film of a playground: the weights of every seed's network at many epochs, from which every picture of
what they compute can be made. logs/FORMAT.md, "film/", states the files.

    reader = FilmReader(directory)
    film = reader.read()            # None before the first part; reads what is new since the last call
    maps = neuron_maps(film, frame=-1, seed=0, side=50)

Reading needs no PyTorch; `neuron_maps` does, and is what a browser's own pictures are held to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float32, Int32

from logs.directory import RunDirectory
from logs.errors import BrokenRunError

if TYPE_CHECKING:
    from torch import Tensor

TENSORS = ("epochs", "weights", "loss", "accuracy")
FILM_KEY, ENDINGS_KEY = "film", "endings"  # of a part's metadata
_NAME = re.compile(r"\d{5,}\.safetensors")


@dataclass(frozen=True)
class Film:
    """What has been written so far. `about` is the description that FORMAT.md states."""

    about: Mapping[str, Any]
    epochs: Int32[np.ndarray, "frames"]
    weights: Float32[np.ndarray, "frames seeds numbers"]  # NaN after a seed has failed
    loss: Float32[np.ndarray, "frames seeds 2"]  # of the training points, then of the validation points
    accuracy: Float32[np.ndarray, "frames seeds 2"]
    endings: Mapping[int, str] = field(default_factory=dict)  # seed's place -> why it ended early

    def __len__(self) -> int:
        return len(self.epochs)

    def tensors(self, frame: int, seed: int) -> dict[str, np.ndarray]:
        """Every tensor of one network at one frame, by the names of `about["places"]`."""
        row = self.weights[frame, seed]
        return {
            name: row[begin : begin + int(np.prod(shape))].reshape(shape)
            for name, begin, shape in self.about["places"]
        }


class FilmReader:
    """Reads the film of a run, each part once."""

    def __init__(self, directory: RunDirectory) -> None:
        self.directory = directory
        self._parts: list[Film] = []
        self._whole: Film | None = None

    def read(self) -> Film | None:
        """The film as it is now; None where there is none. BrokenRunError for a damaged part."""
        new = film_parts(self.directory)[len(self._parts) :]
        if new:
            self._parts += [read_part(path) for path in new]
            arrays = {name: np.concatenate([getattr(part, name) for part in self._parts]) for name in TENSORS}
            endings = {seed: said for part in self._parts for seed, said in part.endings.items()}
            self._whole = Film(self._parts[0].about, endings=endings, **arrays)
        return self._whole


def film_parts(directory: RunDirectory) -> list[Path]:
    """The parts that are whole, in order."""
    try:
        found = [path for path in directory.film.iterdir() if _NAME.fullmatch(path.name)]
    except OSError:
        return []
    return sorted(found)


def read_part(path: Path) -> Film:
    """One part as a film of its own; BrokenRunError where it is damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as part:
            metadata = part.metadata() or {}
            arrays = {name: part.get_tensor(name) for name in TENSORS}
        about, endings = json.loads(metadata[FILM_KEY]), json.loads(metadata.get(ENDINGS_KEY, "{}"))
        return Film(about, endings={int(seed): str(said) for seed, said in endings.items()}, **arrays)
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise BrokenRunError(path, f"is damaged ({error})", "train the network once more") from None


def neuron_maps(film: Film, frame: int, seed: int, side: int) -> list[Float32[np.ndarray, "units side side"]]:
    """What every unit says over the plane at one frame: the features, each hidden layer, then the outputs.

    Row r and column c of a map are the point (x_c, y_r), evenly spaced over `about["range"]`, ends included;
    row 0 has the lowest y. Outputs are logits.
    """
    import torch

    (x_low, x_high), (y_low, y_high) = film.about["range"]
    x = torch.linspace(x_low, x_high, side, dtype=torch.float64)
    y = torch.linspace(y_low, y_high, side, dtype=torch.float64)
    grid = torch.stack([x.repeat(side), y.repeat_interleave(side)], dim=1)
    signals = layer_outputs(film, frame, seed, grid)
    return [signal.T.reshape(-1, side, side).float().numpy() for signal in signals]


def layer_outputs(film: Film, frame: int, seed: int, points: Tensor) -> list[Tensor]:
    """The features, each hidden layer and the logits of points [n, 2] in their own units: [n, units] each."""
    import torch

    from models.activations import build_activation
    from models.playground import PlaneFeatures

    about = film.about
    held = {
        name: torch.from_numpy(value.copy()).double() for name, value in film.tensors(frame, seed).items()
    }
    mean, scale = (torch.tensor(about[name], dtype=torch.float64) for name in ("mean", "scale"))
    with torch.no_grad():
        signals = [PlaneFeatures(about["features"])((points.double() - mean) / scale)]
        for number, layer in enumerate(about["layers"]):
            before, name = signals[-1], f"layers.{number}"
            sums = before @ held[f"{name}.weight"].T + held[f"{name}.bias"]
            if layer["normalised"]:
                sums = sums * held[f"{name}.scale"] + held[f"{name}.shift"]
            if layer["activation"] == "prelu":
                after = torch.where(sums > 0, sums, sums * held[f"{name}.slope"])
            else:
                after = build_activation(layer["activation"], layer["settings"]).double()(sums)
            signals.append(before + after if layer["residual"] else after)
        signals.append(signals[-1] @ held["output.weight"].T + held["output.bias"])
    return signals
