"""Which pixels mattered, and how far to trust that; what a unit sees; how little it takes to fool it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from dashboard.charts.feature_maps import map_sheet, overlay
from dashboard.charts.likeness import agreement_chart
from dashboard.charts.samples import data_url
from dashboard.language import _, texts
from dashboard.panels.bound_control import bound_control
from dashboard.panels.inspect_adversarial import adversarial
from dashboard.panels.inspect_data import PIXELS, Picked, pick_sample, probabilities_of, thumbnail
from dashboard.panels.inspect_field import field
from dashboard.panels.inspect_look import look_of
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from models.attribution import ATTRIBUTIONS, AttributionMethod, Explanation, attribute
from models.probes import NoUnitsError, last_convolution, layer_outputs
from models.trust import Trust, cascade, trust
from training.inspected import Inspected
from training.tasks import TASKS

if TYPE_CHECKING:
    from dashboard.inspect_subject import Subject

LARGE = 276  # pixels: three of them side by side on a small laptop
BADGES = {"good": "green", "caution": "orange", "poor": "red"}
CONVOLUTIONS = ("Conv2d",)
KEPT = 200  # badges of a session


def attribution_tab(subject: Subject) -> None:
    """One method close up, all side by side, the receptive field and adversarial examples."""
    words = texts("inspect_model")
    look = look_of(subject)
    if look is None:
        return
    if TASKS[look.data.task].probabilities is None:
        st.info(words["only_classes"], icon=":material/category:")
        return
    picked = pick_sample(look)
    if picked is None:
        return
    shares = probabilities_of(look, picked.inputs)
    assert shares is not None  # the task has them
    image = len(look.data.input_shape) == 3
    with st.container(horizontal=True, vertical_alignment="bottom"):
        row = ATTRIBUTIONS[
            named_choice(
                _("Method"), [row.name for row in ATTRIBUTIONS if image or row.inputs == "any"],
                "integrated_gradients", "inspect_method", lambda name: _(ATTRIBUTIONS[name].title), width=240,
            )
        ]  # fmt: skip
        target = _target(look, shares[0])
        settings = _settings(row, look, picked)
    st.caption(f"{_(row.summary)} — {row.source}")
    explanation = _explained(look, picked, row.name, target, settings)
    if explanation is None:
        return
    if image:
        _pictures(look, picked, explanation)
    else:
        _features(look, explanation)
    _badge(look, picked, explanation, settings)
    if image:
        _all(look, picked, target)
        field(look, picked)
    adversarial(look, picked, words)


def _target(look: Inspected, shares: np.ndarray) -> int:
    """The class that is explained: the predicted one unless the reader chooses another."""
    names = look.data.class_names
    options = ["predicted", *(str(place) for place in range(len(names)))]

    def words(option: Any) -> str:
        if option == "predicted":
            return _("predicted ({name})").format(name=names[int(shares.argmax())])
        return f"{names[int(option)]} ({shares[int(option)]:.1%})"

    chosen = named_choice(_("Speaks for"), options, "predicted", "inspect_target", words, width=240)
    return int(shares.argmax()) if chosen == "predicted" else int(chosen)


def _settings(row: AttributionMethod, look: Inspected, picked: Picked) -> dict[str, Any]:
    """The method's own settings; Grad-CAM's layer is one of the convolutions, the last one first."""
    settings: dict[str, Any] = {}
    for parameter in row.parameters:
        key = f"inspect_{parameter.name}"
        if parameter.name != "layer":
            settings[parameter.name] = bound_control(parameter, parameter.default, key, width=170)
            continue
        names = _convolutions(look.fingerprint, look, picked)
        if names:
            settings["layer"] = named_choice(
                _("Convolution"), names, names[0], "inspect_cam_layer", width=260
            )
    return settings


@st.cache_data(max_entries=8, show_spinner=False)
def _convolutions(fingerprint: str, _look: Inspected, _picked: Picked) -> list[str]:
    """The network's convolutions, the last used one first; none for a network without a map."""
    try:
        last = last_convolution(_look.network, _picked.inputs)
    except NoUnitsError:
        return []
    every = [
        layer.name for layer in layer_outputs(_look.network, _picked.inputs) if layer.kind in CONVOLUTIONS
    ]
    return [last, *(name for name in every[::-1] if name != last and "(" not in name)]


def _explained(
    look: Inspected, picked: Picked, method: str, target: int, settings: Mapping[str, Any]
) -> Explanation | None:
    """The explanation, computed once; None, and said, where the method can't."""
    try:
        with st.spinner(_("Computing"), show_time=False):
            return _cached(look.fingerprint, picked.key, method, target, dict(settings), look, picked)
    except (NoUnitsError, ValueError) as problem:
        st.info(str(problem), icon=":material/block:")
        return None


@st.cache_resource(max_entries=200, show_spinner=False)
def _cached(
    fingerprint: str,
    sample: str,
    method: str,
    target: int,
    settings: dict[str, Any],
    _look: Inspected,
    _picked: Picked,
) -> Explanation:
    return attribute(method, _look.network, _picked.inputs, target, **settings)


def _pictures(look: Inspected, picked: Picked, explanation: Explanation) -> None:
    assert picked.picture is not None
    values = explanation.values.sum(dim=0).numpy()
    with st.container(horizontal=True, gap="medium"):
        st.image(thumbnail(picked.picture, LARGE), caption=picked.title, width=LARGE)
        st.image(
            thumbnail(overlay(picked.picture, values), LARGE),
            caption=_("orange speaks for {name}, blue against").format(
                name=look.data.class_names[explanation.target]
            ),
            width=LARGE,
        )
        st.image(
            data_url(map_sheet(values[None], 1, LARGE)),
            caption=_("the values: {low:.3g} to {high:.3g}").format(low=values.min(), high=values.max()),
            width=LARGE,
        )


def _features(look: Inspected, explanation: Explanation) -> None:
    """The features that matter most, as a table with bars."""
    import pandas as pd

    values = explanation.values.flatten().numpy()
    names = look.data.feature_names or tuple(str(place) for place in range(len(values)))
    order = np.argsort(-np.abs(values))[:20]
    st.dataframe(
        pd.DataFrame({"feature": [names[place] for place in order], "attribution": values[order]}),
        hide_index=True,
        column_config={"attribution": st.column_config.NumberColumn(format="%.4g")},
        alt=_("Features that matter most"),
    )


def _badge(look: Inspected, picked: Picked, explanation: Explanation, settings: Mapping[str, Any]) -> None:
    """How far to trust the picture; on request what becomes of it as layer after layer is drawn anew."""
    told = _trusted(look, picked, explanation, settings)
    titles = {
        "good": _("depends on what was learned"),
        "caution": _("with caution"),
        "poor": _("don't trust it"),
    }
    with st.container(border=True):
        st.badge(titles[told.verdict], color=BADGES[told.verdict], icon=":material/verified_user:")  # type: ignore[arg-type]
        st.markdown(_(told.reading))
        st.caption(texts("inspect_model")["trust"])
        if st.toggle(_("layer by layer"), key="inspect_cascade", bind="query-params"):
            _cascaded(look, picked, explanation, settings)


def _trusted(look: Inspected, picked: Picked, explanation: Explanation, settings: Mapping[str, Any]) -> Trust:
    """Computed once, with a bar: it takes three times as long as the explanation itself."""
    asked = tuple(sorted(settings.items()))
    key = (look.fingerprint, picked.key, explanation.method, explanation.target, asked)
    kept: dict[object, Trust] = st.session_state.setdefault("inspect_trusted", {})
    if key not in kept:
        bar = st.progress(0.0, _("Comparing with networks of random weights"))

        def told(done: float) -> None:
            bar.progress(done)

        found = trust(
            explanation,
            look.network,
            picked.inputs,
            watch=told,
            **settings,
        )
        bar.empty()
        while len(kept) >= KEPT:
            kept.pop(next(iter(kept)))
        kept[key] = found
    return kept[key]


def _cascaded(look: Inspected, picked: Picked, explanation: Explanation, settings: Mapping[str, Any]) -> None:
    key = (
        look.fingerprint,
        picked.key,
        explanation.method,
        explanation.target,
        tuple(sorted(settings.items())),
    )
    kept = st.session_state.setdefault("inspect_cascades", {})
    if key not in kept:
        bar = st.progress(0.0, _("Drawing weights anew, from the output downwards"))
        stages = []
        for name, number, values, agreement in cascade(
            explanation, look.network, picked.inputs, most=10, **settings
        ):
            stages.append((name, values.sum(dim=0).numpy() if values.ndim == 3 else None, agreement))
            bar.progress(min(1.0, len(stages) / 10), f"{number}: {name}")
        bar.empty()
        kept.clear()
        kept[key] = stages
    stages = kept[key]
    plot(
        agreement_chart([name for name, _values, _agreement in stages], [stage[2] for stage in stages]),
        "inspect_agreement", height=300, description=_("Agreement as layers become random"),
    )  # fmt: skip
    if picked.picture is not None:
        with st.container(horizontal=True, gap="small"):
            for name, values, agreement in stages:
                st.image(
                    thumbnail(overlay(picked.picture, values), 112),
                    caption=f"{name}: {agreement:.2f}",
                    width=112,
                )


def _all(look: Inspected, picked: Picked, target: int) -> None:
    """Every method beside the others, with its own defaults."""
    assert picked.picture is not None
    st.subheader(_("All methods side by side"))
    if not st.toggle(_("show them"), key="inspect_all", bind="query-params"):
        return
    bar = st.progress(0.0, _("Computing"))
    with st.container(horizontal=True, gap="small"):
        for number, row in enumerate(ATTRIBUTIONS, start=1):
            try:
                found = _cached(look.fingerprint, picked.key, row.name, target, {}, look, picked)
                told = _trusted(look, picked, found, {})
            except (NoUnitsError, ValueError):
                continue
            with st.container(width=PIXELS + 10):
                values = found.values.sum(dim=0).numpy()
                st.image(
                    thumbnail(overlay(picked.picture, values), PIXELS), caption=_(row.title), width=PIXELS
                )
                st.badge(f"{told.agreement:.2f}", color=BADGES[told.verdict], icon=":material/verified_user:")  # type: ignore[arg-type]
            bar.progress(number / len(ATTRIBUTIONS))
    bar.empty()
    st.caption(_("The number: rank agreement with networks of random weights; lower is better."))
