"""What a run was asked to do, with which versions, and how to do it again."""

from __future__ import annotations

from datetime import datetime

import pandas as pd
import streamlit as st

from dashboard.language import _
from logs.catalog import RunSummary


def run_configuration(run: RunSummary, nothing: str) -> None:
    """The command, the settings (those that differ from the defaults first), and where it ran."""
    from dashboard.charts.configuration import configuration_table, repeating_command  # imports PyTorch

    if run.info is None:
        st.info(nothing)
        return
    command = repeating_command(run.info)
    if command:
        st.markdown(f"**{_('The command that repeats it')}**")
        st.code(command, language="bash", wrap_lines=True)
    table = configuration_table(run.config)
    if table.empty:
        st.info(nothing)
    else:
        _settings(table)
    st.markdown(f"**{_('Where it ran')}**")
    surroundings = _surroundings(run)
    st.dataframe(
        surroundings,
        hide_index=True,
        height=38 + 35 * len(surroundings),
        column_config={"what": st.column_config.TextColumn(_("What"), width="small"), "value": _("Value")},
        alt=_("Machine and versions"),
    )


def _settings(table: pd.DataFrame) -> None:
    differing = int(table["differs"].sum())
    known = bool((table["default"] != "").any())
    if known:
        only = st.toggle(
            _("only what differs from the defaults ({n})").format(n=differing),
            key="run_only_differing",
            bind="query-params",
        )
        table = table[table["differs"]] if only else table
    st.dataframe(
        table,
        hide_index=True,
        height=min(640, 38 + 35 * len(table)),
        column_order=["setting", "value", "default", "differs", "meaning"] if known else ["setting", "value"],
        column_config={
            "setting": _("Setting"),
            "value": _("Value"),
            "default": _("Default"),
            "differs": st.column_config.CheckboxColumn(_("Differs"), width="small"),
            "meaning": st.column_config.TextColumn(_("Meaning"), width="large"),
        },
        alt=_("Configuration"),
    )


def _surroundings(run: RunSummary) -> pd.DataFrame:
    info = run.info
    assert info is not None
    rows = {
        _("started"): datetime.fromtimestamp(info.created).isoformat(" ", "seconds") if info.created else "",
        _("device"): info.device,
        _("machine"): info.host,
        _("seed"): "" if info.seed is None else str(info.seed),
        _("git commit"): info.git_commit,
        _("group"): info.group,
        _("folder"): str(run.path),
        **info.versions,
    }
    known = {name: value for name, value in rows.items() if value}
    return pd.DataFrame({"what": list(known), "value": [str(value) for value in known.values()]})
