"""How a landscape was made, how to read it and what it can't show; pictures to compare with; what to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.charts.landscape import Picture
from dashboard.charts.landscape_references import references_chart
from dashboard.language import _
from dashboard.panels.escape import plain
from dashboard.panels.landscape_link import landscape_link
from dashboard.panels.landscape_table import Found, called
from dashboard.panels.plot import plot
from training.directions import NORMALISATIONS


def drawn_how(about: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """How the directions of a landscape were drawn, for the card and above a saved picture; empty where they
    are not random. `config` is that of its run.
    """
    if about["kind"] not in ("plane", "line") or config.get("normalisation") not in NORMALISATIONS:
        return ""
    scaled = str(config["normalisation"])
    said = [
        _("not normalised") if scaled == "none" else _("{scaled} normalisation").format(scaled=_(scaled)),
        _("biases and batch norm fixed") if config.get("ignore_biasbn") else _("biases and batch norm moved"),
    ]
    if about["kind"] == "plane" and config.get("orthogonal"):
        said.append(_("at right angles"))
    said.append(_("seed {seed}").format(seed=config.get("seed", 0)))
    return ", ".join(said)


def landscape_card(
    found: Found,
    path: Found | None,
    words: Mapping[str, str],
    drawn: str,
    names: Mapping[str, str],
    what: str,
) -> None:
    """The card under the pictures. `drawn`: how directions were; `names`: what runs are called, by their ids;
    `what`: loss or accuracy.
    """
    line = found[1]["b_range"] is None
    with st.container(border=True):
        st.markdown(f"**{_('How this picture was made')}**")
        st.markdown("\n".join(f"- {line}" for line in _made(found, path, drawn, names, what)))
        left, right = st.columns(2)
        between = found[1]["kind"] == "between"
        left.markdown(words["read_between" if between else "read_line" if line else "read"])
        right.markdown(words["limits_line" if line else "limits"])
    box = st.expander(_("Pictures to compare with"), key="landscape_references", on_change="rerun")
    if box.open:
        with box:
            planes, titles = _references()
            chart = references_chart(planes, [_(title) for title in titles])
            plot(chart, "landscape_reference_chart", 240, description=_("Reference landscapes"))
            st.markdown(words["references"])


def _made(found: Found, path: Found | None, drawn: str, names: Mapping[str, str], what: str) -> list[str]:
    points, about = found
    made = [
        plain(called(str(about["title"]), names)),
        plain(called("; ".join(map(str, about["axes"])), names)) + (f": {drawn}" if drawn else ""),
        _("{count:,} points, {train:,} training and {test:,} test samples").format(
            count=len(points), train=about["samples"]["train"], test=about["samples"]["test"]
        ),
        str(about["method"]),
        _("batch norm's statistics, where there are some: {which}").format(
            which=_("recomputed at each point") if about["statistics"] == "recomputed" else _("as saved")
        ),
    ]
    holes = int((~np.isfinite(points["test_loss"])).sum())
    if holes:
        made.append(_("{holes:,} points have no number: they are holes").format(holes=holes))
    error = about["refinement"].get(str(about["level"]))
    if error and what == "loss":
        sentence = (
            _("half of the points, joined by a spline of the log loss, were off by {rms}% (at most "
              "{largest}%) at the others")
            if about["b_range"] is None
            else _("between points a spline of the log loss is drawn; from the level before, it was off by "
                   "{rms}% (at most {largest}%) at the points computed since")
        )  # fmt: skip
        off = {name: f"{100 * np.expm1(error['test'][name]):.2g}" for name in ("rms", "largest")}
        made.append(sentence.format(**off))
    if path is not None and path[1].get("of", "training") == "training":
        made.append(
            _("the training's {count} checkpoints lie up to {far:.3g} away from the plane").format(
                count=len(path[0]), far=float(path[0]["distance"].max())
            )
        )
    return made


@st.cache_data(show_spinner=False)
def _references() -> tuple[list[np.ndarray], list[str]]:
    """Computed once a server: a second of one processor."""
    from training.landscape_references import REFERENCES, reference_plane

    return [reference_plane(row) for row in REFERENCES], [row.title for row in REFERENCES]


def plane_downloads(
    found: Found,
    path: pd.DataFrame | None,
    pictures: Sequence[Picture],
    limits: tuple[float, float],
    at: tuple[float, float],
    names: tuple[Sequence[str], Sequence[str], str],
    title: str,
) -> None:
    """Buttons for points, pictures and surfaces as they are shown; `names` are the descriptions of surfaces,
    contours and cut, `title` stands above a saved picture. The button of the picture also links them.
    """
    points, about = found
    name, picture = f"{about['run']}-landscape", pictures[0]
    surfaces, contours, cut = names
    with st.container(horizontal=True, vertical_alignment="center"):
        landscape_link(
            "landscape_picture", surfaces, contours, cut,
            at=at, log=picture.log, filename=name, title=title,
        )  # fmt: skip
        _points_button(points, about, name)
        st.download_button(
            _("Surface as a page (HTML)"), lambda: _page(picture, limits, path, about), f"{name}.html",
            "text/html", icon=":material/download:", key="landscape_html", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            _("Surface for 3-D programs (glTF)"), lambda: _gltf(picture, limits, path), f"{name}.glb",
            "model/gltf-binary", icon=":material/download:", key="landscape_gltf", on_click="ignore",
        )  # fmt: skip
        st.download_button(
            _("Surface as a mesh (PLY)"), lambda: _ply(picture, limits), f"{name}.ply",
            icon=":material/download:", key="landscape_ply", on_click="ignore",
        )  # fmt: skip


def line_downloads(found: Found, description: str, log: bool, drawn: str, names: Mapping[str, str]) -> None:
    """The chart of a line as a picture, and its points."""
    points, about = found
    name = f"{about['run']}-landscape"
    with st.container(horizontal=True, vertical_alignment="center"):
        landscape_link(
            "landscape_picture", [], [description], "",
            at=(0.0, 0.0), log=log, filename=name,
            title=picture_title(about, _("along a line"), drawn, names),
        )  # fmt: skip
        _points_button(points, about, name)


def _points_button(points: pd.DataFrame, about: Mapping[str, Any], name: str) -> None:
    st.download_button(
        _("Points (Parquet)"), lambda: _parquet(points, about), f"{name}.parquet",
        icon=":material/download:", key="landscape_parquet", on_click="ignore",
    )  # fmt: skip


def special(about: Mapping[str, Any]) -> list[str]:
    """What has to stand on a picture, since it changes it."""
    said = {
        _("a first sketch from a tenth of the samples; the picture itself is being computed"): about[
            "sketch"
        ],
        _("batch norm's statistics recomputed at each point"): about["statistics"] == "recomputed",
        _("a preview in bfloat16: three digits"): about["preview"],
    }
    return [words for words, holds in said.items() if holds]


def picture_title(about: Mapping[str, Any], shown: str, drawn: str, names: Mapping[str, str]) -> str:
    """What stands above a saved picture, in two lines: whose, and along what, computed how."""
    how = [*map(str, about["axes"]), *([drawn] if drawn else []), *special(about)]
    return called(f"{about['title']}: {shown}\n{'; '.join(how)}", names)


# What follows imports when it is asked for: pyarrow's writers and Plotly's pages are of no use before
def _parquet(points: pd.DataFrame, about: Mapping[str, Any]) -> bytes:
    from dashboard.landscape_files import points_file

    return points_file(points, about)


def _page(
    picture: Picture, limits: tuple[float, float], path: pd.DataFrame | None, about: Mapping[str, Any]
) -> str:
    from dashboard.charts.landscape import surface_chart

    chart = surface_chart(picture, limits, path, "curve" if about["kind"] == "connection" else "training")
    return str(chart.to_html(include_plotlyjs=True))


def _gltf(picture: Picture, limits: tuple[float, float], path: pd.DataFrame | None) -> bytes:
    from dashboard.landscape_mesh import gltf_file

    return gltf_file(picture, limits, path)


def _ply(picture: Picture, limits: tuple[float, float]) -> bytes:
    from dashboard.landscape_files import surface_file

    return surface_file(picture, limits)
