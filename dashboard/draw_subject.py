"""The network that answers what is drawn: found in a run, with what the page must know of it, and its ONNX
file as soon as there is one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from logs.catalog import RunSummary
from logs.directory import RunDirectory
from logs.process import of_its_own
from models.watched import WatchedNetwork

LARGEST = 96  # pixels on a side of pictures that are drawn by hand
TESTED = 1000  # pictures on which browser and server are compared


@dataclass(frozen=True)
class DrawSubject:
    """A checkpoint that answers. `network` runs on the server; `about` is what `training.onnx_export` keeps
    beside the ONNX file, or as much of it as is known before there is one.
    """

    directory: RunDirectory
    checkpoint: str
    network: WatchedNetwork
    about: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = (int(size) for size in self.about["input_shape"])
        return channels, height, width

    @property
    def classes(self) -> list[str]:
        return [str(name) for name in self.about["classes"]]


def draws(run: RunSummary) -> bool:
    """Whether a run's network takes small pictures and says classes, as far as its checkpoints tell."""
    if run.broken or run.kind not in ("train", "fold", "trial", "member"):
        return False
    for described in sorted(run.directory.checkpoints.glob("*.json")):
        try:
            said = json.loads(described.read_text("utf-8"))
            shape, info = said["network"]["input_shape"], said["info"]
            return (
                len(shape) == 3
                and max(shape[1:]) <= LARGEST
                and shape[0] in (1, 3)
                and info["task"] in ("classification", "binary")
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return False


def opened(directory: RunDirectory, checkpoint: str, data_root: Path) -> DrawSubject:
    """Builds the network. Errors as `training.onnx_export.exported` has them."""
    import torch

    from models.zoo import MODELS
    from training.checkpoints import build_from_checkpoint
    from training.onnx_export import data_of_run, kept_export, watched_about, watched_network

    network, about = build_from_checkpoint(directory.checkpoints / f"{checkpoint}.safetensors")
    model, shape = about["network"].model, tuple(about["network"].input_shape)
    kept = kept_export(directory, checkpoint, watched=True)
    if kept is not None:
        stages = [name for name, _ in MODELS[model].stages] if model in MODELS else []
        said = kept.about
        shown = WatchedNetwork(network, shape, said["mean"], said["std"], stages)
    else:
        data = data_of_run(directory, torch.device("cpu"), data_root)
        shown = watched_network(network, model, data)
        said = {"input_shape": list(shape), "position": about["position"], **watched_about(shown, data)}
    return DrawSubject(directory, checkpoint, shown.eval(), said)


def answered(
    subject: DrawSubject, pictures: np.ndarray, chosen: int = -1
) -> tuple[dict[str, np.ndarray], float]:
    """What PyTorch says of pictures [n, channels, height, width] from 0 to 1: outputs by name, and seconds.

    `chosen`: the class that is explained; -1: the one that is said.
    """
    import torch

    wanted = torch.zeros(len(pictures), len(subject.classes))
    if 0 <= chosen < wanted.shape[1]:
        wanted[:, chosen] = 1
    given = torch.from_numpy(pictures.copy())  # what came from the browser is read-only
    began = time.perf_counter()
    with torch.no_grad():
        found = subject.network(given, wanted)
    seconds = time.perf_counter() - began
    names = subject.network.output_names()
    return {name: tensor.numpy() for name, tensor in zip(names, found, strict=True)}, seconds


def pictures_of_the_test(subject: DrawSubject, data_root: Path) -> tuple[np.ndarray, list[int]]:
    """Up to TESTED pictures of the run's test data, uint8 [n, channels, height, width], and their classes."""
    import torch

    from training.onnx_export import data_of_run

    data = data_of_run(subject.directory, torch.device("cpu"), data_root)
    pictures, targets = data.preview(data.test, TESTED)
    return pictures, [int(target) for target in targets]


def start_export(directory: RunDirectory, checkpoint: str, data_root: Path) -> subprocess.Popen[bytes]:
    """The process that writes the ONNX file; it prints into the run's `exports/`. OSError as Popen has it."""
    from training.warm import spares

    arguments = [str(directory.path), "--checkpoint", checkpoint, "--watched", "--data", str(data_root)]
    output = output_of(directory)
    output.parent.mkdir(exist_ok=True)
    output.unlink(missing_ok=True)
    spare = spares().run("training.onnx_export", arguments, output)
    if spare is not None:
        return spare
    with output.open("wb") as written:
        return subprocess.Popen(
            [sys.executable, "-m", "training.onnx_export", *arguments],
            cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            **of_its_own(),
        )


def output_of(directory: RunDirectory) -> Path:
    return directory.exports / "output.log"


def why_not_exported(directory: RunDirectory) -> str:
    """The last line that the export printed."""
    try:
        lines = output_of(directory).read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1].removeprefix("error: ") if lines else "it printed nothing"


def largest_differences(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> dict[str, float]:
    """How far two sets of outputs are apart at most, by the name of the output; of those that both have."""
    return {
        name: float(np.abs(one[name].reshape(-1) - other[name].reshape(-1)).max())
        for name in one
        if name in other and one[name].size == other[name].size
    }


def packed(kind: str, identity: str, content: bytes, **about: Sequence[Any] | int) -> bytes:
    """Bytes for the browser: the length of a JSON text (little-endian uint32), that text, the content."""
    described = json.dumps({"kind": kind, "id": identity, **about}).encode()
    return len(described).to_bytes(4, "little") + described + content
