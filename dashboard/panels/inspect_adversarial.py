"""How little it takes: the sample changed against the network, by a distance that a slider sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st
import torch
from torch import Tensor

from dashboard.charts.feature_maps import map_sheet
from dashboard.charts.probabilities import probability_chart
from dashboard.charts.samples import data_url
from dashboard.language import _
from dashboard.panels.bound_slider import bound_scale
from dashboard.panels.inspect_data import Picked, pictures_of, probabilities_of, thumbnail
from dashboard.panels.named_choice import named_switch
from dashboard.panels.plot import plot
from models.adversarial import ATTACKS, Bounds, attack
from training.inspected import Inspected

# Of the way from black to white. All are attacked in one batch, so that the slider only chooses.
DISTANCES = (0.0, 0.004, 0.008, 0.012, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3)
LARGE = 210
KEPT = 40  # attacks of a session


def adversarial(look: Inspected, picked: Picked, words: Mapping[str, str]) -> None:
    """The attack, and in a fragment what the slider chooses of it."""
    st.subheader(_("Adversarial example"))
    st.caption(words["adversarial"])
    name = named_switch(
        _("Attack"), ATTACKS.names(), "fgsm", "inspect_attack", lambda row: ATTACKS[row].title
    )
    st.caption(f"{_(ATTACKS[name].summary)} — {ATTACKS[name].source}")
    _chosen(look, picked, *_attacked(look, picked, name))


@st.fragment
def _chosen(look: Inspected, picked: Picked, moved: Tensor, shares: np.ndarray) -> None:
    unit = "" if picked.picture is not None else _(" (in deviations of a feature)")
    distance = bound_scale(
        _("Largest change of any input") + unit,
        DISTANCES,
        0.04,
        "inspect_epsilon",
        lambda value: f"{value:g}",
        about=_("Of pictures: of the way from black to white."),
    )
    place = DISTANCES.index(distance)
    names, said = look.data.class_names, shares.argmax(axis=1)
    turned = np.flatnonzero(said != said[0])
    with st.container(horizontal=True, gap="medium"):
        if picked.picture is not None:
            picture = pictures_of(look.data, moved[place : place + 1])[0]
            change = (moved[place] - picked.inputs[0]).mean(dim=0).numpy()
            st.image(thumbnail(picture, LARGE), caption=_("changed by {n:g}").format(n=distance), width=LARGE)
            st.image(
                data_url(map_sheet(change[None], 1, LARGE)), caption=_("the change, enlarged"), width=LARGE
            )
        with st.container(width=390):
            plot(
                probability_chart(shares[place], names, picked.target, before=shares[0]),
                "inspect_fooled",
                height=60 + 26 * min(10, len(names)),
                description=_("Probabilities after the attack"),
            )
    if len(turned):
        first = int(turned[0])
        st.markdown(_("At a distance of **{n:g}** the answer turns.").format(n=DISTANCES[first]))
        st.text(_("from {one} to {other}").format(one=names[said[0]], other=names[said[first]]))
    else:
        st.markdown(_("Up to {n:g} the answer stays.").format(n=DISTANCES[-1]))


def _attacked(look: Inspected, picked: Picked, name: str) -> tuple[Tensor, np.ndarray]:
    """The sample at every distance [distances, *shape], and what the network says of each; once a session,
    with a bar.
    """
    kept: dict[object, tuple[Tensor, np.ndarray]] = st.session_state.setdefault("inspect_attacked", {})
    key = (look.fingerprint, picked.key, name)
    if key not in kept:
        bar = st.progress(0.0, _("Attacking"))
        found = _moved(look, picked, name, lambda share: bar.progress(share, _("Attacking")))
        bar.empty()
        while len(kept) >= KEPT:
            kept.pop(next(iter(kept)))
        kept[key] = found
    return kept[key]


def _moved(
    look: Inspected, picked: Picked, name: str, watch: Callable[[float], object]
) -> tuple[Tensor, np.ndarray]:
    data, count = look.data, len(DISTANCES)
    image = len(data.input_shape) == 3
    bounds = Bounds.of_pictures(data.mean, data.std) if image else Bounds.none()
    clean = probabilities_of(look, picked.inputs)
    assert clean is not None
    told = int(clean[0].argmax()) if picked.target is None else picked.target
    moved = attack(
        name,
        look.network,
        picked.inputs.expand(count, *data.input_shape).clone(),
        torch.full((count,), told),
        torch.tensor(DISTANCES),
        bounds,
        watch,
    )
    shares = probabilities_of(look, moved)
    assert shares is not None
    return moved, shares
