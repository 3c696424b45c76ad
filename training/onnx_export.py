"""Networks as ONNX, which runs where there is no PyTorch: exported, compared with PyTorch by ONNX Runtime,
and kept in the run's directory under the hash of the checkpoint.

    python -m training.onnx_export RUN [--checkpoint best] [--watched]

Two kinds: the network as it is, from normalised samples to what it puts out; and `--watched`, which takes
pictures from 0 to 1 and gives probabilities, layers and contributions too (models/watched.py): the page
Draw and predict runs that one in the browser.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from logs.directory import RunDirectory, read_json, write_json
from logs.errors import LogsError
from logs.info import read_info
from models.watched import WatchedNetwork, most, placed_maps
from models.zoo import MODELS
from training.checkpoints import CheckpointError, build_from_checkpoint
from training.config import ConfigError, RunConfig
from training.data import Data, DataError, load_data
from training.drawing import measured_preparation
from training.lab_settings import LABORATORY
from training.landscape_subject import split_of
from training.places import data_folder, found_run, runs_folder

FORMAT = 1  # of the JSON beside an export; another one is made anew
MOST_BATCH = 1024
COMPARED = 64  # samples on which ONNX Runtime and PyTorch are compared
TOLERANCE = 1e-4  # of the largest number that PyTorch gives, or of 1 where that is less


class ExportError(RuntimeError):
    """A network that can't be exported, or that gives other numbers afterwards; the text says which."""


@dataclass(frozen=True)
class Export:
    """An ONNX file and what is known of it: `largest_difference` to PyTorch over `compared` samples, `inputs`
    and `outputs` by name, `opset`; of a watched one also its `layers`, the classes and the preparation.
    """

    path: Path
    about: Mapping[str, Any]


def export_onnx(network: nn.Module, input_shape: Sequence[int]) -> bytes:
    """The network in evaluation mode as ONNX: `input` [batch, *input_shape], as normalised as it was trained,
    to `output` [batch, outputs]; any batch from 1 to MOST_BATCH. ExportError where PyTorch can't.
    """
    example = torch.zeros(2, *input_shape, device=next(network.parameters()).device)
    was_training = network.training
    try:
        return _translated(network.eval(), (example,), ["input"], ["output"])
    finally:
        network.train(was_training)


def export_watched(network: WatchedNetwork, input_shape: Sequence[int], classes: int) -> bytes:
    """A watched network as ONNX: `pictures` and `chosen` to its `output_names`. ExportError where PyTorch
    can't.
    """
    from torch._decomp import core_aten_decompositions
    from torch.fx.experimental.proxy_tensor import make_fx

    example = (torch.zeros(3, *input_shape), torch.eye(3, classes))
    # The gradient is computed while the network answers: what autograd does is recorded as plain operations
    # first, since torch.export does not follow it.
    with _quietly():
        try:
            recorded = make_fx(
                network.eval(),
                decomposition_table=core_aten_decompositions(),  # type: ignore[arg-type]
                tracing_mode="symbolic",
                _allow_non_fake_inputs=True,
            )(*example)
        except Exception as error:
            raise ExportError(_sentence(network.network, error)) from error
    return _translated(recorded.eval(), example, ["pictures", "chosen"], network.output_names())


def _translated(
    module: nn.Module, example: tuple[Tensor, ...], inputs: list[str], outputs: list[str]
) -> bytes:
    batch = torch.export.Dim("batch", min=1, max=MOST_BATCH)
    with _quietly():
        try:
            program = torch.onnx.export(
                module,
                example,
                dynamo=True,
                external_data=False,  # one file
                dynamic_shapes=tuple({0: batch} for _ in example),
                input_names=inputs,
                output_names=outputs,
                verbose=False,
            )
        except Exception as error:
            raise ExportError(_sentence(module, error)) from error
    assert program is not None
    return bytes(program.model_proto.SerializeToString())


def largest_difference(
    content: bytes, network: nn.Module, inputs: Sequence[Tensor]
) -> tuple[float, float, list[str]]:
    """How far ONNX Runtime's numbers are from the network's at most, over all outputs; the largest number
    that the network gave; and the names of outputs that are not finite in one of the two alone.
    """
    session = runtime_session(content)
    names = [item.name for item in session.get_inputs()]
    given = session.run(
        None, {name: tensor.cpu().numpy() for name, tensor in zip(names, inputs, strict=True)}
    )
    with torch.no_grad():
        said = network(*inputs)
    wanted = [tensor.cpu().numpy() for tensor in (said if isinstance(said, tuple) else (said,))]
    differences, sizes, odd = [0.0], [0.0], []
    for output, mine, theirs in zip(session.get_outputs(), wanted, given, strict=True):
        finite = np.isfinite(mine)
        if mine.shape != theirs.shape or not np.array_equal(finite, np.isfinite(theirs)):
            odd.append(str(output.name))
        elif finite.any():
            differences.append(float(np.abs(mine - theirs)[finite].max()))
            sizes.append(float(np.abs(mine)[finite].max()))
    return max(differences), max(sizes), odd


def runtime_session(content: bytes) -> Any:
    """An ONNX Runtime session on one CPU thread. Give it what was exported here only, never an upload."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def kept_export(directory: RunDirectory, checkpoint: str, watched: bool = False) -> Export | None:
    """The export that was made of these very weights; None where there is none yet, or a damaged one."""
    try:
        path = _place(directory, checkpoint, watched)
        about = read_json(path.with_suffix(".json"))
    except (LogsError, OSError):
        return None
    return Export(path, about) if about.get("format") == FORMAT and path.is_file() else None


def exported(
    directory: RunDirectory,
    checkpoint: str,
    data_root: Path,
    watched: bool = False,
    device: torch.device | None = None,
) -> Export:
    """The checkpoint as ONNX in the run's `exports/`: found there, else made and compared.

    ExportError, CheckpointError, ConfigError, DataError or OSError where it can't be.
    """
    found = kept_export(directory, checkpoint, watched)
    if found is not None:
        return found
    began = time.monotonic()
    path = directory.checkpoints / f"{checkpoint}.safetensors"
    network, about = build_from_checkpoint(path)
    shape = tuple(about["network"].input_shape)
    generator = torch.Generator().manual_seed(0)
    described: dict[str, Any] = {
        "format": FORMAT,
        "checkpoint": checkpoint,
        "model": about["network"].model,
        "input_shape": list(shape),
        "position": about["position"],
        "torch": torch.__version__,
    }
    if watched:
        data = data_of_run(directory, device or torch.device("cpu"), data_root)
        shown = watched_network(network, about["network"].model, data)
        classes = int(data.num_classes or 0)
        content = export_watched(shown, shape, classes)
        inputs: tuple[Tensor, ...] = (torch.rand(COMPARED, *shape, generator=generator),)
        # Every class is explained in turn: which one a network says is a matter of the last digit at times.
        inputs += (torch.eye(classes).repeat(-(-COMPARED // classes), 1)[:COMPARED],)
        compared: nn.Module = shown
        described |= watched_about(shown, data)
    else:
        content = export_onnx(network, shape)
        inputs, compared = (torch.randn(COMPARED, *shape, generator=generator),), network
    described |= _compared(content, compared, inputs)
    described["seconds"] = round(time.monotonic() - began, 3)
    place = _place(directory, checkpoint, watched)
    place.parent.mkdir(exist_ok=True)
    for older in place.parent.glob(_name(checkpoint, "*", watched)):
        if older.name != place.name:  # of weights that are gone
            older.unlink(missing_ok=True)
            older.with_suffix(".json").unlink(missing_ok=True)
    unfinished = place.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.replace(place)
    write_json(place.with_suffix(".json"), described)  # last: whoever reads it finds the network too
    return Export(place, described)


def data_of_run(directory: RunDirectory, device: torch.device, data_root: Path) -> Data:
    """The data that a training or a fold had, split as it was. ConfigError for a run that is neither."""
    info = read_info(directory)
    if not info.config or LABORATORY in info.config or info.study:
        raise ConfigError(f"{directory.id} is no training of one network; choose a run that is")
    return load_data(RunConfig.from_dict(info.config), device, data_root, split_of(info, directory))


def watched_network(network: nn.Module, model: str, data: Data) -> WatchedNetwork:
    """The network of that name in MODELS with what is shown of it. ConfigError for data it can't draw."""
    if len(data.input_shape) != 3 or not data.num_classes:
        raise ConfigError(
            f"{data.name} is no set of pictures in classes, so there is nothing to draw; choose a run on "
            "pictures"
        )
    stages = [name for name, _ in MODELS[model].stages] if model in MODELS else []
    return WatchedNetwork(network, data.input_shape, data.mean, data.std, stages)


def watched_about(shown: WatchedNetwork, data: Data) -> dict[str, Any]:
    """What a page needs to know to let the network answer: JSON-able. Lengths in `field` are pixels."""
    pictures, _ = data.preview(data.train, 2000)
    down, across = placed_maps(shown, data.input_shape)
    return {
        "task": data.task,
        "dataset": data.name,
        "classes": list(data.class_names),
        "mean": list(data.mean),
        "std": list(data.std),
        "layers": [
            {"name": layer.name, "shape": list(layer.shape), "shown": most(layer.shape)}
            for layer in shown.layers
        ],
        "explained": shown.last,
        "field": {"x": dataclasses.asdict(across), "y": dataclasses.asdict(down)},
        "preparation": measured_preparation(pictures).to_dict(),
    }


def _compared(content: bytes, network: nn.Module, inputs: Sequence[Tensor]) -> dict[str, Any]:
    session = runtime_session(content)
    difference, largest, odd = largest_difference(content, network, inputs)
    if odd or difference > TOLERANCE * max(1.0, largest):
        what = f"{', '.join(odd)} is not finite" if odd else f"they differ by {difference:.2g}"
        raise ExportError(
            f"ONNX Runtime does not give the numbers of PyTorch: {what}; this network is not exported"
        )
    return {
        "inputs": {item.name: item.shape for item in session.get_inputs()},
        "outputs": {item.name: item.shape for item in session.get_outputs()},
        "opset": _opset(content),
        "bytes": len(content),
        "largest_difference": difference,
        "largest_number": largest,
        "compared": len(inputs[0]),
    }


def _opset(content: bytes) -> int:
    import onnx

    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model)
    return int(max(item.version for item in model.opset_import if item.domain in ("", "ai.onnx")))


def _place(directory: RunDirectory, checkpoint: str, watched: bool) -> Path:
    path = directory.checkpoints / f"{checkpoint}.safetensors"
    return directory.exports / _name(checkpoint, _hash(path, path.stat().st_mtime_ns), watched)


def _name(checkpoint: str, sign: str, watched: bool) -> str:
    return f"{checkpoint}-{sign}{'.watched' if watched else ''}.onnx"


_HASHES: dict[tuple[Path, int], str] = {}


def _hash(path: Path, changed: int) -> str:
    """Of the file's content; read once for each time it was written."""
    if (path, changed) not in _HASHES:
        _HASHES[path, changed] = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    return _HASHES[path, changed]


def _sentence(module: nn.Module, error: Exception) -> str:
    last = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return f"PyTorch can't write {type(module).__name__} as ONNX ({last}); take its safetensors file instead"


@contextmanager
def _quietly() -> Any:
    """The exporter warns of what is meant here: shared names of axes, graphs that were recorded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(
        prog="python -m training.onnx_export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("run", help="id, the beginning of one, name or folder of a run")
    options.add_argument("--checkpoint", default="best", help="its name (default: best)")
    options.add_argument("--watched", action="store_true", help="with layers and contributions")
    options.add_argument("--runs", type=Path, help="folder of runs")
    options.add_argument("--data", type=Path, help="folder of data sets")
    chosen = options.parse_args(arguments)
    torch.set_num_threads(1)
    try:
        directory = found_run(chosen.run, runs_folder(chosen))
        made = exported(directory, chosen.checkpoint, data_folder(chosen), chosen.watched)
    except (ExportError, CheckpointError, ConfigError, DataError, LogsError, OSError) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 2
    about = made.about
    print(f"{made.path}: {about['bytes'] / 1e6:.2f} MB, opset {about['opset']}")
    difference = about["largest_difference"]
    print(f"largest difference to PyTorch over {about['compared']} samples: {difference:.2g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
