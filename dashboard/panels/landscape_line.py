"""A landscape of one direction: the losses along it and, between two networks, what both ends are."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.landscape_lines import Line, line_chart
from dashboard.language import _
from dashboard.panels.landscape_card import line_downloads
from dashboard.panels.landscape_table import Found, called
from dashboard.panels.plot import plot

HEIGHT = 440


def line_picture(
    found: Found, path: Found | None, what: str, log: bool, drawn: str, names: Mapping[str, str]
) -> None:
    """The chart, the two networks it joins with their own scores, and how high the way between them is.
    `drawn` says how the direction was, `names` what runs are called.
    """
    description = _("Loss along a line")
    plot(line_chart(Line(*found), what, log), "landscape_line", HEIGHT, description=description)
    if path is not None:
        _ends(path[0], found[0], bool(found[1]["accuracy"]), names)
    line_downloads(found, description, log, drawn, names)


def _ends(ends: pd.DataFrame, points: pd.DataFrame, classes: bool, names: Mapping[str, str]) -> None:
    scores = [
        f"{split}_{name}" for name in ("loss", "accuracy")[: 1 + classes] for split in ("train", "test")
    ]
    shown = ends[["checkpoint", *scores]].rename(columns={"checkpoint": "network"})
    shown["network"] = [called(name, names) for name in shown["network"]]
    shown.insert(0, "end", [_("first"), _("second")][: len(shown)])
    st.dataframe(
        shown,
        hide_index=True,
        key="landscape_ends",
        column_config={
            "end": st.column_config.TextColumn("", width=60),
            "network": st.column_config.TextColumn(_("Network"), width="medium"),
            **{
                name: st.column_config.NumberColumn(
                    _(name.replace("_", " ")), format="percent" if name.endswith("accuracy") else "%.4g"
                )
                for name in scores
            },
        },
    )
    between = points[points["a"].between(0, 1) & np.isfinite(points["train_loss"])]
    if len(between) and len(ends) == 2:
        top = between.loc[between["train_loss"].idxmax()]
        words = _("Highest training loss between both: {top:.4g}, at {place:.0%} of the way.")
        st.caption(words.format(top=float(top["train_loss"]), place=float(top["a"])))
