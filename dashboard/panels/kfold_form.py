"""The form that starts a K-fold: what is trained, how samples are shared out, and what that looks like."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.charts.configuration import is_ours
from dashboard.charts.fold_split import SplitPicture, split_chart, split_picture
from dashboard.data_look import is_here
from dashboard.language import _, count
from dashboard.panels.bound_control import bound_control
from dashboard.panels.bounded import bounded_choice
from dashboard.panels.escape import plain
from dashboard.panels.plot import plot
from dashboard.panels.run_store import run_catalog
from dashboard.panels.study_picker import show_started
from dashboard.settings import Settings
from dashboard.study_options import study_command, study_options
from logs.errors import LogsError
from models.catalog import Parameter, UnknownNameError
from training.config import ConfigError, RunConfig
from training.datasets import DATASETS, DataError
from training.engines import ENGINES
from training.fields import Field
from training.fold_schemes import SCHEMES
from training.fold_study import AUTO, NESTED, FoldOptions
from training.optimizers import OPTIMIZERS
from training.plans import WAYS

MODULE = "training.kfold"
WHAT = ("model", "dataset")  # each followed by the settings of the chosen row
HOW = ("optimizer", "learning_rate", "batch_size", "epochs", "early_stopping", "keep", "seed")
EXAMPLE = RunConfig(epochs=20, name="")
EXAMPLE_FOLDS = {"folds": 10}
AUTO_USES = ("folds", "split_seed")  # stratified and kfold, between which auto chooses
STUDY_DEFAULTS = {**vars(FoldOptions()), "engine": "auto", "workers": 0, "way": "auto"}
FROM = "kfold_from"  # a run or study in the address whose configuration the form starts from

FOLD_PARAMETERS = (
    Parameter("folds", 5, "parts of the samples; each is left out once", "integer", 2, 1000),
    Parameter("repeats", 1, "how often the samples are dealt anew", "integer", 1, 100),
    Parameter("split_seed", 0, "start of the split's randomness", "integer", 0, 2**32 - 1),
    Parameter("inner_folds", 3, "folds of each fold's training samples, to choose by", "integer", 2, 100),
)


@dataclass(frozen=True)
class Preview:
    """Who would be in which fold, or why that can't be."""

    picture: SplitPicture | None = None
    class_names: tuple[str, ...] = ()
    folds: int = 0
    sizes: tuple[int, int, int] = (0, 0, 0)  # of the first fold: train, validation, test
    problem: str = ""
    absent: bool = False  # the data set would have to be downloaded first


def start_example(settings: Settings) -> None:
    """One click: 10-fold of the MLP on digits. Opens its page."""
    start_study(EXAMPLE, {**STUDY_DEFAULTS, **EXAMPLE_FOLDS}, settings)


def kfold_form(settings: Settings, words: Mapping[str, str]) -> None:
    """Draws the form; `words` are the page's passages."""
    base, options = _base(settings, words)
    boxes = st.grid(2, min_column_width=330, gap="medium")
    with boxes.cell():
        with st.container(border=True):
            st.subheader(_("What is trained"), anchor=False)
            changes = _chosen_rows(base)
        with st.container(border=True):
            st.subheader(_("How it is trained"), anchor=False)
            changes |= _fields(base, changes)
        with st.container(border=True):
            st.subheader(_("How the samples are shared out"), anchor=False)
            options |= _fold_options(options)
        with st.expander(_("Where it runs")):
            options |= _means(options)
    with boxes.cell(), st.container(border=True):
        try:
            config = base.replace(**{name: value for name, value in changes.items() if value is not None})
            folds = FoldOptions.of(options)
        except (ConfigError, UnknownNameError) as problem:
            st.error(plain(str(problem)), title=_("This can't be trained yet"), icon=":material/error:")
            return
        _start_box(config, folds, options, settings, words)


def _start_box(
    config: RunConfig,
    folds: FoldOptions,
    options: Mapping[str, Any],
    settings: Settings,
    words: Mapping[str, str],
) -> None:
    looked = _preview(json.dumps(config.to_dict(), sort_keys=True), folds, str(settings.data))
    if st.button(
        _("Start"), type="primary", icon=":material/play_arrow:", key="kfold_start", width="stretch",
        disabled=bool(looked.problem),
    ):  # fmt: skip
        start_study(config, options, settings)
    if looked.problem:
        st.error(plain(looked.problem), title=_("This can't be trained yet"), icon=":material/error:")
        return
    if looked.picture is not None:
        train, validation, test = looked.sizes
        trainings = count(looked.folds, "{n} training", "{n} trainings")
        st.markdown(
            _(
                "**{trainings}**, the first on {train:,} samples, judged by {test:,} that it never sees."
            ).format(trainings=trainings, train=train, test=test)
        )
        if validation and config.keep == "best":
            st.caption(_("{n:,} more choose its best epoch.").format(n=validation))
        height = 150 + min(14 * len(looked.picture.folds), 320)
        figure = split_chart(looked.picture, looked.class_names)
        plot(figure, "kfold_preview", height=height, description=_("Who would be in which fold"))
    elif looked.absent:
        st.caption(words["no_data"])
    st.caption(_("The same from a terminal, in the project's folder:"))
    command = study_command(MODULE, study_options(config, options, STUDY_DEFAULTS))
    st.code(command, language="bash", wrap_lines=True)


def _chosen_rows(base: RunConfig) -> dict[str, Any]:
    """Model and data set, and the settings of each."""
    changes: dict[str, Any] = {}
    for field in _named(WHAT):
        value = bound_control(field.parameter, getattr(base, field.name), f"kfold_{field.name}", field.table)
        changes[field.name] = value
        own = value == getattr(base, field.name)
        settings = dict(getattr(base, field.settings)) if own else {}
        parameters = field.parameters(value)
        if parameters:
            title = _("Settings of {name}").format(name=field.table[value].title if field.table else value)
            with st.expander(title), st.grid(3, min_column_width=150, vertical_alignment="bottom"):
                for name, parameter in parameters.items():
                    start = settings.get(name, parameter.default)
                    changes[name] = bound_control(parameter, start, f"kfold_{name}")
    return changes


def _fields(base: RunConfig, changes: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with st.grid(3, min_column_width=150, vertical_alignment="bottom"):
        for field in _named(HOW):
            start, absent = getattr(base, field.name), None
            if field.name == "learning_rate":  # left out: the optimizer's own
                optimizer = found.get("optimizer", base.optimizer)
                absent = float(OPTIMIZERS[optimizer].default_learning_rate)
                own = optimizer == base.optimizer and start != absent
                start = start if own else None
            found[field.name] = bound_control(
                field.parameter, start, f"kfold_{field.name}", field.table, absent
            )
            if field.name == "learning_rate" and found[field.name] is None:
                found[field.name] = absent
    return found


def _fold_options(options: Mapping[str, Any]) -> dict[str, Any]:
    choices = (AUTO, *SCHEMES.names())
    rows = Parameter("scheme", FoldOptions.scheme, "who is in which fold", "choice", choices=choices)
    found = {"scheme": bound_control(rows, options["scheme"], "kfold_scheme", SCHEMES)}
    scheme = found["scheme"]
    uses = AUTO_USES if scheme == AUTO else SCHEMES[scheme].uses
    uses = (*uses, "inner_folds") if scheme == NESTED else uses
    chosen_by_data = _("Stratified where there are classes, plain folds where numbers are predicted.")
    st.caption(chosen_by_data if scheme == AUTO else plain(SCHEMES[scheme].description))
    used = [parameter for parameter in FOLD_PARAMETERS if parameter.name in uses]
    found |= {each.name: STUDY_DEFAULTS[each.name] for each in FOLD_PARAMETERS if each not in used}
    if used:
        with st.grid(3, min_column_width=150, vertical_alignment="bottom"):
            for each in used:
                found[each.name] = bound_control(each, options[each.name], f"kfold_{each.name}")
    found["set"] = ()
    if scheme == NESTED:
        said = st.text_area(
            _("Candidates, a line for each setting"),
            value="\n".join(options["set"]) or "learning_rate=0.01,0.001",
            key="kfold_set",
            bind="query-params",
            help=_("As --set takes them: hidden_width=16,64 or learning_rate=0.1,0.01,0.001."),
        )
        found["set"] = tuple(line.strip() for line in said.splitlines() if line.strip())
    return found


def _means(options: Mapping[str, Any]) -> dict[str, Any]:
    engines = Parameter("engine", "auto", "where trainings run", "choice", choices=tuple(ENGINES.names()))
    workers = Parameter("workers", 0, "processes at the same time; 0: one per core", "integer", 0, 256)
    with st.grid(3, min_column_width=150, vertical_alignment="bottom"):
        way = bounded_choice(
            _("Way"), WAYS, str(options["way"]), "kfold_way", _,
            _("Small networks together as one, or each alone; auto times a few steps of both."),
        )  # fmt: skip
        engine = bound_control(engines, options["engine"], "kfold_engine", ENGINES)
        several = bound_control(workers, options["workers"], "kfold_workers")
    return {"engine": engine, "workers": several, "way": way}


def _base(settings: Settings, words: Mapping[str, str]) -> tuple[RunConfig, dict[str, Any]]:
    """What the form starts from: the run or study that the address names, else the defaults."""
    named = st.query_params.get(FROM)
    options = {**STUDY_DEFAULTS, **EXAMPLE_FOLDS}
    if not named:
        return EXAMPLE, options
    try:
        run = run_catalog(settings.runs).find(named)
    except LogsError as problem:
        st.warning(plain(str(problem)), title=words["bad_address"])
        return EXAMPLE, options
    if not is_ours(run.config):
        st.warning(words["foreign"], title=words["bad_address"])
        return EXAMPLE, options
    if st.session_state.get("kfold_filled") != named:  # widgets of an earlier start would win over this one's
        st.session_state["kfold_filled"] = named
        for key in [
            key for key in st.session_state if str(key).startswith("kfold_") and key != "kfold_filled"
        ]:
            del st.session_state[key]
    own = run.info.study if run.info is not None and run.kind == "kfold" else {}
    options |= {name: own[name] for name in STUDY_DEFAULTS if name in own}
    st.caption(_("Starts from the settings of {run}.").format(run=plain(run.name)))
    return RunConfig.from_dict(run.config).replace(name=""), options


def _named(names: tuple[str, ...]) -> list[Field]:
    fields = {field.name: field for field in RunConfig.fields()}
    return [fields[name] for name in names if name in fields]


@st.cache_data(max_entries=50, show_spinner=False)
def _preview(config_text: str, folds: FoldOptions, data: str) -> Preview:
    from training.data import task_of
    from training.jobs import samples_of

    config, root = RunConfig.from_dict(json.loads(config_text)), Path(data)
    if not is_here(DATASETS[config.dataset], root):
        return Preview(absent=True)
    try:
        folds = folds.resolved(config, root)
        plan = folds.plan(config, root)
        total = folds.study(config, plan, "", root).count  # refuses what can't be, as the command would
        samples = samples_of(config, root)
    except (DataError, ConfigError, ValueError, OSError) as problem:
        return Preview(problem=str(problem))
    classes = None if task_of(config, samples) == "regression" else samples.targets
    first = plan.folds[0].split
    return Preview(
        split_picture(plan.folds, classes, dealt=True),
        tuple(samples.class_names),
        total,
        (len(first.train), len(first.validation), len(first.test)),
    )


def start_study(config: RunConfig, options: Mapping[str, Any], settings: Settings) -> None:
    """Starts the study and opens its page; why not, where it doesn't start."""
    from training.launch import LaunchError, launch_study

    words = study_options(config, options, STUDY_DEFAULTS)
    try:
        with st.spinner(_("Starting: importing PyTorch, loading the data ...")):
            study = launch_study(MODULE, words, config.model, config.dataset, settings.runs, settings.data)
    except (LaunchError, OSError) as problem:
        st.error(plain(str(problem)), title=_("The study did not start"), icon=":material/error:")
        return
    show_started(study)
