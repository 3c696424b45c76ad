"""What starts trainings of a guided set: the whole set, a remedy, or all remedies, each with one button."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.guided_look import GuidedLook, offered, why_not, with_remedy
from dashboard.language import _
from dashboard.panels.bound_control import bound_control
from dashboard.panels.escape import plain
from dashboard.panels.named_choice import named_choice
from dashboard.settings import Settings
from dashboard.study_options import study_options
from logs.errors import LogsError
from training.config import ConfigError, RunConfig
from training.guided_set import IMAGE_SETS, SET, SIZES, Variant
from training.remedies import Remedy

MODULE = "training.guided"
FROM = "real_from"  # in the address: the variant that remedies are added to
LOOK = "real_look"  # in the address: the variant that is looked at
AMISS = "real_amiss"  # session state: why nothing was started
DEFAULT = Variant("too_large")


def start_set(look: GuidedLook, seeds: int, settings: Settings, words: Mapping[str, str]) -> None:
    """The box of a set that nobody has trained yet."""
    with st.container(border=True):
        st.markdown(words["empty"])
        with st.grid(3, min_column_width=200):
            for size in SIZES:
                own = IMAGE_SETS[look.config.dataset].sizes[size.name]
                layers, width = own["hidden_layers"], own["hidden_width"]
                st.markdown(f"**{_(size.title)}** · {layers} × {width}  \n{_(size.summary)}")
        _button(look, SET, seeds, settings, _("Train the set"), "real_set", primary=True)


def remedy_buttons(look: GuidedLook, seeds: int, settings: Settings) -> None:
    """A button and a strength for each remedy, on top of the variant that is chosen above them."""
    start = chosen_start(look)
    rows = offered()
    found: list[Variant] = []
    for remedy in rows:
        variant = _remedy_row(look, start, remedy, seeds, settings)
        if variant is not None:
            found.append(variant)
    missing = [each for each in found if not why_not(each, look.config) and not look.has(each, seeds)]
    with st.container(horizontal=True):
        _button(
            look,
            missing,
            seeds,
            settings,
            _("All that are missing"),
            "real_all",
            icon=":material/playlist_play:",
        )


def chosen_start(look: GuidedLook) -> Variant:
    """The variant that remedies are added to, from a box of those that have been begun."""
    texts = list(dict.fromkeys([DEFAULT.text, *(result.variant.text for result in look.results)]))
    said = str(st.session_state.get(FROM) or st.query_params.get(FROM) or "")
    if said and said not in texts:  # of a link: it need not have been trained here
        with contextlib.suppress(ConfigError):  # the box below says what is wrong
            texts.append(Variant.parse(said).text)
    chosen = named_choice(
        _("Add a remedy to"), texts, DEFAULT.text, FROM, lambda text: Variant.parse(text).title,
        help=_("Remedies add up: start from one that has been trained."),
    )  # fmt: skip
    return Variant.parse(chosen)


def start_variants(config: RunConfig, variants: Sequence[Variant], seeds: int, settings: Settings) -> None:
    """For callbacks: starts the trainings in the background and looks at the last of them; or remembers why
    not.
    """
    from training.launch import LaunchError, launch_study

    options: dict[str, Any] = {"add": [variant.text for variant in variants], "seeds": seeds}
    try:
        launch_study(
            MODULE, guided_words(config, options), config.model, config.dataset, settings.runs, settings.data
        )
    except (LaunchError, LogsError, OSError) as problem:
        st.session_state[AMISS] = str(problem)
        return
    look_at(variants[-1].text)


def look_at(text: str) -> None:
    """For callbacks: the page shows this variant's curves."""
    st.query_params[LOOK] = text
    st.session_state[LOOK] = text


def guided_words(config: RunConfig, options: Mapping[str, Any]) -> list[str]:
    """The options of `python -m training.guided` that stand for these."""
    base = IMAGE_SETS[config.dataset].config()
    words = study_options(RunConfig(dataset=config.dataset), options, {"seeds": 1})
    changed = {
        name: value
        for name, value in config.to_dict().items()
        if value != base.to_dict()[name] and name in ("train_samples", "epochs", "batch_size")
    }
    return [*words, *(word for name, value in changed.items() for word in _option(name, value))]


def said_amiss() -> None:
    """Why the last button started nothing, once."""
    problem = st.session_state.pop(AMISS, "")
    if problem:
        st.error(plain(problem), title=_("The training did not start"), icon=":material/error:")


def _remedy_row(
    look: GuidedLook, start: Variant, remedy: Remedy, seeds: int, settings: Settings
) -> Variant | None:
    """The button and the strength; the variant that it stands for, None where the strength can't be."""
    left, right = st.columns([5, 2], gap="xsmall", vertical_alignment="center")
    with right:
        strength = None
        if remedy.strength is not None:
            key = f"real_{remedy.name}_strength"
            strength = bound_control(
                remedy.strength, remedy.strength.default, key, label_visibility="collapsed", help=None
            )
    try:
        variant = with_remedy(start, remedy.name, strength)
    except ConfigError as problem:
        with left:
            st.error(plain(str(problem)))
        return None
    refused = why_not(variant, look.config)
    with left:
        _button(
            look, [variant], seeds, settings, _(remedy.title), f"real_add_{remedy.name}",
            about=refused or _about(remedy), refused=bool(refused),
        )  # fmt: skip
    return variant


def _about(remedy: Remedy) -> str:
    """What the tooltip says: what it does, what the number beside it is, and where it comes from."""
    strength = remedy.strength
    number = "" if strength is None else _("The number: {what}.").format(what=_(strength.description))
    return " ".join(part for part in (_(remedy.summary), number, f"({remedy.source})") if part)


def _button(
    look: GuidedLook,
    variants: Sequence[Variant],
    seeds: int,
    settings: Settings,
    title: str,
    key: str,
    primary: bool = False,
    about: str | None = None,
    refused: bool = False,
    icon: str = "",
) -> None:
    done = bool(variants) and all(look.has(variant, seeds) for variant in variants)
    icon = ":material/check:" if done else icon or (":material/play_arrow:" if primary else ":material/add:")
    st.button(
        title,
        key=key,
        icon=icon,
        type="primary" if primary else "secondary",
        width="content" if primary else "stretch",
        help=about,
        disabled=refused or not variants,
        on_click=_look_or_start,
        args=(look.config, tuple(variants), seeds, settings, done),
    )


def _look_or_start(
    config: RunConfig, variants: Sequence[Variant], seeds: int, settings: Settings, done: bool
) -> None:
    if done:  # it is there: pressing it again looks at it
        look_at(variants[-1].text)
    else:
        start_variants(config, variants, seeds, settings)


def _option(name: str, value: Any) -> tuple[str, str]:
    return f"--{name.replace('_', '-')}", str(value)


def stop_button(look: GuidedLook) -> None:
    """Stops whatever of the set is being trained."""
    if look.running and st.button(
        _("Stop training"), icon=":material/stop_circle:", key="real_stop", width="stretch",
        help=_("Every training of this set ends after its current step."),
    ):  # fmt: skip
        from training.launch import stop

        for study in look.running:
            stop(study.directory)
        st.toast(_("They end after their current step."))
