"""What the tabs of a look into a network share: the samples of its data, as pictures and as it takes them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd
import streamlit as st
import torch
from torch import Tensor

from dashboard.charts.samples import as_bytes, data_url
from dashboard.language import _
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.inspect_drawing import can_draw, drawn_inputs
from training.data import Data
from training.datasets.errors import PictureError
from training.datasets.pictures import read_picture
from training.inspected import SPLITS, Inspected, part_of
from training.tasks import TASKS

PIXELS = 180  # width of a sample's picture on the page
THUMBNAIL = 64  # in a table
OWN, DRAWING = "upload", "drawing"


@dataclass(frozen=True)
class Picked:
    """One sample: `inputs` [1, *shape] as the network takes it; `picture` uint8 [C, H, W], if it is one."""

    inputs: Tensor
    picture: np.ndarray | None
    target: int | None  # its class, where known
    title: str
    key: str  # tells it from every other sample of this data


def pick_sample(look: Inspected) -> Picked | None:
    """A sample of one of the splits, or a reader's own picture or drawing; None until there is one."""
    splits = [split for split in SPLITS if len(getattr(look.data, split))]
    ways = [*splits, OWN] if len(look.data.input_shape) == 3 else splits
    ways = [*ways, DRAWING] if can_draw(look) else ways
    titles = {OWN: _("own picture"), DRAWING: _("drawing")}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = bounded_choice(
            _("Sample"),
            ways,
            ways[0],
            "inspect_split",
            lambda name: titles.get(name) or _(name),
        )
        if way not in titles:
            part = part_of(look.data, way)
            with st.container(width=380):
                row = (
                    bound_slider(_("Which one"), 0, len(part) - 1, 0, "inspect_sample")
                    if len(part) > 1
                    else 0
                )
            row = min(int(row), len(part) - 1)
    if way == DRAWING:
        drawn = drawn_inputs(look)
        return None if drawn is None else Picked(drawn[0], drawn[1], None, _("your drawing"), drawn[2])
    return _uploaded(look.data) if way == OWN else sample_at(look.data, way, row)


def sample_at(data: Data, split: str, row: int) -> Picked:
    """The sample at that place of a split."""
    part = part_of(data, split)
    inputs, targets = next(part.batches(1, first=row))
    known = data.num_classes is not None
    index = int(part.indices[row])
    return Picked(
        inputs=inputs.clone(),
        picture=pictures_of(data, inputs)[0] if len(data.input_shape) == 3 else None,
        target=int(targets[0]) if known else None,
        title=_("sample {index} of the data set").format(index=f"{index:,}"),
        key=f"{split}-{row}",
    )


def pictures_of(data: Data, inputs: Tensor) -> np.ndarray:
    """Normalised inputs [batch, channels, height, width] as uint8 pictures of 1 or 3 channels."""
    shown = (data.shown(inputs) * 255).round().to(torch.uint8).cpu().numpy()
    return shown if shown.shape[1] in (1, 3) else shown[:, :1]


def drawn_rows(data: Data, split: str, rows: Sequence[int]) -> np.ndarray:
    """The pictures at those places of a split, uint8 [n, C, H, W]; read one by one, so ask for few."""
    part = part_of(data, split)
    return np.concatenate([pictures_of(data, next(part.batches(1, first=int(row)))[0]) for row in rows])


def thumbnail(picture: np.ndarray, width: int = THUMBNAIL) -> str:
    """A picture [C, H, W] as an address, each pixel a whole number of times as large."""
    pixels = as_bytes(picture[None])[0].transpose(1, 2, 0)
    factor = max(1, round(width / pixels.shape[1]))
    enlarged = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    return data_url(np.broadcast_to(enlarged, (*enlarged.shape[:2], 3)).copy())


def sample_table(
    look: Inspected,
    split: str,
    rows: np.ndarray,
    said: np.ndarray,
    stated: np.ndarray,
    targets: np.ndarray,
    title: str,
) -> None:
    """Samples with their pictures: what they are, what they were taken for, how surely."""
    names = look.data.class_names
    frame = pd.DataFrame(
        {
            "is": [names[int(number)] for number in targets],
            "taken for": [names[int(number)] for number in said],
            "confidence": stated,
            "index": part_of(look.data, split).indices[rows],
            "place": rows,
        }
    )
    if len(look.data.input_shape) == 3:
        pictures = drawn_rows(look.data, split, list(rows))
        frame.insert(0, "picture", [thumbnail(picture) for picture in pictures])
    st.dataframe(
        frame,
        hide_index=True,
        row_height=58 if "picture" in frame else None,
        height=min(430, 40 + 58 * len(frame)),
        column_config={
            "picture": st.column_config.ImageColumn(_("picture"), width="small"),
            "confidence": st.column_config.ProgressColumn(
                _("confidence"), format="percent", min_value=0, max_value=1
            ),
            "index": st.column_config.NumberColumn(_("index"), help=_("Its place in the data set.")),
            "place": st.column_config.NumberColumn(
                _("sample"), help=_("Its number in the split: choose it under Activations or Attribution.")
            ),
        },
        alt=title,
    )


def probabilities_of(look: Inspected, inputs: Tensor) -> np.ndarray | None:
    """[batch, classes] float64; None where the task has none."""
    with torch.no_grad():
        outputs = look.network(inputs)
    probabilities = TASKS[look.data.task].probabilities
    return None if probabilities is None else probabilities(outputs).double().cpu().numpy()


def _uploaded(data: Data) -> Picked | None:
    """A picture of the reader's own, scaled to the network's input and normalised as its data was."""
    channels, height, width = data.input_shape
    file = st.file_uploader(
        _("A picture"), type=["png", "jpg", "jpeg", "webp", "bmp"], key="inspect_upload", max_upload_size=20
    )
    invert = st.toggle(_("swap dark and light"), key="inspect_invert", bind="query-params")
    if file is None:
        st.info(
            _("Choose a picture: it is cut to a square and scaled to {height} x {width} pixels.").format(
                height=height, width=width
            ),
            icon=":material/upload:",
        )
        return None
    content = file.getvalue()
    try:
        pixels = read_picture(cast(Path, io.BytesIO(content)), max(height, width), grayscale=channels == 1)
    except PictureError as problem:
        reason = str(problem).partition("(")[2].rstrip(")")
        st.error(plain(_("This file can't be read as a picture ({reason}).").format(reason=reason)))
        return None
    pixels = pixels[:, :height, :width]
    if channels not in (1, 3):
        st.error(_("This network takes pictures of {n} channels; choose a sample.").format(n=channels))
        return None
    if invert:
        pixels = 255 - pixels
    mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (data.mean, data.std))
    inputs = (torch.from_numpy(pixels.astype(np.float32) / 255) - mean) / std
    return Picked(inputs[None], pixels, None, _("your picture"), f"own-{hash(content)}-{bool(invert)}")
