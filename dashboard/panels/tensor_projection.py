"""PCA and LDA on real data: samples along the first directions, what each holds, and what it is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st
import torch
from torch import Tensor

from dashboard.charts.tensor_projection import (
    directions_chart,
    pictures_chart,
    projection_chart,
    shares_chart,
)
from dashboard.language import _
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.plot import plot
from models.projections import Projection, rebuilt
from models.tensor_operation import Operation, performed, values_of

SIDE = 8  # of a digit's picture


class Table(NamedTuple):
    """A real data set: x [samples, features], a class for each sample, and names."""

    x: Tensor
    labels: Tensor
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]


@st.cache_resource(max_entries=4)
def real_table(name: str) -> Table:
    """iris or digits, as scikit-learn brings them along."""
    from sklearn import datasets

    loaded = {"iris": datasets.load_iris, "digits": datasets.load_digits}[name]()
    return Table(
        torch.tensor(loaded.data, dtype=torch.float64),
        torch.tensor(loaded.target),
        tuple(str(each) for each in loaded.target_names),
        tuple(str(each) for each in loaded.feature_names),
    )


@st.cache_resource(max_entries=64)
def _found(name: str, settings: tuple[tuple[str, Any], ...]) -> tuple[Projection, tuple[str, ...]]:
    """The projection and its lines; kept, since the picture below has a slider of its own."""
    from models.tensor_operations import TENSOR_OPERATIONS

    row, table = TENSOR_OPERATIONS[name], real_table(str(dict(settings)["data"]))
    outcome = performed(row, dict(settings), (table.x, table.labels))
    if row.projection is None:
        raise ValueError(f"{row.name} shows a projection and names none; give its row one")
    return row.projection(table.x, table.labels, **values_of(row, dict(settings))[1]), outcome.lines


def tensor_projection(
    row: Operation, settings: Mapping[str, Any], words: Mapping[str, str]
) -> tuple[str, ...]:
    """Two charts side by side and one below; the lines of PyTorch. RefusedError as `performed` has it."""
    projection, lines = _found(row.name, tuple(settings.items()))
    table = real_table(str(settings["data"]))
    coordinates = projection.coordinates.numpy()
    with st.grid(2, min_column_width=320):
        chart = projection_chart(coordinates, table.labels.numpy(), table.class_names, _("direction"))
        plot(chart, "tensors_projection", 400, description=_("Samples along the first two directions"))
        shares = shares_chart(projection.shares.numpy(), len(projection.directions), projection.of_a_whole)
        plot(shares, "tensors_shares", 400, description=_("What each direction holds"))
    st.caption(words["pca"] if projection.of_a_whole else words["lda"])
    if settings["data"] == "iris":
        made_of = directions_chart(projection.directions.numpy(), table.feature_names)
        plot(made_of, "tensors_directions", 300, description=_("What the directions are made of"))
    else:
        _pictures(table, projection)
    return lines


def _pictures(table: Table, projection: Projection) -> None:
    """Directions of digits are pictures; from components a digit can be put together again."""
    directions = [each.reshape(SIDE, SIDE).numpy() for each in projection.directions[:6]]
    names = [f"{_('direction')} {place + 1}" for place in range(len(directions))]
    plot(
        pictures_chart(directions, names, signed=True),
        "tensors_directions",
        170,
        description=_("Directions as pictures"),
    )
    if not projection.of_a_whole:
        return
    sample = bound_slider(_("Digit to rebuild"), 0, len(table.x) - 1, 0, "tensors_sample")
    kept = len(projection.directions)
    made = _rebuilt(kept, sample).reshape(SIDE, SIDE).numpy()
    given = table.x[sample].reshape(SIDE, SIDE).numpy()
    names = [_("given"), _("from {n} components").format(n=kept)]
    chart = pictures_chart([given, made], names, signed=False)
    plot(chart, "tensors_rebuilt", 220, description=_("A digit and what its components make of it"))


@st.cache_resource(max_entries=256)
def _rebuilt(components: int, sample: int) -> Tensor:
    return rebuilt(real_table("digits").x, components, sample)
