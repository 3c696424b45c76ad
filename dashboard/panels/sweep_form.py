"""The form that starts a sweep: what is trained, what varies, how it is searched, and the command for it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.charts.configuration import is_ours
from dashboard.data_look import is_here
from dashboard.language import _, count, mark
from dashboard.panels.bound_control import bound_control
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.run_store import run_catalog
from dashboard.panels.study_picker import show_started
from dashboard.panels.sweep_rows import put_rows, rows_now, sweep_rows
from dashboard.settings import Settings
from dashboard.study_options import study_command
from dashboard.sweep_space import (
    DEFAULTS,
    EXAMPLES,
    Example,
    prune_text,
    split_row,
    sweep_options,
    sweep_words,
)
from logs.errors import LogsError
from models.catalog import Parameter, UnknownNameError
from training.arguments import command_line
from training.config import ConfigError, RunConfig
from training.datasets import DATASETS
from training.engines import ENGINES
from training.fields import Field
from training.plans import WAYS
from training.pruning import PRUNING, Pruning
from training.samplers import SAMPLERS
from training.search_space import SearchSpace
from training.sweep import TRIALS, SweepOptions

MODULE = "training.sweep"
FROM = "sweep_from"  # a run or sweep in the address whose settings the form starts from
FILLED = "sweep_filled"  # session state: the one that it was filled from
WHAT = ("model", "dataset", "optimizer")  # each followed by the settings of the chosen row
HOW = ("learning_rate", "batch_size", "epochs", "weight_decay", "early_stopping", "keep", "seed")
SEARCH = (
    Parameter("trials", TRIALS, "settings that are tried", "integer", 1, 10_000),
    Parameter("seeds", 1, "trainings of each trial: their spread tells luck from merit", "integer", 1, 1000),
)
AUTO_SAMPLER = mark("A grid where all values are listed, else random.")


def start_sweep(
    config: RunConfig, rows: Sequence[str], options: Mapping[str, Any], settings: Settings
) -> None:
    """Starts the sweep and opens its page; why not, where it doesn't start."""
    from training.launch import LaunchError, launch_study

    words = [*command_line(config), *sweep_words(rows, options)]
    try:
        with st.spinner(_("Starting: importing PyTorch, loading the data ...")):
            study = launch_study(MODULE, words, config.model, config.dataset, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The sweep did not start"), icon=":material/error:")
        return
    show_started(study)


def examples(settings: Settings, words: Mapping[str, str]) -> None:
    """Sweeps that one click starts."""
    with st.container(border=True):
        st.markdown(words["empty"])
        with st.grid(2, min_column_width=280):
            for example in EXAMPLES:
                _example(example, settings)


def _example(example: Example, settings: Settings) -> None:
    with st.container(border=True, height="stretch"):
        st.markdown(f"**{_(example.title)}**")
        st.caption(_(example.about))
        if st.button(
            _("Start it"),
            icon=":material/play_arrow:",
            key=f"sweep_example_{example.name}",
            type="primary" if example.name == EXAMPLES.names()[0] else "secondary",
        ):
            start_sweep(example.config(), example.rows, example.options, settings)


def sweep_form(settings: Settings, words: Mapping[str, str]) -> None:
    """Draws the form; `words` are the page's passages."""
    base, options = _base(settings, words)
    rows = rows_now()
    varied = {split_row(row)[0] for row in rows}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        with st.container(border=True):
            st.subheader(_("What is trained"), anchor=False)
            changes = _what(base, varied)
        config, problem = _config(base, changes)
        with st.container(border=True):
            st.subheader(_("What varies"), anchor=False)
            readable = sweep_rows(rows, config)
        with st.container(border=True):
            st.subheader(_("How it is searched"), anchor=False)
            options |= _search(options)
        with st.expander(_("More settings")):
            changes |= _how({**vars(base), **changes}, base, varied)
        with st.expander(_("Where it runs")):
            options |= _means(options)
    config, problem = _config(base, changes)
    with right, st.container(border=True):
        asked = None
        try:
            asked = sweep_options(rows, options, config)
            if not problem and is_here(DATASETS[config.dataset], settings.data):
                _fits(json.dumps(config.to_dict(), sort_keys=True), tuple(rows), str(settings.data))
        except (ConfigError, UnknownNameError, ValueError, OSError) as refused:
            problem = problem or (str(refused) if readable else _("The row of what varies says why."))
        if st.button(
            _("Start the sweep"),
            type="primary",
            icon=":material/play_arrow:",
            key="sweep_start",
            width="stretch",
            disabled=bool(problem) or not readable,
        ):
            start_sweep(config, rows, options, settings)
        if asked is None or problem:
            st.error(plain(problem), title=_("This can't be searched yet"), icon=":material/error:")
            return
        _amount(asked, config)
        st.caption(_("The same from a terminal, in the project's folder:"))
        command = study_command(MODULE, [*command_line(config), *sweep_words(rows, options)])
        st.code(command, language="bash", wrap_lines=True)


def _amount(asked: SweepOptions, config: RunConfig) -> None:
    """How many trainings that is, and how they are chosen."""
    trials = count(asked.trials, "{n} trial", "{n} trials")
    seeds = count(asked.seeds, "{n} seed", "{n} seeds")
    trainings = count(asked.trials * asked.seeds, "{n} training", "{n} trainings")
    epochs = count(config.epochs, "{n} epoch", "{n} epochs")
    st.markdown(
        _("**{trials} × {seeds} = {trainings}** of {epochs} each").format(
            trials=trials, seeds=seeds, trainings=trainings, epochs=epochs
        )
    )
    sampler, rule = SAMPLERS[asked.sampler], PRUNING[asked.pruning.rule]
    st.caption(f"**{plain(sampler.title)}**: {plain(sampler.summary)}")
    if rule.name != "none":
        st.caption(f"**{plain(rule.title)}**: {plain(rule.summary)}")


def _what(base: RunConfig, varied: set[str]) -> dict[str, Any]:
    """Model, data set and optimizer, and the settings of each; what varies is set below."""
    changes: dict[str, Any] = {}
    fields = _named(WHAT)
    with st.grid(3, min_column_width=180, vertical_alignment="bottom"):
        for field in fields:
            key = f"sweep_{field.name}"
            changes[field.name] = bound_control(field.parameter, getattr(base, field.name), key, field.table)
    for field in fields:
        value = changes[field.name]
        own = dict(getattr(base, field.settings)) if value == getattr(base, field.name) else {}
        parameters = [each for name, each in field.parameters(value).items() if name not in varied]
        if parameters:
            title = field.table[value].title if field.table is not None else value
            with (
                st.expander(_("Settings of {name}").format(name=title)),
                st.grid(3, min_column_width=150, vertical_alignment="bottom"),
            ):
                for each in parameters:
                    start = own.get(each.name, each.default)
                    changes[each.name] = bound_control(each, start, f"sweep_{each.name}")
    return changes


def _how(now: Mapping[str, Any], base: RunConfig, varied: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with st.grid(3, min_column_width=150, vertical_alignment="bottom"):
        for field in _named(HOW):
            if field.name in varied:
                continue
            start, absent = getattr(base, field.name), None
            if field.name == "learning_rate":  # left out: the optimizer's own
                optimizer = next(each for each in _named(("optimizer",)))
                (row,) = optimizer.rows(now["optimizer"])
                absent = float(row.default_learning_rate)
                start = start if now["optimizer"] == base.optimizer and start != absent else None
            key = f"sweep_{field.name}"
            found[field.name] = bound_control(field.parameter, start, key, field.table, absent)
    return found


def _search(options: Mapping[str, Any]) -> dict[str, Any]:
    """Sampler, trials, seeds and pruning."""
    samplers = Parameter("sampler", "auto", _(AUTO_SAMPLER), "choice", choices=("auto", *SAMPLERS.names()))
    pruning = Parameter(
        "prune", "none", "ends hopeless trials early", "choice", choices=tuple(PRUNING.names())
    )
    chosen = Pruning.parse(str(options["prune"]))
    found: dict[str, Any] = {}
    with st.grid(2, min_column_width=180, vertical_alignment="bottom"):
        found["sampler"] = bound_control(samplers, options["sampler"], "sweep_sampler", SAMPLERS)
        rule = bound_control(pruning, chosen.rule, "sweep_prune", PRUNING)
        for each in SEARCH:
            absent = each.default if each.name == "trials" else None
            found[each.name] = bound_control(each, options[each.name], f"sweep_{each.name}", None, absent)
    if found["sampler"] != "auto" and SAMPLERS[found["sampler"]].exhausts:
        found["trials"] = None  # it tries everything
    about = [] if found["sampler"] == "auto" else [SAMPLERS[found["sampler"]].summary]
    about += [] if rule == "none" else [PRUNING[rule].summary]
    st.caption(plain(" ".join(about) or _(AUTO_SAMPLER)))
    own = chosen.settings if rule == chosen.rule else {}
    values: dict[str, Any] = {}
    if PRUNING[rule].parameters:
        with st.grid(4, min_column_width=130, vertical_alignment="bottom"):
            for each in PRUNING[rule].parameters:
                start = own.get(each.name, each.default)
                values[each.name] = bound_control(each, start, f"sweep_{rule}_{each.name}")
    return {**found, "prune": prune_text(rule, values)}


@st.cache_data(max_entries=50, show_spinner=False)
def _fits(config_text: str, rows: tuple[str, ...], data: str) -> None:
    """Raises what the command would say of the data: once for the same settings."""
    from training.sweep_data import refuse_data

    config = RunConfig.from_dict(json.loads(config_text))
    refuse_data(SearchSpace.parse(rows, config), config, Path(data))


def _means(options: Mapping[str, Any]) -> dict[str, Any]:
    engines = Parameter("engine", "auto", "where trainings run", "choice", choices=tuple(ENGINES.names()))
    workers = Parameter("workers", 0, "processes at the same time; 0: one per core", "integer", 0, 256)
    with st.grid(3, min_column_width=150, vertical_alignment="bottom"):
        about = _("Small networks together as one, or each alone; auto times a few steps of both.")
        way = bounded_choice(_("Way"), WAYS, str(options["way"]), "sweep_way", _, about)
        engine = bound_control(engines, options["engine"], "sweep_engine", ENGINES)
        several = bound_control(workers, options["workers"], "sweep_workers")
    return {"way": way, "engine": engine, "workers": several}


def _config(base: RunConfig, changes: Mapping[str, Any]) -> tuple[RunConfig, str]:
    """The configuration that trials start from; the base and what is wrong where it is none."""
    given = {name: value for name, value in changes.items() if value is not None}
    if "learning_rate" in changes and changes["learning_rate"] is None:
        given["learning_rate"] = None  # the optimizer's own
    try:
        return base.replace(**given), ""
    except (ConfigError, UnknownNameError) as problem:
        return base, str(problem)


def _base(settings: Settings, words: Mapping[str, str]) -> tuple[RunConfig, dict[str, Any]]:
    """What the form starts from: the run or sweep that the address names, else the defaults."""
    options = dict(DEFAULTS)
    named = st.query_params.get(FROM)
    if not named:
        return RunConfig(), options
    try:
        run = run_catalog(settings.runs).find(named)
    except LogsError as problem:
        st.warning(plain(str(problem)), title=words["bad_address"])
        return RunConfig(), options
    if not is_ours(run.config):
        st.warning(words["foreign"], title=words["bad_address"])
        return RunConfig(), options
    own = run.info.study if run.info is not None and run.kind == "sweep" else {}
    options |= {name: own[name] for name in DEFAULTS if name in own}
    if own and SAMPLERS[options["sampler"]].exhausts:
        options["trials"] = None
    if st.session_state.get(FILLED) != run.id:  # widgets of an earlier start would win over this one's
        for key in [key for key in st.session_state if str(key).startswith("sweep_")]:
            del st.session_state[key]
        st.session_state[FILLED] = run.id
        if space := own.get("space"):
            put_rows([f"{name}={spec}" for name, spec in space.items()])
    st.caption(_("Starts from the settings of {run}.").format(run=plain(run.name)))
    return RunConfig.from_dict(run.config).replace(name="", tags=()), options


def _named(names: tuple[str, ...]) -> list[Field]:
    fields = {field.name: field for field in RunConfig.fields()}
    return [fields[name] for name in names if name in fields]
