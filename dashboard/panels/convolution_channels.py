"""Several channels and filters for the window, in groups: controls, what they begin with, what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.language import _
from dashboard.number_grid import mirrored
from dashboard.panels.bound_slider import bound_slider
from dashboard.panels.bounded import noted
from dashboard.panels.slide_board import Grid, Stack
from models.sliding import Slide, common_divisors, weights_and_work

MOST = 4  # channels, of the input and of the output
GROUPS = "convolution_groups"  # of the address
Kernels = Callable[[int, int], Grid]  # of a filter, and of a channel of its group, both from 0


def channel_settings(words: Mapping[str, str]) -> tuple[int, int, int]:
    """How many channels go in and come out, and in how many groups."""
    channels = bound_slider(_("Input channels"), 1, MOST, 1, "convolution_in", about=words["channels"])
    filters = bound_slider(_("Output channels"), 1, MOST, 1, "convolution_out", about=words["filters"])
    return channels, filters, _groups(channels, filters, words)


def _groups(channels: int, filters: int, words: Mapping[str, str]) -> int:
    """One of the numbers that divide both. They change with the other sliders, and a slider with other stops
    is another one to Streamlit: the session keeps what was chosen, and the address is written here.
    """
    stops = common_divisors(channels, filters)
    noted(GROUPS, list(map(str, stops)))
    said = st.session_state.get(GROUPS, st.query_params.get(GROUPS, 1))
    wanted = int(said) if str(said).isdecimal() else 1
    groups = max(stop for stop in stops if stop <= max(1, wanted))
    st.session_state[GROUPS] = groups
    if groups == 1:
        st.query_params.pop(GROUPS, None)
    elif st.query_params.get(GROUPS) != str(groups):
        st.query_params[GROUPS] = str(groups)
    if len(stops) > 1:
        widget = f"{GROUPS}_of_{channels}_{filters}"
        if st.session_state.get(widget) != groups:
            st.session_state[widget] = groups

        def moved() -> None:
            st.session_state[GROUPS] = st.session_state[widget]

        st.select_slider(_("Groups"), stops, key=widget, help=words["groups"], on_change=moved)
    elif channels > 1:
        st.caption(
            _("Groups: only 1 divides both {channels} and {filters}.").format(
                channels=channels, filters=filters
            )
        )
    return groups


def channel_numbers(first: Grid, channels: int) -> Stack:
    """The first channel, then the same mirrored: small whole numbers stay so."""
    return [mirrored(first, place) for place in range(channels)]


def mirrored_kernels(first: Grid) -> Kernels:
    """A different kernel for each channel of a filter, and for the first ones of four filters."""
    return lambda output, channel: mirrored(first, output + channel)


def filter_kernels(kernels: Kernels, filters: int, seen: int) -> Stack:
    """Filter after filter, a kernel for each of the channels it has `seen`."""
    return [kernels(output, channel) for output in range(filters) for channel in range(seen)]


def costs(numbers: Stack, kernels: Stack, slide: Slide, words: Mapping[str, str]) -> str:
    """A sentence: the weights of a convolution over several channels, and its multiply-adds."""
    channels, seen = len(numbers), len(numbers) // slide.groups
    filters, rows, columns = len(kernels) // seen, len(kernels[0]), len(kernels[0][0])
    size = len(numbers[0]), len(numbers[0][0])
    weights, work = weights_and_work(channels, size, (filters, seen, rows, columns), slide)
    sentence = _(
        "Each of {filters} filters sees {channels} / {groups} = {seen} channels: {filters} · {seen} · {rows} "
        "· {columns} = **{weights:,} weights**, {work:,} multiply-adds."
    ).format(
        filters=filters, channels=channels, groups=slide.groups, seen=seen, rows=rows, columns=columns,
        weights=weights, work=work,
    )  # fmt: skip
    if slide.groups == 1:
        return sentence
    share = _("Without groups there are {times} times as many of both.").format(times=slide.groups)
    depthwise = f" {words['depthwise']}" if slide.groups == channels else ""
    return f"{sentence} {share}{depthwise}"
