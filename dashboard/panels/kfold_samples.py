"""The samples that the folds' networks get wrong, and which networks miss one of them."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.gallery import gallery_chart, gallery_height
from dashboard.charts.samples import data_url, picture_grid
from dashboard.kfold_study import KFoldStudy
from dashboard.language import _, count
from dashboard.navigation import page_file
from dashboard.panels.bounded import bounded_choice, noted_problem
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot
from dashboard.panels.study_samples import study_samples
from dashboard.settings import Settings

COLUMNS = 8
SHOWN = (24, 48, 96)
SAMPLE = "kfold_sample"  # the part of the address: the sample that is looked at


def kfold_samples(study: KFoldStudy, settings: Settings, nothing: str, none_missed: str) -> None:
    """The hardest samples as pictures or as a table; the chosen one with what each network said of it."""
    if not len(study.predictions):
        st.info(nothing)
        return
    hard = study.missed
    if hard is None:
        _regression(study)
        return
    always = int((hard["missed"] == hard["judged"]).sum())
    judged = study.repeat_count
    words = (
        _(
            "**{always:,}** samples are missed by every network that judged them, **{some:,}** by at least "
            "one of {n}."
        )
        if judged > 1
        else _(
            "**{always:,}** samples are missed by the one network that never saw them. With repeats, "
            "several judge each."
        )
    )
    st.markdown(words.format(always=always, some=len(hard), n=judged))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if judged > 1:
            which = bounded_choice(
                _("Missed by"), ("all", "some"), "all", "kfold_missed",
                lambda name: _("every network") if name == "all" else _("at least one"),
            )  # fmt: skip
            hard = hard[hard["missed"] == hard["judged"]] if which == "all" else hard
        names = tuple(str(name) for name in study.class_names)
        options = ["", *names]
        kind = st.selectbox(
            _("Class"), options, key="kfold_hard_class", bind="query-params", width=200,
            format_func=lambda name: name or _("any"),
        )  # fmt: skip
        most = bounded_choice(_("Show"), SHOWN, 48, "kfold_hard_shown")
    if kind in names:
        hard = hard[hard["target"] == names.index(kind)]
    if hard.empty:
        st.caption(none_missed)
        return
    shown = hard.head(most)
    samples = study_samples(study.config_text, str(settings.data))
    pictures = _pictures(samples, shown["index"].to_numpy(np.int64))
    chosen = _chosen(shown)
    boxes = st.grid(2, min_column_width=380, gap="medium")
    with boxes.cell():
        if pictures is not None:
            clicked = plot(
                gallery_chart(
                    pictures,
                    _captions(shown, names),
                    _hovers(shown, names),
                    shown["index"].tolist(),
                    COLUMNS,
                    chosen,
                ),
                "kfold_gallery",
                height=gallery_height(len(shown), COLUMNS),
                on_click=True,
                description=_("Samples that the networks get wrong"),
            )
            if clicked and clicked.get("customdata") is not None:
                st.query_params[SAMPLE] = str(int(clicked["customdata"]))
                st.rerun(scope="fragment")
        else:
            _table(shown, names)
        if len(hard) > len(shown):
            st.caption(count(len(hard) - len(shown), "and {n} more", "and {n} more"))
    with boxes.cell():
        _one(study, chosen, samples, names)


def _chosen(shown: pd.DataFrame) -> int:
    """The sample in the address, if it is among those shown; else the hardest one."""
    said = st.query_params.get(SAMPLE, "")
    listed = shown["index"].tolist()
    if said and not said.isdecimal():
        words = _(
            "{name} in the address is {value}; it can be the number of a sample. The first one is shown."
        )
        noted_problem(SAMPLE, words.format(name=SAMPLE, value=repr(said)))
    return int(said) if said.isdecimal() and int(said) in listed else int(listed[0])


def _one(study: KFoldStudy, index: int, samples: Any, names: tuple[str, ...]) -> None:
    """One sample: its picture or its features, and a line for each network that judged it."""
    with st.container(border=True):
        mine = study.predictions[study.predictions["index"] == index]
        target = int(mine["target"].iloc[0])
        missed = int((mine["prediction"] != mine["target"]).sum())
        words = (
            _("**Sample {index:,}** is **{name}**: {missed} of {n} networks miss it.")
            if len(mine) > 1
            else _("**Sample {index:,}** is **{name}**: the network that never saw it says something else.")
        )
        st.markdown(words.format(index=index, name=plain(names[target]), missed=missed, n=len(mine)))
        picture = _pictures(samples, np.array([index]))
        if picture is not None:
            grid = picture_grid(picture, 1, 224)
            st.image(data_url(grid), alt=_("The sample"), width=224)
        else:
            _features(samples, index)
        rows = mine.sort_values(["repeat", "fold"])
        places = study.place_of(rows)
        order = [study.rows[place].run for place in places]

        def open_run() -> None:
            row = st.session_state["kfold_judge_open"]["row"]
            if row is not None and row < len(order) and order[row]:
                st.switch_page(page_file("run"), query_params={"run": order[row]})

        frame = pd.DataFrame(
            {
                "network": [study.names[place] for place in places],
                "open": _("Open"),
                "said": _marked(rows, names),
                "confidence": _confidence(rows),
            }
        )
        st.dataframe(
            frame,
            hide_index=True,
            column_config={
                "network": _("Tested in"),
                "open": st.column_config.ButtonColumn(
                    "", key="kfold_judge_open", on_click=open_run, type="tertiary", width=64
                ),
                "said": _("Said"),
                "confidence": _confidence_column(),
            },
            height="content" if len(frame) <= 8 else 35 * 9,
            alt=_("What each network said"),
        )


def _confidence_column() -> Any:
    return st.column_config.ProgressColumn(
        _("Confidence"), format="%.0f%%", min_value=0, max_value=100, width=124
    )


def _marked(rows: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    """What each network said, with a mark that reads without colour."""
    said, target = rows["prediction"].to_numpy(np.int64), rows["target"].to_numpy(np.int64)
    return [f"{'✔' if one == right else '✖'} {names[one]}" for one, right in zip(said, target, strict=True)]


def _confidence(rows: pd.DataFrame) -> np.ndarray:
    """The probability of what was said in percent, NaN where the network gave none."""
    return 100 * np.array(
        [
            np.nan
            if shares is None
            else float(np.asarray(shares)[int(said)] if len(shares) > 1 else max(shares[0], 1 - shares[0]))
            for shares, said in zip(rows["probabilities"], rows["prediction"], strict=True)
        ]
    )


def _captions(shown: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    return [
        f"{names[int(target)][:9]} → {names[int(said)][:9]}"
        for target, said in zip(shown["target"], shown["said"], strict=True)
    ]


def _hovers(shown: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    safe = [html.escape(name) for name in names]
    columns = ("index", "target", "said", "confidence", "missed", "judged")
    return [
        f"sample {index:,}: {safe[target]}<br>said {safe[said]} ({sure:.0%})"
        f"<br>missed by {missed} of {judged}"
        for index, target, said, sure, missed, judged in zip(
            *(shown[name].tolist() for name in columns), strict=True
        )
    ]


def _table(shown: pd.DataFrame, names: tuple[str, ...]) -> None:
    """Of samples that are no pictures: a line each; a tick looks at one."""
    frame = pd.DataFrame(
        {
            "index": shown["index"].to_numpy(),
            "target": [names[int(number)] for number in shown["target"]],
            "said": [names[int(number)] for number in shown["said"]],
            "missed": [
                f"{missed} / {judged}"
                for missed, judged in zip(shown["missed"], shown["judged"], strict=True)
            ],
            "confidence": 100 * shown["confidence"].to_numpy(np.float64),
        }
    )

    def ticked() -> None:
        rows = st.session_state["kfold_hard_table"]["selection"]["rows"]
        if rows and rows[0] < len(frame):
            st.query_params[SAMPLE] = str(int(frame["index"].iloc[rows[0]]))

    st.dataframe(
        frame,
        key="kfold_hard_table",
        on_select=ticked,
        selection_mode="single-row",
        hide_index=True,
        height="content" if len(frame) <= 12 else 35 * 13,
        column_config={
            "index": _("Sample"), "target": _("Is"), "said": _("Said"), "missed": _("Missed by"),
            "confidence": _confidence_column(),
        },
        alt=_("Samples that the networks get wrong"),
    )  # fmt: skip


def _features(samples: Any, index: int) -> None:
    if samples is None or not isinstance(samples.inputs, np.ndarray):
        return
    values = np.asarray(samples.inputs[index], np.float64).ravel()
    titles = list(samples.feature_names) or [str(place) for place in range(len(values))]
    frame = pd.DataFrame({"feature": titles[: len(values)], "value": values[: len(titles)]})
    st.dataframe(
        frame,
        hide_index=True,
        height="content" if len(frame) <= 6 else 35 * 7,
        column_config={
            "feature": _("Feature"),
            "value": st.column_config.NumberColumn(_("Value"), format="%.4g"),
        },
        alt=_("The sample's features"),
    )


def _regression(study: KFoldStudy) -> None:
    frame = study.predictions.assign(error=lambda rows: rows["prediction"] - rows["target"])
    worst = frame.reindex(frame["error"].abs().sort_values(ascending=False).index).head(SHOWN[-1])
    st.caption(_("The largest errors first."))
    numbers = worst[["target", "prediction", "error"]]
    large = bool((numbers.abs() >= 1000).any(axis=None))
    shown = pd.DataFrame(
        {
            "index": worst["index"],
            "network": [study.names[place] for place in study.place_of(worst)],
            **(numbers.round() if large else numbers),
        }
    )
    number = "localized" if large else "%.4g"
    titles = {"target": _("Target"), "prediction": _("Predicted"), "error": _("Predicted − target")}
    st.dataframe(
        shown,
        hide_index=True,
        column_config={
            "index": st.column_config.NumberColumn(_("Sample"), format="localized"),
            "network": _("Tested in"),
            **{name: st.column_config.NumberColumn(title, format=number) for name, title in titles.items()},
        },
        alt=_("Largest errors"),
    )


def _pictures(samples: Any, index: np.ndarray) -> np.ndarray | None:
    """Pictures [n, C, H, W] of the samples, or None where they are none."""
    if samples is None or len(getattr(samples.inputs, "shape", ())) not in (3, 4) or not len(index):
        return None
    first = np.asarray(samples.inputs[int(index[0])])
    if first.ndim != 3:
        return None
    return np.stack([np.asarray(samples.inputs[int(number)]) for number in index])
