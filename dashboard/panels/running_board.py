"""What batch norm remembers, batch by batch: a place among the batches is scrubbed through in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st
from torch import Tensor

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import noted_problem
from dashboard.theme import DARK, LIGHT
from models.normalisation import EPSILON
from models.running_statistics import Followed, followed_batches

HERE = Path(__file__).resolve().parent
AT = "normalisation_batch"
BATCHES = 200
MEAN, WIDTH = 1.0, 2.0  # of what the batches are drawn from, before it drifts
SIZES = (2, 4, 8, 16, 32, 64, 128)
MOMENTA = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

_BOARD = st.components.v2.component(
    "descent_running",
    html='<div class="descent-running"></div>\n<!-- filled by running_board.js -->',
    css=(HERE / "running_board.css").read_text(encoding="utf-8"),
    js=(HERE / "running_board.js").read_text(encoding="utf-8"),
)


def running_board(words: Mapping[str, str]) -> None:
    """Controls at the left, the batches beside them."""
    left, right = beside("normalisation_running")
    with left:
        size = int(bound_scale(_("Batch size"), SIZES, 8, "normalisation_size"))
        plain = st.toggle(
            _("Plain average"), key="normalisation_plain", bind="query-params", help=words["plain"]
        )
        momentum = float(
            bound_scale(
                _("Momentum"), MOMENTA, 0.1, "normalisation_momentum", about=words["momentum"], disabled=plain
            )
        )
        number = bound_slider(_("Number that is followed"), -6.0, 8.0, 3.0, "normalisation_number", 0.5)
        drift = bound_slider(
            _("Drift of the mean"), -6.0, 6.0, 0.0, "normalisation_drift", 0.5, about=words["drift"]
        )
        seed = bound_slider(_("Draw"), 0, 20, 0, "normalisation_seed", about=words["draw"])
    found = _followed(size, None if plain else momentum, float(number), float(drift), seed)
    with right:
        _drawn(found, None if plain else momentum, float(number))
        st.markdown(_reading(found, size))
        st.latex(
            r"\mu_{run} \leftarrow (1 - m)\,\mu_{run} + m\,\mu_B \qquad"
            r"\sigma^2_{run} \leftarrow (1 - m)\,\sigma^2_{run} + m\,\frac{B}{B - 1}\,\sigma^2_B"
        )
        st.caption(words["running"])


@st.cache_resource(max_entries=64, show_spinner=False)
def _followed(size: int, momentum: float | None, number: float, drift: float, seed: int) -> Followed:
    return followed_batches(BATCHES, size, momentum, number, MEAN, WIDTH, drift, seed)


def _drawn(found: Followed, momentum: float | None, number: float) -> None:
    variance = [WIDTH**2] * BATCHES
    becomes = _("x = {x:g} becomes").format(x=number)
    panes = [
        _pane(
            _("Mean"), (_("running mean"), _("mean of the batch"), _("true mean")),
            found.running_means, found.batch_means, _short(found.true_means),
        ),
        _pane(
            _("Variance"), (_("running variance"), _("variance of the batch"), _("true variance")),
            found.running_variances, found.batch_variances, variance,
        ),
        _pane(
            becomes, (_("in evaluation"), _("in training, as one of that batch"), _("by the true values")),
            found.in_evaluation, found.in_training, _short(found.ideal),
        ),
    ]  # fmt: skip
    at = _at()
    result = _BOARD(
        key="normalisation_running",
        data={
            "batches": BATCHES,
            "panes": panes,
            "momentum": momentum,
            "number": number,
            "epsilon": EPSILON,
            "at": at,
            "height": 520,
            "palettes": {"light": LIGHT.categorical, "dark": DARK.categorical},
            "words": {
                "axis": _("batches seen"),
                "play": _("Play"),
                "pause": _("Pause"),
                "keys": _("Drag through the batches, or use the arrow keys"),
                "at": _("After batch {n}"),
            },
        },
        on_at_change=_nothing,
    )
    told = result.at
    if isinstance(told, int | float) and told != st.session_state.get(_TOLD) and 1 <= told <= BATCHES:
        st.session_state[_TOLD] = told
        st.query_params[AT] = f"{told:g}"


_TOLD = "normalisation_batch_told"


def _pane(
    title: str, names: tuple[str, str, str], line: Tensor, dots: Tensor, truth: list[float]
) -> dict[str, Any]:
    return {"title": title, "names": names, "line": _short(line), "dots": _short(dots), "truth": truth}


def _short(numbers: Tensor) -> list[float]:
    return [round(number, 5) for number in numbers.tolist()]


def _at() -> int:
    """After which batch, as the address says."""
    if AT in st.session_state:  # a "try this" has set it; no widget of Streamlit's holds it
        st.query_params[AT] = str(st.session_state.pop(AT))
    said = st.query_params.get(AT, "30")
    if not (said.isdecimal() and 1 <= int(said) <= BATCHES):
        words = _("{name} in the address is {value}; it must be a whole number between 1 and {most}.")
        noted_problem(AT, words.format(name=AT, value=repr(said), most=BATCHES))
        return 30
    return int(said)


def _reading(found: Followed, size: int) -> str:
    """In words: how far the batches throw the number about, and how far evaluation is from the truth."""
    words = _(
        "With {size} in a batch the number is thrown about by **±{spread:.2f}** in training. In evaluation "
        "it is **{end:.2f}** after {batches} batches; by the true values it would be {ideal:.2f}."
    )
    return words.format(
        spread=float((found.in_training - found.ideal).std()),  # without what the drift does
        size=size,
        end=float(found.in_evaluation[-1]),
        batches=BATCHES,
        ideal=float(found.ideal[-1]),
    )


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
