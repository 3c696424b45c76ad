"""A stack of layers that the reader writes, with what each of them costs and sees."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from dashboard.language import _
from dashboard.panels.beside import beside
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.escape import plain
from models.convolution_stack import StackRow, parsed_stack, stack_rows

FIRST = "c16k3p1 m2 c32k3p1 m2 d c64k1"


@st.fragment
def convolution_stack(words: Mapping[str, str]) -> None:
    """Runs again by itself when the text or a slider changes."""
    left, right = beside("convolution_stack")
    with left:
        text = st.text_input(
            _("Layers"), FIRST, 400, "convolution_stack", bind="query-params", help=words["stack"]
        )  # fmt: skip
        size = bound_slider(_("Picture (pixels a side)"), 8, 256, 32, "convolution_size", step=4)
        channels = bound_slider(_("Its channels"), 1, 16, 3, "convolution_channels")
    with right:
        try:
            rows = stack_rows(parsed_stack(text), channels, size)
        except ValueError as problem:
            st.warning(plain(str(problem)))
            return
        large = st.column_config.NumberColumn(format="localized")
        st.dataframe(
            _table(rows), hide_index=True, alt=_("Layers of the stack"),
            column_config={_("parameters"): large, _("multiply-adds"): large},
        )  # fmt: skip
        st.caption(
            _("In all {parameters:,} parameters, {work:,} multiply-adds; a last unit sees {field}.").format(
                parameters=sum(row.parameters for row in rows),
                work=sum(row.multiply_adds for row in rows),
                field=f"{rows[-1].field} × {rows[-1].field}",
            )
        )
        st.caption(words["separable"])


def _table(rows: list[StackRow]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            _("layer"): [_(row.layer.kind) for row in rows],
            _("kernel"): [f"{row.layer.kernel} × {row.layer.kernel}" for row in rows],
            _("stride"): [row.layer.stride for row in rows],
            _("padding"): [row.layer.padding for row in rows],
            _("groups"): [row.groups for row in rows],
            _("comes out"): [f"{row.channels} × {row.size} × {row.size}" for row in rows],
            _("parameters"): [row.parameters for row in rows],
            _("multiply-adds"): [row.multiply_adds for row in rows],
            _("receptive field"): [f"{row.field} × {row.field}" for row in rows],
        }
    )
