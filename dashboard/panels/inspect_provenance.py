"""Where a network comes from: the file and its hash, the run and its epoch, what was checked and found."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.inspect_subject import Subject
from dashboard.language import _, texts
from dashboard.navigation import link


def provenance_tab(subject: Subject) -> None:
    """Facts as a table; names out of files are data, never Markdown."""
    facts = provenance(subject)
    st.dataframe(
        pd.DataFrame({"fact": list(facts), "value": list(facts.values())}),
        hide_index=True,
        height="content",
        column_config={
            "fact": st.column_config.TextColumn(_("What"), width="medium"),
            "value": st.column_config.TextColumn(_("Value"), width="large"),
        },
        alt=_("Provenance"),
    )
    if subject.findings:
        st.subheader(_("What was looked at before it was opened"))
        st.dataframe(
            pd.DataFrame(subject.findings, columns=["check", "found"]),
            hide_index=True,
            height="content",
            column_config={
                "check": st.column_config.TextColumn(_("Check"), width="medium"),
                "found": st.column_config.TextColumn(_("Found"), width="large"),
            },
            alt=_("Checks of the file"),
        )
    if subject.directory is not None:
        st.caption(texts("inspect_model")["own_file"])
        link("run", _("The run of this network"), icon=":material/show_chart:", run=subject.directory.id)


def provenance(subject: Subject) -> dict[str, str]:
    """What is known of the network, in words."""
    numbers = sum(tensor.numel() for tensor in subject.state.values())
    facts = {
        _("Title"): subject.title,
        _("SHA-256"): subject.sha256,
        _("File size"): f"{subject.bytes:,} bytes",
        _("Tensors"): _("{count:,}, with {numbers:,} numbers").format(
            count=len(subject.state), numbers=numbers
        ),
        _("Network"): subject.model or _("not known"),
    }
    if subject.settings:
        facts[_("Settings")] = ", ".join(f"{name}={value}" for name, value in subject.settings.items())
    if subject.input_shape:
        facts[_("Takes samples of shape")] = " x ".join(map(str, subject.input_shape))
    for name, label in (("epoch", _("Epochs trained")), ("step", _("Updates"))):
        if name in subject.position:
            facts[label] = f"{subject.position[name]:,}"
    for name, label in (("dataset", _("Data")), ("task", _("Task"))):
        if subject.info.get(name):
            facts[label] = str(subject.info[name])
    if subject.class_names:
        facts[_("Classes")] = ", ".join(subject.class_names)
    return facts
