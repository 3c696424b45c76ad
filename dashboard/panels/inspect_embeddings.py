"""Samples as points, by what the layer before the last makes of them; the nearest of a picked one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.embedding import embedding_chart
from dashboard.charts.samples import as_bytes, data_url
from dashboard.language import _, texts
from dashboard.panels.bound_slider import bound_scale, bound_slider
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.hover_pictures import hover_pictures
from dashboard.panels.inspect_data import drawn_rows, pictures_of, thumbnail
from dashboard.panels.inspect_look import look_of
from dashboard.panels.inspect_work import background_look
from dashboard.panels.named_choice import named_switch
from dashboard.panels.plot import plot
from logs.tables import Table
from models.probes import NoUnitsError
from training.embeddings import Metric, neighbour_agreement, neighbours, pca
from training.inspected import SPLITS, Inspected, answers, batches_of, chosen_rows, features_of, part_of
from training.inspection_settings import InspectionSettings

if TYPE_CHECKING:
    from dashboard.inspect_subject import Subject

COUNTS = (200, 500, 1000, 2000, 5000)
AT_ONCE = 100
NEAR = 8
PICKED = "inspect_picked"
DESCRIPTION = "Samples as the network sees them"


@dataclass(frozen=True, eq=False)
class Points:
    """Samples of a split: places in it, what the network makes of them, and what it says."""

    split: str
    rows: np.ndarray
    features: np.ndarray  # float32 [samples, features]
    targets: np.ndarray
    said: np.ndarray
    atlas: str  # all pictures in one, as an address; empty where samples are no pictures


def embeddings_tab(subject: Subject) -> None:
    """PCA at once, t-SNE in the background; a click picks a sample and shows its neighbours."""
    words = texts("inspect_model")
    look = look_of(subject)
    if look is None:
        return
    if look.data.num_classes is None:
        st.info(words["only_classes"], icon=":material/category:")
        return
    splits = [split for split in SPLITS if len(getattr(look.data, split))]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        split = bounded_choice(_("Samples"), splits, splits[0], "inspect_points_of", _)
        with st.container(width=260):
            size = bound_scale(_("How many"), COUNTS, 1000, "inspect_points", lambda value: f"{value:,}")
        way = named_switch(
            _("Laid out by"),
            ["pca", "tsne"],
            "pca",
            "inspect_way",
            lambda name: {"pca": "PCA", "tsne": "t-SNE"}[name],
        )
        deep = named_switch(_("In"), ["2", "3"], "2", "inspect_dimensions", lambda name: f"{name}-D") == "3"
        by = named_switch(
            _("Colour"), ["class", "error"], "class", "inspect_colour",
            lambda name: {"class": _("true class"), "error": _("right or wrong")}[name],
        )  # fmt: skip
    try:
        points = _points(look, split, int(size))
    except NoUnitsError as problem:
        st.info(str(problem), icon=":material/block:")
        return
    if way == "pca":
        found = pca(points.features, 3 if deep else 2)
        titles = [f"component {n} ({share:.0%})" for n, share in enumerate(found.explained, start=1)]
        st.caption(words["pca"])
        _drawn(look, points, found.points, titles, by, "pca")
        return
    if look.directory is None:
        st.info(words["only_runs"], icon=":material/hourglass_disabled:")
        return
    asked = InspectionSettings(
        run=look.directory.id,
        checkpoint=look.checkpoint,
        look="tsne",
        split=split,
        samples=int(size),
        dimensions=3 if deep else 2,
        perplexity=_perplexity(len(points.rows)),
    )

    def draw(table: Table) -> None:
        axes = [name for name in table.rows.column_names if name.startswith("axis")]
        laid = np.stack([table.rows[name].to_numpy() for name in axes], axis=1)
        if not np.array_equal(table.rows["index"].to_numpy(), part_of(look.data, split).indices[points.rows]):
            st.info(words["other_samples"])
            return
        _drawn(look, points, laid, ["" for _axis in axes], by, "tsne")
        if "neighbours_after" in table.about:
            st.caption(
                _(
                    "Of ten nearest neighbours {before:.0%} are of the same class before, {after:.0%} after."
                ).format(before=table.about["neighbours_before"], after=table.about["neighbours_after"])
            )

    st.caption(words["tsne"])
    background_look(asked, _("Lay out by t-SNE"), words["no_tsne"], draw)


def _perplexity(samples: int) -> float:
    most = max(2.0, float((samples - 1) // 3))
    return float(bound_slider(_("Perplexity"), 2.0, 100.0, min(30.0, most), "inspect_perplexity", step=1.0,
                              about=_("About how many neighbours of a sample count.")))  # fmt: skip


def _drawn(look: Inspected, points: Points, laid: np.ndarray, titles: list[str], by: str, way: str) -> None:
    names = list(look.data.class_names)
    groups = points.targets if by == "class" else (points.said != points.targets).astype(np.int64)
    picked = _picked(len(laid))
    metric = cast(Metric, st.session_state.get("inspect_metric", "euclidean"))
    near = neighbours(points.features, picked, NEAR, metric) if picked is not None else None
    left, right = st.columns([3, 1], gap="medium")
    with left:
        figure = embedding_chart(
            laid,
            groups,
            names if by == "class" else [_("right"), _("wrong")],
            np.arange(len(laid)),
            titles,
            picked,
            None if near is None else near[0],
            uirevision=f"{way}{points.split}{len(laid)}",
        )
        clicked = plot(figure, "inspect_embedding", height=560, on_click=True, description=_(DESCRIPTION))
        if points.atlas:
            height, width = look.data.input_shape[1:]
            hover_pictures(
                _(DESCRIPTION), points.atlas, (height, width), _columns(len(laid)), "inspect_hover"
            )
        if clicked is not None and clicked["customdata"] is not None:
            place = int(clicked["customdata"])
            if place != picked:
                st.session_state[PICKED] = place
                st.query_params[PICKED] = str(place)
                st.rerun()
    with right:
        _neighbours(look, points, picked, near)


def _picked(samples: int) -> int | None:
    said = st.session_state.get(PICKED, st.query_params.get(PICKED))
    try:
        place = int(said) if said is not None else None
    except ValueError:
        return None
    return place if place is not None and 0 <= place < samples else None


def _neighbours(
    look: Inspected, points: Points, picked: int | None, near: tuple[np.ndarray, np.ndarray] | None
) -> None:
    names = look.data.class_names
    if picked is None or near is None:
        st.info(texts("inspect_model")["pick"], icon=":material/touch_app:")
        agreement = neighbour_agreement(points.features, points.targets)
        st.metric(
            _("Neighbours of the same class"), f"{agreement:.1%}", help=_("Of the ten nearest, on average.")
        )
        return
    named_switch(
        _("Nearest by"), ["euclidean", "cosine"], "euclidean", "inspect_metric",
        lambda name: {"euclidean": _("distance"), "cosine": _("angle")}[name],
    )  # fmt: skip
    order = [picked, *near[0].tolist()]
    frame = pd.DataFrame(
        {
            "is": [names[int(points.targets[place])] for place in order],
            "taken for": [names[int(points.said[place])] for place in order],
            "distance": [0.0, *near[1].tolist()],
        }
    )
    if points.atlas:
        pictures = drawn_rows(look.data, points.split, [int(points.rows[place]) for place in order])
        frame.insert(0, "picture", [thumbnail(picture) for picture in pictures])
    st.dataframe(
        frame,
        hide_index=True,
        row_height=50,
        height=40 + 50 * len(frame),
        column_config={
            "picture": st.column_config.ImageColumn(_("picture"), width="small"),
            "distance": st.column_config.NumberColumn(format="%.3g"),
        },
        alt=_("Nearest neighbours"),
    )


def _points(look: Inspected, split: str, size: int) -> Points:
    """Computed once, with a bar: the network looks at every sample."""
    key = (look.fingerprint, split, size)
    kept: dict[object, Points] = st.session_state.setdefault("inspect_points_kept", {})
    if key not in kept:
        part = part_of(look.data, split)
        rows = chosen_rows(part, size, seed=0)
        bar = st.progress(0.0, _("The network looks at {n:,} samples").format(n=len(rows)))
        features, pictures, done = [], [], 0
        for inputs, _targets in batches_of(part, rows, AT_ONCE):
            features.append(features_of(look, inputs))
            if len(look.data.input_shape) == 3:
                pictures.append(pictures_of(look.data, inputs))
            done += len(inputs)
            bar.progress(0.7 * done / len(rows))

        def watch(number: int) -> bool:
            bar.progress(min(1.0, 0.7 + 0.3 * number / len(rows)))
            return True

        found = answers(look, split, rows, watch=watch)
        assert found is not None
        atlas = _atlas(np.concatenate(pictures)) if pictures else ""
        kept.clear()
        kept[key] = Points(split, rows, np.concatenate(features), found.targets, found.predictions, atlas)
        bar.empty()
    return kept[key]


def _columns(samples: int) -> int:
    return max(1, int(np.ceil(np.sqrt(samples))))


def _atlas(pictures: np.ndarray) -> str:
    """All pictures [N, C, H, W] in one, row by row, without gaps."""
    tiles = as_bytes(pictures)
    count, channels, height, width = tiles.shape
    columns = _columns(count)
    rows = -(-count // columns)
    sheet = np.zeros((rows * columns, channels, height, width), np.uint8)
    sheet[:count] = tiles
    grid = sheet.reshape(rows, columns, channels, height, width).transpose(0, 3, 1, 4, 2)
    picture = grid.reshape(rows * height, columns * width, channels)
    return data_url(picture[..., 0] if channels == 1 else picture)
