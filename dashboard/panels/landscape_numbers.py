"""What was measured beside a landscape's points: numbers with their errors, the spectrum, the bent way."""

from __future__ import annotations

import streamlit as st

from dashboard.charts.landscape_lines import connection_chart, spectrum_chart
from dashboard.language import _
from dashboard.panels.landscape_table import table_of
from dashboard.panels.plot import plot
from logs.catalog import RunSummary


def landscape_numbers(run: RunSummary) -> None:
    """Nothing where none of them was asked for, or is there yet."""
    curve, numbers, spectrum = (table_of(run, name) for name in ("curve", "numbers", "spectrum"))
    if curve is not None:
        st.markdown(f"**{_('The straight way and a trained one')}**")
        words = _("Highest training loss: {line:.4g} on the straight line, {curve:.4g} on the curve.")
        about = curve[1]
        st.caption(words.format(line=about["highest_line"], curve=about["highest_curve"]))
        plot(connection_chart(curve[0]), "landscape_curve", 280, description=_("Loss along both ways"))
    if numbers is not None:
        both = st.grid(2, min_column_width=420)  # a narrow table would hide how each was computed
        with both, st.container():
            st.markdown(f"**{_('Numbers')}**")
            st.dataframe(
                numbers[0],
                hide_index=True,
                column_config={
                    "name": st.column_config.TextColumn(_("Number")),
                    "value": st.column_config.NumberColumn(_("Value"), format="%.5g"),
                    "error": st.column_config.NumberColumn(_("± error"), format="%.1e"),
                    "how": st.column_config.TextColumn(_("How")),
                },
                placeholder="",
                key="landscape_numbers_table",
            )
        if spectrum is not None:
            with both, st.container():
                st.markdown(f"**{_('Spectrum of the Hessian')}**")
                plot(
                    spectrum_chart(spectrum[0]), "landscape_spectrum", 320,
                    description=_("Spectrum of the Hessian"),
                )  # fmt: skip
