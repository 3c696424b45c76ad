"""Which picture is worked on: one of the table, or the reader's own, which is never stored; and its noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.language import _
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from training.picture_noise import NOISES, with_noise
from training.sample_pictures import MOST_BYTES, PICTURES, PictureError, read_picture, sample_picture

TYPES = ("png", "jpg", "jpeg", "webp", "bmp", "gif")


def chosen_picture(words: Mapping[str, str], page: str = "image") -> np.ndarray:
    """The picture uint8 [height, width, 3] of the controls that this draws; their keys begin with `page`."""
    name = named_choice(
        _("Picture"), PICTURES.names(), "temple", f"{page}_picture", lambda name: _(PICTURES[name].title),
        help=_("With the reader's own below, that one."),
    )  # fmt: skip
    file = st.file_uploader(
        _("Your own picture"),
        TYPES,
        key=f"{page}_file",
        help=words["upload"],
        max_upload_size=MOST_BYTES // 2**20,
    )
    own = None if file is None else _own(file, _kept(page))
    if own is None:
        st.session_state.pop(_kept(page), None)
        st.caption(f"{_(PICTURES[name].title)}: {PICTURES[name].source}")
        return _sample(name)
    return own


def noisy_picture(picture: np.ndarray, words: Mapping[str, str], usual: str) -> np.ndarray:
    """The picture with the chosen noise, which is `usual` at first; the very same one where that is none."""
    name = named_choice(
        _("Noise"), NOISES.names(), usual, "image_noise", lambda name: _(NOISES[name].title)
    )  # fmt: skip
    row = NOISES[name]
    if row.amount is None:
        return picture
    each = row.amount
    amount = bound_slider(
        _(each.description).capitalize(), float(each.low or 0), float(each.high or 1), float(each.default),
        f"image_noise_{name}", float(each.step or 1), _(row.summary),
    )  # fmt: skip
    seed = bound_slider(_("Draw"), 0, 20, 0, "image_seed", about=words["draw"])
    return with_noise(picture, name, float(amount), seed)


def _kept(page: str) -> str:
    """The session's name for the reader's picture made small, and the file it came from."""
    return f"{page}_own"


def _own(file: UploadedFile, place: str) -> np.ndarray | None:
    """Decoded once a file; None, with a sentence, for one that is no picture."""
    kept = st.session_state.get(place)
    if kept is not None and kept[0] == file.file_id:
        return kept[1]
    try:
        picture = read_picture(file.getvalue())
    except PictureError as problem:
        st.warning(plain(str(problem)), icon=":material/broken_image:")
        return None
    st.session_state[place] = (file.file_id, picture)
    return picture


@st.cache_resource(max_entries=16, show_spinner=False)
def _sample(name: str) -> np.ndarray:
    picture = sample_picture(name)
    picture.flags.writeable = False  # all sessions share it
    return picture
