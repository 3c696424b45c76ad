"""What the unit in the middle of a layer sees of a picture: as far as it could, and as far as it does."""

from __future__ import annotations

import streamlit as st
import torch

from dashboard.charts.receptive import field_chart
from dashboard.language import _, texts
from dashboard.panels.inspect_data import Picked
from dashboard.panels.named_choice import named_choice
from dashboard.panels.plot import plot
from models.effective_field import EffectiveField, effective_field
from models.probes import layer_outputs
from models.receptive_field import ReceptiveField, receptive_fields
from training.inspected import Inspected, batches_of, chosen_rows, part_of

SAMPLES = 20  # gradients are averaged over as many


def field(look: Inspected, picked: Picked) -> None:
    """The receptive field over the picture, theoretical and effective, for a layer to be chosen."""
    names = _layers(look.fingerprint, look, picked)
    if not names:
        return
    st.subheader(_("Receptive field"))
    words = texts("inspect_model")
    st.caption(words["field"])
    name = named_choice(_("Layer"), names, names[len(names) // 2], "inspect_field_layer", width=360)
    with st.spinner(_("Computing"), show_time=False):
        effective, possible = _fields(look.fingerprint, name, look)
    assert picked.picture is not None
    left, right = st.columns([2, 1], gap="medium")
    with left:
        plot(
            field_chart(picked.picture, effective.weight.numpy(), possible.box if possible else None),
            "inspect_field", height=330, description=_("Receptive field"),
        )  # fmt: skip
    with right:
        size = None if possible is None else possible.size
        st.metric(
            _("could see"),
            _("the whole picture") if size is None else f"{size[0]} x {size[1]} {_('pixels')}",
            help=_("The theoretical field in a picture without borders."),
        )
        st.metric(
            _("weighs half of the strongest or more"),
            f"{effective.half[0]} x {effective.half[1]} {_('pixels')}",
        )
        st.metric(
            _("share of the picture that counts"),
            f"{effective.share:.1%}",
            help=_("Pixels whose weight is above 4.55% of the strongest (Luo et al. 2016)."),
        )


@st.cache_data(max_entries=8, show_spinner=False)
def _layers(fingerprint: str, _look: Inspected, _picked: Picked) -> list[str]:
    """Layers that put out maps with an extent."""
    return [
        layer.name
        for layer in layer_outputs(_look.network, _picked.inputs)
        if layer.values.ndim == 4 and layer.values.shape[-1] > 1 and "(" not in layer.name
    ]


@st.cache_resource(max_entries=40, show_spinner=False)
def _fields(fingerprint: str, layer: str, _look: Inspected) -> tuple[EffectiveField, ReceptiveField | None]:
    split = next(name for name in ("test", "validation", "train") if len(getattr(_look.data, name)))
    part = part_of(_look.data, split)
    inputs = torch.cat([batch for batch, _targets in batches_of(part, chosen_rows(part, SAMPLES, 0))])
    possible = receptive_fields(_look.network, _look.data.input_shape, [layer]).get(layer)
    return effective_field(_look.network, layer, inputs), possible
