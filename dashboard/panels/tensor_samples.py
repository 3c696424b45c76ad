"""Samples of a distribution, with what is expected of very many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.charts.tensor_samples import samples_chart
from dashboard.language import _
from dashboard.panels.plot import plot
from models.tensor_operation import Operation, performed, values_of


def tensor_samples(row: Operation, settings: Mapping[str, Any], words: Mapping[str, str]) -> tuple[str, ...]:
    """The chart and both means; the lines of PyTorch. ValueError and RefusedError as `performed` has them."""
    outcome = performed(row, settings)
    values = values_of(row, settings)[1]
    drawn = outcome.outputs[0]
    if row.distribution is None:
        raise ValueError(f"{row.name} shows samples and names no distribution; give its row one")
    parameters = {name: value for name, value in values.items() if name not in ("samples", "seed")}
    distribution = row.distribution(**parameters)
    plot(
        samples_chart(drawn, distribution),
        "tensors_samples",
        380,
        description=_("Samples and what is expected"),
    )
    st.caption(words["samples"])
    return outcome.lines
