"""An operation on tensors to choose, its arguments, its cells as they move, and the line of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bounded import noted_problem
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_switch
from dashboard.panels.tensor_arguments import input_arguments, own_arguments
from dashboard.panels.tensor_board import tensor_board
from dashboard.panels.tensor_projection import tensor_projection
from dashboard.panels.tensor_samples import tensor_samples
from dashboard.panels.tensor_trained import (
    INPUT,
    Trained,
    about_trained,
    takes_weights,
    trained_tensor,
    wants_weights,
)
from models.broadcasting import Aligned, aligned
from models.tensor_operation import GROUPS, Operation, Outcome, RefusedError, performed
from models.tensor_operations import TENSOR_OPERATIONS, of_group
from models.tensor_storage import coordinates, relation

FIRST = "shape"  # the group that opens
TITLES = {
    "create": "Create", "shape": "Shape", "indexing": "Index", "joining": "Join and cut",
    "reducing": "Reduce and order", "algebra": "Linear algebra", "distributions": "Distributions",
}  # fmt: skip


@st.fragment
def tensor_operation(words: Mapping[str, str]) -> None:
    """The operation that is chosen. Its arguments are a part of their own: a slider redraws nothing above."""
    group = named_switch(
        _("Group"), GROUPS, FIRST, "tensors_group", lambda name: _(TITLES[name]), label_visibility="collapsed"
    )
    names = of_group(group)
    chosen = named_switch(
        _("Operation"),
        names,
        names[0],
        f"tensors_{group}",
        lambda name: _(TENSOR_OPERATIONS[name].title),
        label_visibility="collapsed",
    )
    row = TENSOR_OPERATIONS[chosen]
    st.markdown(_(row.summary))
    _arguments_and_answer(row, words)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"${row.formula}$", width="content")
        st.link_button(_("Documentation"), row.source, icon=":material/menu_book:", type="tertiary")


@st.fragment
def _arguments_and_answer(row: Operation, words: Mapping[str, str]) -> None:
    """Runs again by itself when an argument changes."""
    left, right = beside(f"tensors_{row.group}")
    trained: Trained | None = None
    problem = ""
    with left:
        settings = own_arguments(row)
        if takes_weights(row) and wants_weights(words):
            try:
                trained = trained_tensor(row, words)
            except ValueError as wrong:
                problem = str(wrong)
        settings |= input_arguments(row, INPUT if trained or problem else "")
        storage = row.shows == "cells" and st.toggle(
            _("Storage"), True, key="tensors_storage", bind="query-params", help=words["storage"]
        )
    with right:
        if problem:
            st.warning(plain(problem), icon=":material/edit:")
            return
        _answer(row, settings, storage, words, trained)
        if trained:
            about_trained(row, trained, settings, words)


def _answer(
    row: Operation,
    settings: dict[str, Any],
    storage: bool,
    words: Mapping[str, str],
    trained: Trained | None = None,
) -> None:
    held = {INPUT: trained.part} if trained else None
    try:
        if row.shows == "projection":
            lines = tensor_projection(row, settings, words)
        elif row.shows == "samples":
            lines = tensor_samples(row, settings, words)
        else:
            outcome = performed(row, settings, held=held)
            tensor_board("tensors_board", row, outcome, storage)
            lines = outcome.lines
            _relations(row, outcome, words)
            if row.aligned:
                _alignment([tuple(tensor.shape) for tensor in outcome.inputs], words)
    except RefusedError as problem:
        st.error(
            f"{plain(problem.why or words['unknown'])}", title=_("PyTorch refuses"), icon=":material/block:"
        )
        st.code(problem.said, language="text", wrap_lines=True)
        lines = problem.lines
        if row.aligned:
            _alignment([tuple(tensor.shape) for tensor in problem.inputs], words)
        if row.shows == "cells" and row.inputs and len(problem.inputs) == len(row.inputs):
            given = Outcome((), problem.inputs, (), lines, [])
            tensor_board("tensors_board", row, given, storage)
    except ValueError as problem:
        st.warning(plain(str(problem)), icon=":material/edit:")
        _look_at_address(row, str(problem))
        return
    st.code("\n".join(lines), language="python", wrap_lines=True)


def _look_at_address(row: Operation, sentence: str) -> None:
    """A text that can't be read and stands in the address is said at the head of the page, too."""
    for argument in row.arguments:
        key = f"tensors_{row.name}_{argument.name}"
        if argument.kind == "text" and sentence.startswith(argument.name) and key in st.query_params:
            noted_problem(key, sentence)


def _relations(row: Operation, outcome: Outcome, words: Mapping[str, str]) -> None:
    """Whether the result reads the storage of an input."""
    if not outcome.inputs:
        return
    found = {
        (name, given.name): relation(result, tensor)
        for name, result in zip(outcome.names, outcome.outputs, strict=True)
        for given, tensor in zip(row.inputs, outcome.inputs, strict=True)
    }
    for name, result in zip(outcome.names, outcome.outputs, strict=True):
        for part, places in coordinates(result).items():
            st.caption(f"`{name}.{part}() = {places}`")
    shared = {pair: kind for pair, kind in found.items() if kind != "copy"}
    if not shared:
        st.caption(":material/content_copy: " + words["copy"])
        return
    kinds = set(shared.values())
    names = ", ".join(name for name, _input in shared)
    owner = next(iter(shared))[1]
    passage = words["same"] if kinds == {"same"} else words["view"]
    st.caption(":material/visibility: " + passage.format(result=plain(names), owner=owner))


def _alignment(shapes: list[tuple[int, ...]], words: Mapping[str, str]) -> None:
    """Both shapes under each other, aligned from the right, and what comes of each pair of sizes."""
    pairs = aligned(*shapes[:2])
    if not pairs:
        return
    rows = [
        ("x", [pair.first for pair in pairs]),
        ("y", [pair.second for pair in pairs]),
        (_("result"), [pair.result for pair in pairs]),
    ]
    head = "| | " + " | ".join(f"dim {pair.dimension}" for pair in pairs) + " |"
    lines = [head, "|---|" + "---:|" * len(pairs)]
    for name, sizes in rows:
        said = [("–" if name != rows[2][0] else ":red[✗]") if size is None else str(size) for size in sizes]
        lines.append(f"| **{name}** | " + " | ".join(said) + " |")
    st.markdown("\n".join(lines))
    st.caption(_verdict(pairs, words))


def _verdict(pairs: list[Aligned], words: Mapping[str, str]) -> str:
    wrong = next((pair for pair in reversed(pairs) if pair.result is None), None)
    if wrong is None:
        return words["fits"]
    return words["no_fit"].format(dimension=wrong.dimension, first=wrong.first, second=wrong.second)
