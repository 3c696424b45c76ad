"""The tabs of backpropagation with a graph: expressions, and a network with three hidden units."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.language import _
from dashboard.panels.backprop_board import backprop_board
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice, named_switch
from models.computation import Graph, network_graph, pytorch_code
from models.expressions import EXPRESSIONS, LONGEST, ExpressionError, parse_expression

OWN = "own"
TEXT, VALUES, STEP = "backpropagation_text", "backpropagation_values", "backpropagation_step"
WEIGHTS, NETWORK_STEP = "backpropagation_weights", "backpropagation_network_step"
ACTIVATIONS = ("tanh", "sigmoid", "relu")
LOSSES = ("cross_entropy", "squared_error")


def expression_tab(words: Mapping[str, str]) -> None:
    """An expression of the table, or the reader's own, as a graph."""
    titles = {row.name: _(row.title) for row in EXPRESSIONS} | {OWN: _("My own")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = named_choice(
            _("Expression"), list(titles), "product", "backpropagation_expression", titles.__getitem__,
            width=280, on_change=_forget,
        )  # fmt: skip
        if chosen == OWN:
            text = st.text_input(
                _("Names, numbers, + - * / ** and functions; several lines by semicolons"),
                value=_("z = w*x + b; (tanh(z) - y)**2"), key=TEXT, bind="query-params", max_chars=LONGEST,
                on_change=_forget,
            )  # fmt: skip
        else:
            text = EXPRESSIONS[chosen].text
            st.code(text, language="python", width="stretch", wrap_lines=True)
    try:
        graph = parse_expression(text, {} if chosen == OWN else EXPRESSIONS[chosen].values)
    except ExpressionError as problem:
        st.warning(plain(str(problem)), title=_("This can't be drawn"))
        return
    st.caption(words["own"] if chosen == OWN else _(EXPRESSIONS[chosen].summary))
    _shown(backprop_board("backpropagation_expressions", graph, text, VALUES, STEP), words)


def network_tab(words: Mapping[str, str]) -> None:
    """A 2-3-1 network with its loss as a graph; its weights lie on the edges."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        activation = named_switch(_("Hidden units"), ACTIVATIONS, "tanh", "backpropagation_activation", _)
        loss = named_switch(
            _("Loss"), LOSSES, "cross_entropy", "backpropagation_loss",
            {"cross_entropy": _("cross-entropy"), "squared_error": _("squared error")}.__getitem__,
        )  # fmt: skip
    graph = network_graph(activation, loss)
    name = f"{activation} {loss}"
    _shown(backprop_board("backpropagation_network", graph, name, WEIGHTS, NETWORK_STEP), words)


def _shown(graph: Graph, words: Mapping[str, str]) -> None:
    st.caption(words["legend"])
    with st.expander(_("The same in PyTorch, with its gradients"), icon=":material/code:", expanded=False):
        st.code(pytorch_code(graph), language="python")


def _forget() -> None:
    """Another graph: the values and the step were of the one before."""
    for key in (VALUES, STEP):
        if key in st.query_params:
            del st.query_params[key]
