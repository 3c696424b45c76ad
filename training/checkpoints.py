"""Checkpoints: a network's weights, and all that a training needs to go on as if it had never stopped.

`checkpoints/<name>.safetensors` holds every tensor, and in its header, as JSON, everything else: one file,
replaced at once, so that a reader or the next start never finds weights of one moment beside the position of
another. A copy of that JSON lies beside it as `<name>.json` for people and for listings. Nothing here is ever
unpickled.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from logs.directory import patiently, write_json
from models.zoo import build_model

FORMAT = 1
HEADER = "descent"  # the header's one entry: JSON


class CheckpointError(Exception):
    """A checkpoint that is missing, damaged, or of another network; the text says what to do."""


@dataclass(frozen=True)
class Network:
    """What is needed to build the network again, before its weights are filled in."""

    model: str
    settings: Mapping[str, Any]
    input_shape: tuple[int, ...]  # without the batch
    outputs: int

    def build(self) -> nn.Module:
        return build_model(self.model, self.input_shape, self.outputs, dict(self.settings))

    def skeleton(self) -> nn.Module:
        """The network whose weights are about to be filled in: none are downloaded for it. CheckpointError
        where it can't be built, as one of the reader's own code can't unless its file was allowed.
        """
        settings = {name: value for name, value in self.settings.items() if name != "pretrained"}
        try:
            return build_model(self.model, self.input_shape, self.outputs, settings)
        except (ValueError, KeyError) as error:
            raise CheckpointError(f"the checkpoint's network can't be built: {error}") from error


@dataclass(frozen=True)
class Checkpoint:
    """One moment of a training. `state`: a tree of tensors and values of optimizer, schedule, streams."""

    network: Network
    weights: Mapping[str, Tensor]
    position: Mapping[str, int]  # step, epoch (passes done), batch (of the epoch begun)
    info: Mapping[str, Any] = field(
        default_factory=dict
    )  # classes, mean and std, scores: what a reader may want
    state: Mapping[str, Any] = field(default_factory=dict)


def save_checkpoint(folder: Path, name: str, checkpoint: Checkpoint) -> Path:
    """Writes `<name>.safetensors` and `<name>.json` into `folder`, each whole or not at all; the first one's
    path.

    OSError where the disk is full or may not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"weights/{key}": _portable(tensor) for key, tensor in checkpoint.weights.items()}
    described = {
        "format": FORMAT,
        "network": {
            "model": checkpoint.network.model,
            "settings": dict(checkpoint.network.settings),
            "input_shape": list(checkpoint.network.input_shape),
            "outputs": checkpoint.network.outputs,
        },
        "position": dict(checkpoint.position),
        "info": dict(checkpoint.info),
        "state": _packed(checkpoint.state, "state", tensors),
    }
    path = folder / f"{name}.safetensors"
    _replace(path, save(tensors, metadata={HEADER: json.dumps(described, allow_nan=False)}))
    write_json(
        path.with_suffix(".json"), {key: described[key] for key in ("format", "network", "position", "info")}
    )
    return path


def load_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a `.safetensors` file, its tensors on the CPU. CheckpointError where it can't be."""
    described, tensors = _read(path)
    try:
        network = described["network"]
        return Checkpoint(
            network=Network(
                str(network["model"]),
                dict(network["settings"]),
                tuple(int(size) for size in network["input_shape"]),
                int(network["outputs"]),
            ),
            weights={
                key.removeprefix("weights/"): tensor
                for key, tensor in tensors.items()
                if key.startswith("weights/")
            },
            position=described["position"],
            info=described["info"],
            state=_unpacked(described["state"], tensors),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} lacks {error}; it is no checkpoint of Descent, or a damaged one"
        ) from None


def build_from_checkpoint(path: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The network in evaluation mode with the weights of `path`, and what the checkpoint says about them.

    The second value has `network`, `position` and `info`.
    """
    checkpoint = load_checkpoint(path)
    network = checkpoint.network.skeleton()
    fill(network, checkpoint.weights, path)
    about = {
        "network": checkpoint.network,
        "position": dict(checkpoint.position),
        "info": dict(checkpoint.info),
    }
    return network.eval(), about


def fill(network: nn.Module, weights: Mapping[str, Tensor], path: Path | str = "the checkpoint") -> None:
    """Copies `weights` into `network`; CheckpointError where names or shapes differ."""
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        first = next((line.strip() for line in str(error).splitlines()[1:]), str(error))
        raise CheckpointError(f"{path} is of another network: {first}") from None


def _portable(tensor: Tensor) -> Tensor:
    # a copy of its own: safetensors refuses tensors that share memory, such as tied weights
    return tensor.detach().to("cpu", copy=True).contiguous()


def _replace(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with unfinished.open("wb") as file:  # made by us, so its mode follows the umask
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        patiently(lambda: os.replace(unfinished, path))  # noqa: PTH105 - Path.replace is the same call
    except BaseException:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        others = sorted(other.stem for other in path.parent.glob("*.safetensors"))
        raise CheckpointError(f"there is no checkpoint {path}; in its folder: {', '.join(others) or 'none'}")
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads((file.metadata() or {})[HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise CheckpointError(
            f"{path} is no whole checkpoint ({error}); use another one of its folder"
        ) from None
    if described.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} has format {described.get('format')!r}, and this version reads {FORMAT}; update Descent"
        )
    return described, tensors


def _packed(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """`value` for JSON, exactly: tensors go to `tensors`; what JSON would change becomes a list with its type
    first.

    Lists that are the value's own get the type "list", so that the two can't be mistaken.
    """
    if isinstance(value, Tensor):
        tensors[path] = _portable(value)
        return ["tensor", path]
    if isinstance(value, Mapping):
        return ["mapping", [[key, _packed(item, f"{path}/{key}", tensors)] for key, item in value.items()]]
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return [kind, [_packed(item, f"{path}/{place}", tensors) for place, item in enumerate(value)]]
    if isinstance(value, float) and not math.isfinite(value):
        return ["float", repr(value)]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(
        f"{path} is a {type(value).__name__}; a checkpoint keeps tensors, numbers, texts, lists and mappings"
    )


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, list):
        return value
    kind, content = value
    if kind == "tensor":
        return tensors[content]
    if kind == "float":
        return float(content)
    if kind == "mapping":
        return {key: _unpacked(item, tensors) for key, item in content}
    items = [_unpacked(item, tensors) for item in content]
    return tuple(items) if kind == "tuple" else items
