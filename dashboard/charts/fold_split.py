"""Who is in which fold: a line for each fold, a column for each sample, coloured by its role."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import plotly.graph_objects as go

from dashboard.theme import LIGHT, SPLITS

ROLES = ("unused", "train", "validation", "test")  # a cell's number is its place here
COLORS = (LIGHT.surface, LIGHT.sequential[2], SPLITS["validation"], SPLITS["test"])
COLUMNS = 900  # samples drawn: more than there are pixels for would only be averaged by the eye
SPOKEN = 40_000  # cells; more have no text under the cursor, which would weigh more than the picture
LINES = 240  # folds drawn: of leave-one-out with more, evenly spaced ones


@dataclass(frozen=True)
class SplitPicture:
    """The cells of the picture, thinned where there are more than it has room for."""

    cells: np.ndarray  # uint8 [lines, columns]: places in ROLES
    folds: tuple[tuple[int, int], ...]  # (repeat, fold) of each line
    samples: np.ndarray  # int64 [columns]: the sample's place in the data set
    classes: np.ndarray | None  # int64 [columns], ascending; None in a regression
    all_folds: int
    all_samples: int


class FoldLike(Protocol):
    """What training.fold_schemes.Fold has: its parts are int64 indices into the data set."""

    @property
    def repeat(self) -> int: ...
    @property
    def fold(self) -> int: ...
    @property
    def split(self) -> Any: ...  # training.splits.Split: train, validation, test


def split_picture(
    folds: Sequence[FoldLike],
    classes: np.ndarray | None,
    columns: int = COLUMNS,
    lines: int = LINES,
    dealt: bool = False,
) -> SplitPicture:
    """Samples are sorted by class (`classes` [data set] is by index), then by their place in the data set.

    `dealt`: within a class by the fold that judges them first, as cards are dealt to piles. What is even
    about a split is seen so: every class in as many equal steps as there are folds.
    Thinning keeps evenly spaced samples and folds, so that every class keeps its share of the picture. A
    sample that both chooses and judges is drawn as judging.
    """
    kept = [folds[place] for place in _evenly(len(folds), lines)]
    parts = [getattr(fold.split, role) for fold in folds[:1] for role in ROLES[1:]]
    parts += [fold.split.test for fold in folds]
    samples = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
    if dealt:
        samples = samples[np.argsort(_first_judge(folds, samples), kind="stable")]
    if classes is not None:
        samples = samples[np.argsort(classes[samples], kind="stable")]
    shown = samples[_evenly(len(samples), columns)]
    column = np.full(int(samples.max(initial=-1)) + 1, -1)
    column[shown] = np.arange(len(shown))
    cells = np.zeros((len(kept), len(shown)), np.uint8)
    for line, fold in enumerate(kept):
        for role in ROLES[1:]:
            places = column[getattr(fold.split, role)]
            cells[line, places[places >= 0]] = ROLES.index(role)
    return SplitPicture(
        cells,
        tuple((fold.repeat, fold.fold) for fold in kept),
        shown,
        None if classes is None else classes[shown],
        len(folds),
        len(samples),
    )


def _first_judge(folds: Sequence[FoldLike], samples: np.ndarray) -> np.ndarray:
    """int64 [samples]: the place of the first fold that tests each; those that none tests come last."""
    judge = np.full(int(samples.max(initial=-1)) + 1, len(folds))
    for place in reversed(range(len(folds))):
        judge[folds[place].split.test] = place
    return np.asarray(judge[samples])


def split_chart(picture: SplitPicture, class_names: Sequence[str] = ()) -> go.Figure:
    """The picture with its legend above and, where there are classes, their names below."""
    lines, columns = picture.cells.shape
    repeats = len({repeat for repeat, _fold in picture.folds}) > 1
    names = [fold_name(repeat, fold, repeats) for repeat, fold in picture.folds]
    spoken = picture.cells.size <= SPOKEN
    figure = go.Figure(
        go.Heatmap(
            z=picture.cells,
            x=np.arange(columns),
            y=np.arange(lines),
            customdata=_hover(picture, names, class_names) if spoken else None,
            hovertemplate="%{customdata}<extra></extra>" if spoken else None,
            hoverinfo=None if spoken else "skip",
            colorscale=_steps(COLORS),
            zmin=0,
            zmax=len(ROLES) - 1,
            showscale=False,
            ygap=1 if lines <= 60 else 0,
        )
    )
    for number in np.unique(picture.cells):  # the heatmap has no legend of its own
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=ROLES[number],
            marker={
                "symbol": "square",
                "size": 11,
                "color": COLORS[number],
                "line": {"width": 1, "color": LIGHT.border},
            },
            hoverinfo="skip",
        )
    ticks = _evenly(lines, 20)
    figure.update_yaxes(
        tickvals=ticks,
        ticktext=[names[tick] for tick in ticks],
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    title = "samples" if picture.classes is None else "samples, class by class"
    figure.update_xaxes(title=title, showgrid=False, zeroline=False)
    if picture.classes is None:
        figure.update_xaxes(showticklabels=False, ticks="")  # a column is no sample's number once thinned
    else:
        _class_axis(figure, picture.classes, class_names)
    figure.update_layout(
        showlegend=True,
        legend={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 1.02,
            "yanchor": "bottom",
            "itemclick": False,
        },
        margin={"l": 72, "r": 12, "t": 40, "b": 52},
    )
    return figure


def fold_name(repeat: int, fold: int, repeats: bool) -> str:
    """Counted from 1, as people count."""
    return f"repeat {repeat + 1} · fold {fold + 1}" if repeats else f"fold {fold + 1}"


def _class_axis(figure: go.Figure, classes: np.ndarray, class_names: Sequence[str]) -> None:
    """Names in the middle of each class, and a line where the next begins."""
    present, first = np.unique(classes, return_index=True)
    ends = np.append(first[1:], len(classes))
    names = [_class_name(number, class_names) for number in present]
    kept = _evenly(len(present), 24)
    figure.update_xaxes(
        tickvals=[(first[place] + ends[place] - 1) / 2 for place in kept],
        ticktext=[html.escape(names[place][:12]) for place in kept],
        ticks="",
    )
    if len(present) <= 60:
        for edge in first[1:]:
            figure.add_vline(x=edge - 0.5, line={"width": 1, "color": LIGHT.quiet})


def _hover(picture: SplitPicture, names: Sequence[str], class_names: Sequence[str]) -> list[list[str]]:
    """A text for each cell."""
    tails = [f"sample {sample:,}" for sample in picture.samples]
    if picture.classes is not None:
        kinds = [html.escape(_class_name(number, class_names)) for number in picture.classes]
        tails = [f"{tail} · {kind}" for tail, kind in zip(tails, kinds, strict=True)]
    return [
        [f"{tails[column]}<br>{names[line]}: {ROLES[cell]}" for column, cell in enumerate(row)]
        for line, row in enumerate(picture.cells)
    ]


def _class_name(number: int, class_names: Sequence[str]) -> str:
    return str(class_names[number]) if 0 <= number < len(class_names) else str(number)


def _evenly(count: int, most: int) -> np.ndarray:
    """At most `most` places of `count`, evenly spaced, the first and the last among them."""
    return (
        np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
        if count
        else np.empty(0, int)
    )


def _steps(colors: Sequence[str]) -> list[list[float | str]]:
    """A colour scale without transitions."""
    width = 1 / len(colors)
    return [[round(end, 6), color] for n, color in enumerate(colors) for end in (n * width, (n + 1) * width)]
