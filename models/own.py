"""A network of the reader's own code, as a row of the table: `path/to/file.py:ClassName`.

Importing a file runs it. That is done only where somebody typed the file's name on a command line, or named
it in the environment variable DESCENT_OWN_CODE when starting a program: never because a run's configuration,
a checkpoint or an address says so. Who reads that command line calls `allow`; without that, building refuses
in a sentence.
"""

from __future__ import annotations

import ast
import difflib
import importlib.util
import inspect
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from models.catalog import Parameter
from models.model import InputShape, Model

VARIABLE = "DESCENT_OWN_CODE"
NAME = re.compile(r"(?P<file>.+\.py):(?P<class>[A-Za-z_]\w*)")
# What a class may ask for in its constructor, by name
OFFERED: Mapping[str, Callable[[InputShape, int], Any]] = {
    "input_shape": lambda shape, outputs: shape,
    "in_channels": lambda shape, outputs: shape[0],
    "channels": lambda shape, outputs: shape[0],
    "in_features": lambda shape, outputs: torch.Size(shape).numel(),
    "outputs": lambda shape, outputs: outputs,
    "num_classes": lambda shape, outputs: outputs,
    "n_classes": lambda shape, outputs: outputs,
}
_allowed: set[Path] = set()


def is_own(name: object) -> bool:
    """Whether a model's name is that of a file and a class."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def allow(name: str) -> None:
    """From now on this process may run the file of `path/to/file.py:ClassName`: its owner has typed it."""
    _allowed.add(_file(name))


def is_allowed(name: str) -> bool:
    named = [Path(one).resolve() for one in os.environ.get(VARIABLE, "").split(os.pathsep) if one]
    return _file(name) in {*_allowed, *named}


def own_row(name: str) -> Model:
    """The row; its name has the file's whole path. Nothing of the file is run, nor need it exist."""
    match = NAME.fullmatch(name)
    assert match is not None
    whole = (
        name if match["file"] == "FILE.py" else f"{_file(name)}:{match['class']}"
    )  # that one is for --help

    def build(input_shape: InputShape, outputs: int, model_args: str) -> nn.Module:
        return build_own(whole, input_shape, outputs, model_args)

    return Model(
        name=whole,
        title=f"{match['class']} of {Path(match['file']).name}",
        summary="A network of your own code.",
        source=str(_file(name)),
        build=build,
        inputs="any",
        parameters=(
            Parameter(
                "model_args", "", "arguments of your class, such as width=32,activation=relu", kind="text"
            ),
        ),
        example=lambda: (torch.randn(2, 3, 32, 32), 10),
        stages=(),
        parameter_count=0,
    )


def build_own(name: str, input_shape: InputShape, outputs: int, model_args: str) -> nn.Module:
    """The class, called with `model_args` and those of OFFERED that it asks for. ValueError, with the way
    out, where the file is not allowed, fails, or gives no network that answers [batch, *input_shape] by
    [batch, outputs].
    """
    if not is_allowed(name):
        raise ValueError(
            f"{name} is code, and it is run only where you typed its name: train it by python -m "
            f"training.train --model {name}; start other programs with {VARIABLE}={_file(name)}"
        )
    made = _named(_module(_file(name)), name)
    given = parsed_arguments(model_args)
    asked = inspect.signature(made).parameters
    offered = {key: value(input_shape, outputs) for key, value in OFFERED.items() if key in asked}
    try:
        network = made(**{**offered, **given})
    except Exception as error:
        raise ValueError(f"{name}({model_args}) raised {type(error).__name__}: {error}") from error
    if not isinstance(network, nn.Module):
        raise ValueError(f"{name} gave a {type(network).__name__}; it must give a torch.nn.Module")
    if not any(weight.device.type == "meta" for weight in network.parameters()):
        _refuse_outputs(network, name, input_shape, outputs)
    return network


def parsed_arguments(text: str) -> dict[str, Any]:
    """`width=32, sizes=(1, 2), activation=relu` as a dictionary: literals of Python, and bare words as texts.

    ValueError for anything else: nothing is evaluated.
    """
    wrong = f"model_args is {text!r}; it must be like width=32,activation=relu"
    try:
        call = ast.parse(f"made({text})", mode="eval").body
    except SyntaxError:
        raise ValueError(wrong) from None
    if not isinstance(call, ast.Call) or call.args or any(word.arg is None for word in call.keywords):
        raise ValueError(wrong)
    found: dict[str, Any] = {}
    for word in call.keywords:
        assert word.arg is not None
        if isinstance(word.value, ast.Name):
            found[word.arg] = word.value.id
            continue
        try:
            found[word.arg] = ast.literal_eval(word.value)
        except ValueError:
            raise ValueError(f"{wrong}; {word.arg} is no plain value") from None
    return found


def _file(name: str) -> Path:
    return Path(name.rpartition(":")[0]).resolve()


def _module(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"own_{file.stem}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise ValueError(f"there is no file {file}; name one as path/to/file.py:ClassName")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{file} could not be run: {type(error).__name__}: {error}") from error
    return module


def _named(module: ModuleType, name: str) -> Callable[..., Any]:
    wanted = name.rpartition(":")[2]
    found = getattr(module, wanted, None)
    if callable(found):
        return found
    known = [
        one
        for one, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__
    ]
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"it has: {', '.join(known) or 'none'}"
    raise ValueError(f"{_file(name)} has no class {wanted}; {hint}")


@torch.no_grad()
def _refuse_outputs(network: nn.Module, name: str, input_shape: InputShape, outputs: int) -> None:
    training = network.training
    try:
        answer = network.eval()(torch.zeros(2, *input_shape))
    except Exception as error:
        raise ValueError(
            f"{name} fails for samples of shape {tuple(input_shape)}: {type(error).__name__}: {error}"
        ) from error
    finally:
        network.train(training)
    shape = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
    if shape != (2, outputs):
        raise ValueError(f"{name} answers two samples by {shape}; it must be (2, {outputs})")
