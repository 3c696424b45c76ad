"""Probabilities under the hand: a softmax with its Jacobian or with the gradients of two losses, and the
entropies of two distributions. The browser computes; models/softmax.py is what tests hold it to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st

from dashboard.language import _
from dashboard.number_grid import packed_grid, unpacked_grid
from dashboard.panels.bounded import noted_problem
from dashboard.panels.styles import styles
from dashboard.theme import DARK, LIGHT

HERE = Path(__file__).resolve().parent
MOST_CLASSES, LARGEST_LOGIT = 8, 8
Rows = list[list[float]]
Look = Literal["jacobian", "gradients", "entropy"]

_BOARD = st.components.v2.component(
    "descent_softmax",
    html='<div class="descent-softmax"></div>\n<!-- filled by softmax_board.js -->',
    css=styles("range", "softmax_board"),
    js=(HERE / "softmax_board.js").read_text(encoding="utf-8"),
)


def softmax_board(key: str, address: str, usual: Rows, look: Look, temperature: float = 1.0) -> None:
    """Two rows of numbers with a slider each, kept in the address: logits and the share of each class in the
    target, or (entropy) the weights of the truth and those of the prediction.
    """
    rows = board_rows(address, usual, entropy=look == "entropy")
    text = packed_grid(rows)
    told, given = f"{key}_told", f"{key}_given"
    if text != st.session_state.get(told):  # it comes from elsewhere than the board: that shall show it
        st.session_state[given] = int(st.session_state.get(given, 0)) + 1
        st.session_state[told] = text
    result = _BOARD(
        key=key,
        data={
            "look": look,
            "rows": rows,
            "given": st.session_state[given],
            "temperature": temperature,
            "palettes": {"light": LIGHT.diverging, "dark": DARK.diverging},
            "words": _words(),
        },
        on_rows_change=_nothing,
    )
    if result.rows and result.rows != st.session_state.get(f"{key}_heard"):
        st.session_state[f"{key}_heard"] = result.rows
        try:
            found = checked_rows(str(result.rows), look == "entropy")
        except ValueError:  # the browser is not ours
            return
        st.session_state[told] = packed_grid(found)
        if packed_grid(found) == packed_grid(usual):
            st.query_params.pop(address, None)
        else:
            st.query_params[address] = packed_grid(found)


def board_rows(address: str, usual: Rows, entropy: bool) -> Rows:
    """What the address says, else the usual rows; what it says amiss is remembered."""
    if address in st.session_state:  # a "try this" has set it
        st.query_params[address] = str(st.session_state.pop(address))
    said = st.query_params.get(address)
    if not said:
        return usual
    try:
        return checked_rows(said, entropy)
    except ValueError as problem:
        noted_problem(address, f"{address}: {problem}")
        return usual


def checked_rows(text: str, entropy: bool) -> Rows:
    """Two rows as a text has them. ValueError names the rule: 2 to 8 classes, logits within 8, shares of at
    least 0 that are not all 0.
    """
    rows = unpacked_grid(text)
    if len(rows) != 2 or not 2 <= len(rows[0]) <= MOST_CLASSES:
        raise ValueError(
            f"{text[:40]!r} is {len(rows)} rows of {len(rows[0])}; it must be two rows of 2 to "
            f"{MOST_CLASSES} numbers, such as 2,1,0;1,0,0"
        )
    if not entropy and max(map(abs, rows[0])) > LARGEST_LOGIT:
        raise ValueError(f"the logits are {rows[0]}; each must lie between -8 and 8")
    for row in rows if entropy else rows[1:]:
        if min(row) < 0 or max(row) > 1 or not sum(row) > 0:
            raise ValueError(f"the shares are {row}; each must lie between 0 and 1, and one above 0")
    return rows


def _words() -> dict[str, object]:
    return {
        "class": _("class {n}"),
        "choose": _("This is the right class"),
        "logit": _("Logit {n}"),
        "truth": _("Truth {n}"),
        "belief": _("Prediction {n}"),
        "more": _("One class more"),
        "fewer": _("One less"),
        "heads_jacobian": ["", _("logit z"), _("probability p")],
        "heads_gradients": [_("right class"), _("logit z"), _("probability p")],
        "heads_entropy": ["", _("truth q"), _("prediction p"), _("surprise, bits")],
        "title_jacobian": _("Jacobian: how p answers to z"),
        "title_gradients": _("Gradient at each logit"),
        "title_entropy": _("In bits"),
        "pulls": ["", _("cross-entropy: p - y"), _("squared error of p")],
        "sums": {
            "truth": _("H(q), entropy of the truth"),
            "divergence": _("KL(q || p), paid for believing p"),
            "cross": _("H(q, p), cross-entropy"),
            "belief": _("H(p), entropy of the prediction"),
            "reverse": _("KL(p || q), the other way"),
        },
        "said_entropy": _(
            "Cross-entropy = entropy + KL divergence: {truth} + {divergence} = {cross} bits. The first is "
            "the truth's own; learning can only lower the second."
        ),
        "said_gradients": _(
            "Class {n} is right and is given {p}: cross-entropy pulls its logit with {cross}, the squared "
            "error with {squared}."
        ),
    }


def _nothing() -> None:
    """A value only comes back to Python when a callback is named for it."""
