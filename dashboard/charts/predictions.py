"""What a network said of each test sample, as tables and one chart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.theme import LIGHT

COLUMNS = ["index", "target", "prediction", "confidence"]


def prediction_table(
    index: np.ndarray,
    target: np.ndarray,
    prediction: np.ndarray,
    probabilities: np.ndarray | None,
    class_names: Sequence[str] = (),
) -> pd.DataFrame:
    """Wrong samples first, those told wrong with the most confidence first of all.

    `confidence` is the probability of what was predicted, NaN where the network gave none. Of a regression,
    which has no classes, the largest errors come first, in a column `error`.
    """
    if probabilities is None and not len(class_names):
        frame = pd.DataFrame({"index": index, "target": target, "prediction": prediction})
        frame["error"] = frame["prediction"] - frame["target"]
        return frame.iloc[np.argsort(-np.abs(frame["error"].to_numpy()), kind="stable")].reset_index(
            drop=True
        )
    predicted = prediction.astype(int)
    confidence = _confidence(probabilities, predicted)
    wrong = target != prediction
    order = np.lexsort((-np.nan_to_num(confidence), ~wrong))
    frame = pd.DataFrame(
        {
            "index": index,
            "target": [_name(number, class_names) for number in target.astype(int)],
            "prediction": [_name(number, class_names) for number in predicted],
            "confidence": confidence,
            "right": ~wrong,
        }
    )
    return frame.iloc[order].reset_index(drop=True)


def errors_chart(target: np.ndarray, prediction: np.ndarray, unit: str = "target") -> go.Figure:
    """Of a regression: predictions over targets, and the line on which all would be right."""
    figure = go.Figure(
        go.Scattergl(
            x=target,
            y=prediction,
            mode="markers",
            marker={"size": 4, "opacity": 0.5, "color": LIGHT.categorical[0]},
            hovertemplate="target %{x:.4g}<br>prediction %{y:.4g}<extra></extra>",
            showlegend=False,
        )
    )
    ends = [float(np.nanmin(target)), float(np.nanmax(target))] if len(target) else [0.0, 1.0]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", name="right", line={"color": LIGHT.categorical[1], "dash": "dash"}
    )
    figure.update_xaxes(title=unit)
    figure.update_yaxes(title="prediction")
    return figure


def _confidence(probabilities: np.ndarray | None, predicted: np.ndarray) -> np.ndarray:
    """Of what was predicted. A single column is the probability of class 1."""
    if probabilities is None:
        return np.full(len(predicted), np.nan)
    if probabilities.shape[1] == 1:
        of_one = probabilities[:, 0]
        return np.where(predicted == 1, of_one, 1 - of_one)
    return probabilities[np.arange(len(predicted)), predicted]


def _name(number: int, class_names: Sequence[str]) -> str:
    return class_names[number] if 0 <= number < len(class_names) else str(number)
