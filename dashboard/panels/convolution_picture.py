"""The window of the page slid over a whole picture: what a kernel looks for is seen at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

from dashboard.charts.samples import data_url
from dashboard.charts.slid_picture import drawn, small_grey
from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.escape import plain
from dashboard.panels.picture_choice import chosen_picture
from dashboard.panels.slide_board import Grid
from models.sliding import Slide, code_of, slid

QUICK = 1  # of PNG: a picture that follows a slider is packed in less than half the time


def convolution_picture(kernel: Grid, slide: Slide, words: Mapping[str, str]) -> None:
    """The same kernel and settings over the picture that is chosen here."""
    import torch

    st.subheader(_("On a picture"))
    left, right = beside("convolution_picture")
    with left:
        grey = small_grey(chosen_picture(words, "convolution"))
    weights = torch.tensor(kernel, dtype=torch.float32)
    with right:
        try:
            found = slid(torch.from_numpy(grey), weights, slide).numpy()
        except ValueError as problem:
            st.warning(plain(str(problem)))
            return
        with st.container(key="convolution_pictures"):
            before, after = st.columns(2, gap="medium")
        with before:
            _picture(_("Input"), grey, drawn(grey, 0, 1), _("grey: 0 is black, 1 is white"))
        with after:
            _picture(_("Output"), found, drawn(found), _scale(found))
        st.code(code_of(slide, weights.shape), language="python")
        st.caption(words["picture_code"])


def _picture(title: str, values: np.ndarray, pixels: np.ndarray, scale: str) -> None:
    height, width = values.shape
    st.image(data_url(pixels, QUICK), alt=title, width="stretch")
    st.caption(f"**{title}** · {height} × {width} · {scale}")


def _scale(values: np.ndarray) -> str:
    """What the colours of `drawn` stand for."""
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if low < 0 < high:
        reach = max(-low, high)
        return _("blue to -{reach:.3g}, pale is 0, orange to {reach:.3g}").format(reach=reach)
    if low == high:
        return _("every number is 0")
    return _("grey: {low:.3g} is black, {high:.3g} is white").format(low=low, high=high)
