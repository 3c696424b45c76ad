"""A drawing as the sample that a network is looked at with: the board of Draw and predict, answered by
PyTorch.
"""

from __future__ import annotations

import numpy as np
import streamlit as st
import torch

from dashboard.draw_subject import LARGEST, answered
from dashboard.drawn_strokes import unpacked_strokes
from dashboard.language import _
from dashboard.panels.bounded import noted_problem
from dashboard.panels.draw_address import usual_brush
from dashboard.panels.draw_answer import subject_of
from dashboard.panels.draw_board import before_board, draw_board
from dashboard.settings import read_settings
from training.inspected import Inspected

BOARD, STROKES = "inspect_board", "inspect_strokes"
CLASSES = ("classification", "binary")


def can_draw(look: Inspected) -> bool:
    """Whether there is a board for this network's samples: small pictures, grey or coloured, with classes."""
    shape = look.data.input_shape
    small = len(shape) == 3 and max(shape[1:]) <= LARGEST and shape[0] in (1, 3)
    return small and look.data.task in CLASSES and look.directory is not None


def drawn_inputs(look: Inspected) -> tuple[torch.Tensor, np.ndarray, str] | None:
    """The board, and what stands on it: inputs [1, *shape] as the network takes them, the picture uint8
    [C, H, W], and a name for this drawing; None, with a sentence, where nothing is drawn.
    """
    assert look.directory is not None
    subject = subject_of(look.directory, look.checkpoint, read_settings().data)
    told = before_board(BOARD, subject.shape)
    answer = None
    if told is not None and told.picture is not None:
        outputs, _seconds = answered(subject, told.picture[None], told.chosen)
        answer = (told.id, outputs)
    network = f"{look.directory.id}-{look.checkpoint}"
    drawn, _checked = draw_board(
        BOARD,
        subject,
        network,
        strokes=_strokes(),
        brush=usual_brush(subject),
        answer=answer,
        words={"thinking": _("PyTorch answers on the server.")},
    )
    if drawn is not None and drawn.strokes != st.query_params.get(STROKES, ""):
        _kept(drawn.strokes)
    if drawn is None or drawn.picture is None:
        st.caption(_("Draw, or choose a picture at the board: what the network gets of it is looked at."))
        return None
    return _inputs(look, drawn.picture)


def _inputs(look: Inspected, picture: np.ndarray) -> tuple[torch.Tensor, np.ndarray, str]:
    mean, std = (
        torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (look.data.mean, look.data.std)
    )
    inputs = (torch.from_numpy(picture.astype(np.float32)) - mean) / std
    pixels = (picture * 255).round().clip(0, 255).astype(np.uint8)
    return inputs[None], pixels, f"drawn-{hash(pixels.tobytes())}"


def _strokes() -> str:
    """What the address says is drawn; a senseless text is told and dropped."""
    text = st.query_params.get(STROKES, "")
    try:
        unpacked_strokes(text)
    except ValueError as problem:
        noted_problem(STROKES, str(problem))
        del st.query_params[STROKES]
        return ""
    return text


def _kept(strokes: str) -> None:
    if strokes:
        st.query_params[STROKES] = strokes
    else:
        st.query_params.pop(STROKES, None)
