"""What a sweep can vary, and over what: the rows of the form, as data.

A row is what stands behind `--set` on the command line and in the address: "learning_rate=log:1e-4:0.1".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dashboard.language import _, count, mark
from dashboard.panels.control import widget_of
from models.catalog import Catalog, Parameter
from training.config import ConfigError, RunConfig
from training.fields import Field
from training.pruning import PRUNING, Pruning
from training.search_space import NOT_SEARCHED, Dimension, SearchSpace, shown_value
from training.sweep import SweepOptions

FIRST = ("learning_rate", "hidden_width", "weight_decay", "batch_size", "dropout", "hidden_layers")
DEFAULT_ROWS = ("learning_rate=log:1e-4:0.1",)
FEW = 4  # rows of a table that a suggestion names


@dataclass(frozen=True)
class Searchable:
    """One thing that can vary. `owner` is the chosen row whose setting it is, "" for a field."""

    parameter: Parameter
    field: Field
    owner: str = ""

    @property
    def name(self) -> str:
        return self.parameter.name

    @property
    def choices(self) -> tuple[str, ...]:
        """The values among which a person may pick; empty for numbers."""
        if self.parameter.kind == "flag":
            return ("true", "false")
        return tuple(self.parameter.choices) if not self.field.several or self.owner else ()


@dataclass(frozen=True)
class Example:
    """A sweep worth seeing, started by one click."""

    name: str
    title: str
    about: str
    changes: Mapping[str, Any]
    rows: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)

    def config(self) -> RunConfig:
        return RunConfig().replace(name=self.title, **self.changes)


EXAMPLES: Catalog[Example] = Catalog(
    "example",
    (
        Example(
            "learning_rates",
            mark("Which learning rate?"),
            mark("16 learning rates, each with 4 seeds, of a small network on two moons: seconds."),
            {
                "dataset": "two_moons", "hidden_layers": 1, "hidden_width": 16, "activation": "tanh",
                "batch_size": 32, "epochs": 20,
            },
            ("learning_rate=log:1e-4:1:16",),
            {"sampler": "grid", "seeds": 4},
        ),
        Example(
            "what_matters",
            mark("What matters most?"),
            mark("Four settings at once, drawn at random 32 times, on handwritten digits: half a minute."),
            {"epochs": 10},
            (
                "learning_rate=log:1e-4:1", "hidden_width=16,64,128", "dropout=0:0.5",
                "activation=relu,tanh,sigmoid",
            ),
            {"sampler": "random", "trials": 32, "seeds": 2},
        ),
    ),
)  # fmt: skip


def searchable(config: RunConfig) -> dict[str, Searchable]:
    """All that a sweep from this configuration can vary, by name: the usual ones first."""
    found: dict[str, Searchable] = {}
    for each in RunConfig.fields():
        if each.group != "Run" and each.name not in NOT_SEARCHED:
            found[each.name] = Searchable(each.parameter, each)
        if each.settings and each.name not in NOT_SEARCHED:
            value = getattr(config, each.name)
            for name, parameter in each.parameters(value).items():
                owner = next(row.name for row in each.rows(value) if parameter in row.parameters)
                found.setdefault(name, Searchable(parameter, each, owner))
    first = {name: found[name] for name in FIRST if name in found}
    return first | found


def next_row(config: RunConfig, rows: Iterable[str]) -> str:
    """A row that isn't there yet, with a range worth trying; "" where everything varies."""
    taken = {split_row(row)[0] for row in rows}
    free = next((each for name, each in searchable(config).items() if name not in taken), None)
    return f"{free.name}={suggestion(free, config)}" if free else ""


def split_row(row: str) -> tuple[str, str]:
    name, _equals, spec = row.partition("=")
    return name.strip(), spec.strip()


def suggestion(each: Searchable, config: RunConfig) -> str:
    """A range or some values to begin with: about what the configuration has, as far as the rule allows."""
    parameter, now = each.parameter, _value(each, config)
    if each.field.several and not each.owner:
        names = ["none", *_allowed(each, config, [(row.name,) for row in each.field.table or ()])]
        return ",".join(names[:FEW])
    if each.choices:
        names = _allowed(each, config, [now, *(name for name in each.choices if name != "auto")])
        return ",".join(names[:FEW])
    if parameter.kind in ("text", "path"):
        return str(now)
    low, high = _ends(parameter)
    if parameter.kind == "integer":
        if parameter.high is None:
            return "250,500,1000"
        if parameter.log or now >= 8:
            return ",".join(dict.fromkeys(str(int(min(high, max(low, now * part)))) for part in (0.25, 1, 4)))
        return f"int:{int(max(low, now - 1))}:{int(min(high, max(low, now - 1) + 3))}"
    if parameter.log or (widget_of(parameter) == "number" and now > 0):
        start = 0.01 if parameter.name == "learning_rate" else now
        return f"log:{max(low, start / 100) or start / 100:.3g}:{min(high, start * 10):.3g}"
    if widget_of(parameter) == "slider":
        return f"{low:.3g}:{min(high, max(0.5, now)) if low < 0.5 else high:.3g}"
    usual = (0, 1e-5, 1e-4, 1e-3, 1e-2) if high <= 1 else (0, 0.1, 1, 10)
    return ",".join(f"{value:g}" for value in usual if low <= value <= high)


def parsed_row(row: str, config: RunConfig, others: Iterable[str]) -> Dimension:
    """The row as a dimension; ConfigError where it is none. A row among `others` may choose who has it."""
    name = split_row(row)[0].replace("-", "_")
    chosen = [other for other in others if split_row(other)[0] != name and other in _choices(others, config)]
    space = SearchSpace.parse([row, *chosen], config)
    return next(dimension for dimension in space.dimensions if dimension.name == name)


def row_words(dimension: Dimension) -> str:
    """What a row stands for: "from 0.0001 to 0.1, on a logarithmic scale"."""
    if dimension.values:
        values = ", ".join(shown_value(value) for value in dimension.values)
        return f"{count(len(dimension.values), '{n} value', '{n} values')}: {values}"
    words = _("from {low:g} to {high:g}").format(low=dimension.low, high=dimension.high)
    if dimension.integer:
        words = _("whole numbers {words}").format(words=words)
    if dimension.log:
        words += ", " + _("on a logarithmic scale")
    if dimension.points:
        words += " · " + count(dimension.points, "{n} point of a grid", "{n} points of a grid")
    return words


def allowed_words(parameter: Parameter) -> str:
    """What the parameter's own rule allows: "1e-08 to 100"."""
    if parameter.kind not in ("integer", "number"):
        return ""
    low, high = parameter.low, parameter.high
    if low is None and high is None:
        return _("any number")
    if high is None:
        return _("at least {low:g}").format(low=low)
    return _("{low:g} to {high:g}").format(low=low if low is not None else float("-inf"), high=high)


def sweep_options(rows: Iterable[str], options: Mapping[str, Any], config: RunConfig) -> SweepOptions:
    """What the form asks for. ConfigError, UnknownNameError or ValueError for what can't be."""
    given = {name: value for name, value in options.items() if value not in (None, "auto")}
    return SweepOptions.of({**given, "set": list(rows)}, config)


def sweep_words(rows: Iterable[str], options: Mapping[str, Any]) -> list[str]:
    """The sweep's own part of the command line: what differs from the defaults."""
    words = [word for row in rows for word in ("--set", row)]
    for name, value in options.items():
        if value not in (None, "auto", DEFAULTS.get(name)):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def prune_text(rule: str, settings: Mapping[str, Any]) -> str:
    """The rule with its settings, as behind `--prune`."""
    pairs = ",".join(f"{name}={value}" for name, value in settings.items() if name in _rule_settings(rule))
    return str(Pruning.parse(f"{rule}:{pairs}"))


DEFAULTS: Mapping[str, Any] = {
    "sampler": "auto", "trials": None, "seeds": 1, "prune": "none", "at_once": None,
    "way": "auto", "engine": "auto", "workers": 0,
}  # fmt: skip


def _rule_settings(rule: str) -> set[str]:
    return {parameter.name for parameter in PRUNING[rule].parameters}


def _choices(rows: Iterable[str], config: RunConfig) -> list[str]:
    """The rows that choose rows of tables, and can be read."""
    fields = {each.name: each for each in RunConfig.fields()}
    found = []
    for row in rows:
        each = fields.get(split_row(row)[0])
        if each is not None and each.settings:
            try:
                SearchSpace.parse([row], config)
            except ConfigError:
                continue
            found.append(row)
    return found


def _allowed(each: Searchable, config: RunConfig, values: Iterable[Any]) -> list[str]:
    """Those of the values that go with the rest of the configuration, as texts."""
    found = []
    for value in values:
        try:
            config.replace(**{each.name: value})
        except ConfigError:
            continue
        found.append(shown_value(value))
    return [text for text in dict.fromkeys(found) if text != "auto"]


def _value(each: Searchable, config: RunConfig) -> Any:
    if each.owner:
        return config.settings.get(each.name, each.parameter.default)
    return getattr(config, each.name)


def _ends(parameter: Parameter) -> tuple[float, float]:
    low = float("-inf") if parameter.low is None else parameter.low
    high = float("inf") if parameter.high is None else parameter.high
    return low, high
