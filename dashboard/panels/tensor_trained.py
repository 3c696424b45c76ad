"""A real tensor to work on: the weights of a layer out of a run's checkpoint, or a part of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from torch import Tensor

from dashboard.charts.tensor_spectrum import spectrum_chart
from dashboard.inspect_subject import inspectable
from dashboard.language import _
from dashboard.navigation import link
from dashboard.panels.bounded import noted
from dashboard.panels.checkpoint_choice import checkpoint_choice
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from dashboard.panels.run_store import listed_runs
from dashboard.settings import read_settings
from models.tensor_operation import Held, Operation, RefusedError
from models.tensor_texts import LARGEST, index_of, sizes_of
from models.tensor_whole import Fact, fact_of, on_whole, spectrum, usual_part
from training.checkpoints import CheckpointError, load_checkpoint

SWITCH = "tensors_trained"
LARGEST_LAYER = 4_000_000  # numbers; a larger tensor isn't offered
INPUT = "x"  # of an operation: the one that takes the weights
DECOMPOSED = ("svd", "low_rank")  # operations that the spectrum belongs to


@dataclass(frozen=True)
class Trained:
    """A layer's weights, and the part of them that an operation works on."""

    run: str
    name: str
    whole: Tensor
    part: Held
    version: tuple[str, int]  # of the file: its path, and when it was written


def takes_weights(row: Operation) -> bool:
    """Whether one of its inputs is a tensor of any numbers."""
    return any(given.name == INPUT and not given.whole for given in row.inputs)


def wants_weights(words: Mapping[str, str]) -> bool:
    """The switch, for all operations."""
    noted(SWITCH, ("true", "false", "True", "False"))
    label = _("{name} from a trained network").format(name=INPUT)
    return st.toggle(label, False, key=SWITCH, bind="query-params", help=words["trained"])


def trained_tensor(row: Operation, words: Mapping[str, str]) -> Trained | None:
    """A run, its checkpoint, a tensor of it and a part of that; None without runs, with the way to one.

    ValueError for a part that can't be read, or is too large to be drawn.
    """
    known = {run.id: run for run in listed_runs(read_settings().runs) if inspectable(run)}
    if not known:
        st.info(words["no_runs"], icon=":material/psychology:")
        link("new_run", _("Train a network"), icon=":material/add_circle:")
        return None
    run, checkpoint = checkpoint_choice(known, "tensors")
    path = known[run].directory.checkpoints / f"{checkpoint}.safetensors"
    try:
        version = str(path), path.stat().st_mtime_ns
        weights = _weights(*version)
    except (CheckpointError, OSError) as problem:
        st.error(plain(str(problem)), icon=":material/error:")
        return None
    if not weights:
        st.error(words["no_weights"], icon=":material/error:")
        return None
    first = next((name for name, tensor in weights.items() if tensor.dim() > 1), next(iter(weights)))
    name = named_choice(
        _("Tensor"),
        list(weights),
        first,
        "tensors_weight",
        lambda each: f"{each} {tuple(weights[each].shape)}",
    )
    whole = weights[name]
    wanted = next(sizes_of(given.shape) for given in row.inputs if given.name == INPUT)
    key = f"tensors_{row.name}_{INPUT}_part_{'x'.join(map(str, whole.shape))}"
    usual = usual_part(tuple(whole.shape), wanted)
    text = st.text_input(_("Part of it"), usual, key=key, bind="query-params", help=words["part"])
    short = f"runs/{run}/checkpoints/{path.name}"
    return Trained(run, name, whole, _part(whole, name, text, short), version)


def _part(whole: Tensor, name: str, text: str, path: str) -> Held:
    index = index_of(text)
    try:
        part = whole[index.keys[0] if len(index.keys) == 1 else index.keys]
    except (IndexError, TypeError, ValueError) as problem:
        raise ValueError(_("{text} is no part of {name}: {problem}").format(
            text=repr(text), name=f"{name} {tuple(whole.shape)}", problem=problem
        )) from None  # fmt: skip
    if part.numel() > LARGEST:
        words = _("{text} has {n} cells, more than the {most} that are drawn; take a smaller part of {name}.")
        raise ValueError(words.format(
            text=repr(text), n=f"{part.numel():,}", most=LARGEST, name=f"{name} {tuple(whole.shape)}"
        ))  # fmt: skip
    lines = (
        "from safetensors.torch import load_file",
        f'w = load_file("{path}")["weights/{name}"]',
        f"{INPUT} = w[{index.text}]",
    )
    return Held(part, lines)


@st.cache_resource(max_entries=4, show_spinner=False)
def _weights(path: str, version: int) -> dict[str, Tensor]:
    """Tensors of numbers by name, as the checkpoint has them, each in storage of its own. CheckpointError
    where it can't be read; nothing in it is ever unpickled.
    """
    return {
        name: tensor.clone()
        for name, tensor in load_checkpoint(Path(path)).weights.items()
        if tensor.is_floating_point() and 0 < tensor.numel() <= LARGEST_LAYER
    }


def about_trained(
    row: Operation, trained: Trained, settings: Mapping[str, Any], words: Mapping[str, str]
) -> None:
    """What the whole tensor is, what the operation makes of all of it, and its singular values."""
    st.markdown(f"**{_('The whole tensor')}** · {plain(trained.name)}")
    facts = [fact_of("w", trained.whole)]
    said = ""
    if len(row.inputs) == 1:
        try:
            facts += _on_whole(row.name, trained.name, trained.version, tuple(settings.items()))
        except RefusedError as problem:
            said = _("On all of it PyTorch refuses: {problem}").format(problem=problem.said)
        except ValueError as problem:
            said = str(problem)
    st.markdown(_table(facts))
    if said:
        st.caption(plain(said))
    if row.name in DECOMPOSED and trained.whole.dim() > 1:
        try:
            sizes, random = _spectrum(trained.name, trained.version)
        except ValueError as problem:
            st.caption(plain(str(problem)))
            return
        chart = spectrum_chart(sizes, random)
        plot(chart, "tensors_spectrum", 300, description=_("Singular values of the whole tensor"))
        st.caption(words["spectrum"])


@st.cache_resource(max_entries=128, show_spinner=False)
def _on_whole(
    row: str, name: str, version: tuple[str, int], settings: tuple[tuple[str, Any], ...]
) -> list[Fact]:
    from models.tensor_operations import TENSOR_OPERATIONS

    return on_whole(TENSOR_OPERATIONS[row], _weights(*version)[name], dict(settings))


@st.cache_resource(max_entries=32, show_spinner=False)
def _spectrum(name: str, version: tuple[str, int]) -> tuple[list[float], list[float]]:
    from models.tensor_whole import MOST_WHOLE

    tensor = _weights(*version)[name]
    if tensor.numel() > MOST_WHOLE:
        raise ValueError(_("Too many numbers for singular values while you wait."))
    sizes, random = spectrum(tensor)
    return sizes.tolist(), random.tolist()


def _table(facts: list[Fact]) -> str:
    """As Markdown: a table is one element to draw."""
    head = ["", _("shape"), _("dtype"), _("strides"), _("storage"), _("smallest"), _("mean"), _("largest")]
    lines = ["| " + " | ".join(head) + " |", "|:--|" + ":--|" * 4 + "--:|" * 3]
    kinds = {"": "", "same": _("the same tensor"), "view": _("a view"), "copy": _("a copy")}
    for fact in facts:
        storage = f"{fact.bytes:,} bytes" + (f", {kinds[fact.kind]}" if fact.kind else "")
        numbers = [
            "–" if number is None else f"{number:.3g}" for number in (fact.least, fact.mean, fact.largest)
        ]
        strides = "–" if fact.strides is None else str(fact.strides)
        lines.append(
            "| "
            + " | ".join([f"`{fact.name}`", str(fact.shape), fact.dtype, strides, storage, *numbers])
            + " |"
        )
    return "\n".join(lines)
