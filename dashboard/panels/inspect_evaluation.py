"""How good a classifier is, where it fails, and whether its confidence can be believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dashboard.charts.confusion import class_scores, confusion_chart, worst_confusions
from dashboard.charts.predictions import errors_chart
from dashboard.charts.thresholds import corruption_chart
from dashboard.language import _, count, texts
from dashboard.panels.bounded import bounded_choice, noted_problem
from dashboard.panels.inspect_calibration import calibration_part
from dashboard.panels.inspect_data import sample_table
from dashboard.panels.inspect_look import look_of
from dashboard.panels.inspect_threshold import threshold_part
from dashboard.panels.inspect_work import background_look
from dashboard.panels.plot import plot
from dashboard.panels.run_store import run_reader
from logs.tables import Table
from models.corruptions import CORRUPTIONS
from training.calibration import probability_scores
from training.evaluation import confusion, least_sure, worst_mistakes
from training.inspected import SPLITS, Inspected, answers, chosen_rows, part_of
from training.inspection_settings import InspectionSettings
from training.tasks import TASKS

if TYPE_CHECKING:
    from dashboard.inspect_subject import Subject

SHOWN = 40  # samples in a table
CELL = "inspect_cell"
ALL = 200_000
ASKED = 2000  # samples that a network from elsewhere is asked about


@dataclass(frozen=True)
class Judged:
    """Predictions of one split: classes [samples], probabilities [samples, classes], places in the split."""

    split: str
    rows: np.ndarray
    targets: np.ndarray
    said: np.ndarray
    shares: np.ndarray


def evaluation_tab(subject: Subject) -> None:
    """Everything that follows from what the network said of each sample of a split."""
    words = texts("inspect_model")
    look = look_of(subject)
    if look is None:
        return
    if TASKS[look.data.task].by_neighbours:
        st.info(words["only_classes"], icon=":material/category:")
        return
    splits = [split for split in SPLITS if len(getattr(look.data, split))]
    split = bounded_choice(_("Samples"), splits, splits[0], "inspect_judged", _)
    saved = _saved(look, split)
    if saved is not None:
        _judged(look, saved, words)
    elif look.directory is None:
        asked_now = _asked(look, split)
        if asked_now is not None:
            _judged(look, asked_now, words)
    else:
        asked = InspectionSettings(
            run=look.directory.id, checkpoint=look.checkpoint, look="predictions", split=split, samples=ALL
        )
        background_look(
            asked,
            _("Ask the network"),
            words["no_predictions"],
            lambda table: _shown(look, split, table, words),
        )


def _saved(look: Inspected, split: str) -> Judged | None:
    """What the run itself saved, if that was with these very weights."""
    if look.directory is None:
        return None
    reader = run_reader(look.directory.path)
    reader.refresh()
    table = reader.predictions(split)
    if not table.num_rows or int(table["step"][0].as_py()) != look.position.get("step"):
        return None
    if look.data.num_classes is None or table["probabilities"].null_count:
        return None
    shares = table["probabilities"].combine_chunks()
    index, target, said = (table[name].to_numpy() for name in ("index", "target", "prediction"))
    return _checked(look, split, index, target, said, shares.flatten().to_numpy().reshape(len(index), -1))


def _asked(look: Inspected, split: str) -> Judged | None:
    """What a network from elsewhere says, asked here and now, with a bar; kept for this session."""
    kept: dict[object, Judged | None] = st.session_state.setdefault("inspect_asked", {})
    key = (look.fingerprint, look.data.name, split)
    if key not in kept:
        rows = chosen_rows(part_of(look.data, split), ASKED, seed=0)
        bar = st.progress(0.0, _("The network looks at {n:,} samples").format(n=len(rows)))

        def watch(done: int) -> bool:
            bar.progress(min(1.0, done / len(rows)))
            return True

        found = answers(look, split, rows, watch=watch)
        assert found is not None
        assert found.probabilities is not None
        kept.clear()
        kept[key] = _checked(look, split, found.index, found.targets, found.predictions, found.probabilities)
        bar.empty()
    return kept[key]


def _shown(look: Inspected, split: str, table: Table, words: Mapping[str, str]) -> None:
    index, target, said = (table.rows[name].to_numpy() for name in ("index", "target", "prediction"))
    if "probabilities" not in table.rows.column_names:
        plot(errors_chart(target, said), "inspect_errors", 420, description=_("Predictions over targets"))
        return
    shares = table.rows["probabilities"].combine_chunks().flatten().to_numpy().reshape(len(index), -1)
    judged = _checked(look, split, index, target, said, shares)
    if judged is not None:
        _judged(look, judged, words)


def _checked(
    look: Inspected, split: str, index: np.ndarray, target: np.ndarray, said: np.ndarray, shares: np.ndarray
) -> Judged | None:
    """With places in the split; None where the samples are not those of the split any more."""
    places = part_of(look.data, split).indices
    rows = np.searchsorted(places, index)
    if len(rows) and (rows.max() >= len(places) or not np.array_equal(places[rows], index)):
        return None
    if shares.shape[1] == 1:
        shares = np.concatenate([1 - shares, shares], axis=1)
    wide = shares.astype(np.float64)
    return Judged(
        split, rows, target.astype(np.int64), said.astype(np.int64), wide / wide.sum(axis=1, keepdims=True)
    )


def _judged(look: Inspected, judged: Judged, words: Mapping[str, str]) -> None:
    names = look.data.class_names
    scores = probability_scores(judged.targets, judged.shares)
    counts = confusion(judged.targets, judged.said, len(names))
    table = class_scores(counts, names)
    with st.container(horizontal=True, gap="large"):
        st.metric(_("Accuracy"), f"{(judged.said == judged.targets).mean():.2%}")
        st.metric(_("Mean F1 of classes"), f"{float(np.nanmean(table['F1'])):.3f}", help=words["macro"])
        st.metric(_("Log loss"), f"{scores.log_loss:.4f}", help=_("nats; guessing the classes' shares: ")
                  + f"{scores.baseline_log_loss:.3f}")  # fmt: skip
        st.metric(_("Samples"), f"{len(judged.targets):,}")
    _matrix(look, judged, counts, words)
    st.subheader(_("Each class"))
    percent = st.column_config.NumberColumn(format="percent")
    st.dataframe(
        table, hide_index=True, column_config=dict.fromkeys(("precision", "recall", "F1"), percent),
        alt=_("Scores per class"),
    )  # fmt: skip
    threshold_part(judged.targets, judged.shares, names, words)
    calibration_part(judged.targets, judged.shares, words)
    _samples(look, judged)
    _corruptions(look, judged.split, words)


def _matrix(look: Inspected, judged: Judged, counts: np.ndarray, words: Mapping[str, str]) -> None:
    """The matrix at the left; at the right the samples of the cell that was clicked."""
    names = look.data.class_names
    left, right = st.columns([3, 2], gap="medium")
    with left:
        mistakes = st.toggle(_("mistakes only"), key="inspect_mistakes", bind="query-params")
        figure = confusion_chart(counts, names, "counts", bool(mistakes))
        clicked = plot(
            figure, "inspect_confusion", height=500, on_click=True, description=_("Confusion matrix")
        )
        if clicked is not None:
            st.session_state[CELL] = f"{int(clicked['y'])}-{int(clicked['x'])}"
            st.query_params[CELL] = st.session_state[CELL]
    with right:
        cell = _cell(counts)
        if cell is None:
            st.info(words["no_cell"], icon=":material/touch_app:")
            worst = worst_confusions(counts, names)
            if not worst.empty:
                st.dataframe(
                    worst, hide_index=True, alt=_("Most frequent mistakes"),
                    column_config={"share": st.column_config.NumberColumn(format="percent")},
                )  # fmt: skip
            return
        row, column = cell
        chosen = np.flatnonzero((judged.targets == row) & (judged.said == column))
        stated = judged.shares[chosen, column]
        order = chosen[np.argsort(-stated, kind="stable")][:SHOWN]
        st.markdown(f"**{count(len(chosen), '{n} sample', '{n} samples')}**")
        st.text(_("{one} taken for {other}").format(one=names[row], other=names[column]))
        if len(order):
            _table(look, judged, order, _("Samples of the cell"))


def _cell(counts: np.ndarray) -> tuple[int, int] | None:
    """The chosen cell, from a click or the address."""
    said = st.session_state.get(CELL) or st.query_params.get(CELL, "")
    if not said:
        return None
    try:
        row, column = (int(part) for part in str(said).split("-"))
        if 0 <= row < len(counts) and 0 <= column < len(counts):
            st.session_state[CELL] = f"{row}-{column}"
            return row, column
    except ValueError:
        pass
    noted_problem(
        CELL,
        _("{name} in the address is {value}; it must be two class numbers, as in 3-5, below {n}.").format(
            name=CELL, value=repr(said), n=len(counts)
        ),
    )
    st.session_state.pop(CELL, None)
    return None


def _samples(look: Inspected, judged: Judged) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader(_("Worst mistakes"))
        st.caption(_("Told wrong, and surest of it."))
        worst = worst_mistakes(judged.targets, judged.shares)[:SHOWN]
        if len(worst):
            _table(look, judged, worst, _("Worst mistakes"))
        else:
            st.caption(_("None: every sample was told right."))
    with right:
        st.subheader(_("Least sure"))
        st.caption(_("The two likeliest classes lie closest together."))
        _table(look, judged, least_sure(judged.shares)[:SHOWN], _("Least sure"))


def _table(look: Inspected, judged: Judged, chosen: np.ndarray, title: str) -> None:
    stated: Any = judged.shares[chosen, judged.said[chosen]]
    sample_table(
        look, judged.split, judged.rows[chosen], judged.said[chosen], stated, judged.targets[chosen], title
    )


def _corruptions(look: Inspected, split: str, words: Mapping[str, str]) -> None:
    if len(look.data.input_shape) != 3 or look.directory is None:
        return
    st.subheader(_("Scores under corruptions"))
    st.caption(words["corruptions"])
    asked = InspectionSettings(
        run=look.directory.id, checkpoint=look.checkpoint, look="corruptions", split=split, samples=500
    )

    def draw(table: Table) -> None:
        frame = table.frame
        lines = {
            name: frame[frame["corruption"] == name].sort_values("severity")["accuracy"].tolist()
            for name in CORRUPTIONS.names()
            if name in set(frame["corruption"])
        }
        titles = {row.name: _(row.title) for row in CORRUPTIONS}
        plot(
            corruption_chart(lines, titles, 1 / len(look.data.class_names)),
            "inspect_corruptions", height=360, description=_("Accuracy under corruptions"),
        )  # fmt: skip
        st.caption(_("{n:,} samples at each severity.").format(n=int(table.about["samples"])))

    background_look(asked, _("Measure"), words["no_corruptions"], draw)
