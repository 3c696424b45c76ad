"""The confusion matrix: which class was taken for which, and what follows from it for each class."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.theme import LIGHT, color_scale

Norm = Literal["counts", "target", "prediction"]

WRITTEN = 20  # up to so many classes, each cell says its number
LONGEST = 14  # letters of a class name on an axis; the whole name is under the cursor


def shares(counts: np.ndarray, norm: Norm) -> np.ndarray:
    """Of counts[target, prediction], each cell's share of its row ("target") or column ("prediction").

    "counts" leaves them as they are. A row or column without samples gives NaN, not zero.
    """
    counts = _square(counts)
    if norm == "counts":
        return counts
    totals = counts.sum(axis=1 if norm == "target" else 0, keepdims=True)
    return np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)


def class_scores(counts: np.ndarray, class_names: Sequence[str]) -> pd.DataFrame:
    """Per class: samples, precision, recall and F1, from counts[target, prediction].

    A class that was never predicted has no precision, one without samples no recall: NaN.
    """
    counts = _square(counts)
    right, wanted, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    both = wanted + predicted
    return pd.DataFrame(
        {
            "class": list(class_names),
            "samples": wanted.astype(np.int64),
            "precision": _ratio(right, predicted),
            "recall": _ratio(right, wanted),
            "F1": _ratio(2 * right, both),
        }
    )


def worst_confusions(counts: np.ndarray, class_names: Sequence[str], most: int = 10) -> pd.DataFrame:
    """The most frequent mistakes: the class, what it was taken for, how often, and of how many percent."""
    counts = _square(counts)
    mistakes = counts.copy()
    np.fill_diagonal(mistakes, 0)
    order = np.argsort(-mistakes, axis=None, kind="stable")[:most]
    rows, columns = np.unravel_index(order[mistakes.ravel()[order] > 0], counts.shape)
    return pd.DataFrame(
        {
            "class": [class_names[row] for row in rows],
            "taken for": [class_names[column] for column in columns],
            "samples": mistakes[rows, columns].astype(np.int64),
            "share": shares(counts, "target")[rows, columns],
        }
    )


def confusion_chart(
    counts: np.ndarray,
    class_names: Sequence[str],
    norm: Norm = "counts",
    mistakes_only: bool = False,
    title: str = "",
) -> go.Figure:
    """The matrix as a heatmap: a row for each true class, a column for each predicted one.

    With `mistakes_only` the diagonal is left out, so that the colours tell the mistakes apart.
    """
    counts = _square(counts)
    if len(class_names) != len(counts):
        raise ValueError(
            f"{len(class_names)} class names for a matrix of {len(counts)} classes; give each a name"
        )
    values = shares(counts, norm)
    shown = np.where(np.eye(len(counts), dtype=bool), np.nan, values) if mistakes_only else values
    numbers = list(range(len(counts)))
    names = [html.escape(_short(name)) for name in class_names]
    axis = {"tickvals": numbers, "ticktext": names, "showgrid": False, "zeroline": False}
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=numbers,
            y=numbers,
            text=_written(shown, norm) if len(counts) <= WRITTEN else None,
            texttemplate="%{text}" if len(counts) <= WRITTEN else None,
            customdata=_hover(counts, class_names),
            hovertemplate="%{customdata}<extra></extra>",
            colorscale=color_scale(LIGHT.sequential),
            zmin=0,
            zmax=None if norm == "counts" or mistakes_only else 1,
            xgap=1,
            ygap=1,
            colorbar={"thickness": 12, "tickformat": "d" if norm == "counts" else ".0%", "outlinewidth": 0},
        )
    )
    figure.update_layout(title=title)
    figure.update_traces(showscale=len(counts) > WRITTEN)  # numbers in the cells say more than a scale
    figure.update_xaxes(title="predicted class", constrain="domain", constraintoward="left", **axis)
    figure.update_yaxes(title="true class", autorange="reversed", scaleanchor="x", constrain="domain", **axis)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def _square(counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"a confusion matrix is square; this one has the shape {counts.shape}")
    return counts


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)


def _written(values: np.ndarray, norm: Norm) -> list[list[str]]:
    """The cells' texts: zeros stay empty, so that the eye finds the mistakes."""
    template = "{:,.0f}" if norm == "counts" else "{:.0%}"
    return [[template.format(value) if value > 0 else "" for value in row] for row in values]


def _hover(counts: np.ndarray, class_names: Sequence[str]) -> list[list[str]]:
    names = [html.escape(name) for name in class_names]  # a folder's name is data, not Plotly's markup
    totals = counts.sum(axis=1)
    texts = []
    for row, total in enumerate(totals):
        cells = []
        for column, number in enumerate(counts[row]):
            share = f" ({number / total:.1%})" if total else ""
            cells.append(f"{names[row]} taken for {names[column]}<br>{number:,.0f} of {total:,.0f}{share}")
        texts.append(cells)
    return texts
