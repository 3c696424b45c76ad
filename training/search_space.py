"""What a sweep varies: `--set learning_rate=log:1e-4:1e-1 --set hidden_width=16,64,256`.

    NAME=A,B,C            these values
    NAME=LOW:HIGH         any number between, equally likely (whole numbers where NAME takes only those)
    NAME=log:LOW:HIGH     the same on a logarithmic scale
    NAME=int:LOW:HIGH     whole numbers

A fourth part, `log:1e-4:1e-1:7`, is the number of values that a grid takes of a range. NAME is a field of
RunConfig or a setting of a chosen row. Several transforms at once are joined by `+`; `none` is none of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.catalog import Parameter, UnknownNameError
from training.config import ConfigError, RunConfig
from training.fields import Field

Parameters = Mapping[str, Any]  # the values of one trial, by name

NOT_SEARCHED = {
    "seed": "give every trial several seeds with --seeds",
    "dataset": "scores on different data can't be compared; make one sweep of each",
    "task": "scores of different tasks can't be compared; make one sweep of each",
}
DIGITS = 4  # of a drawn number: more say nothing, and make every command longer
GRID_LIMIT = 10_000  # trials
WHOLE_RANGE = 64  # a range of at most so many whole numbers is a list of them to a grid


@dataclass(frozen=True)
class Dimension:
    """One thing that varies: `values`, or a range from `low` to `high`, both included."""

    name: str
    text: str  # as it was typed, behind the =
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    integer: bool = False
    points: int = 0  # values that a grid takes of the range; 0: not said

    @property
    def is_finite(self) -> bool:
        """Whether a grid has all of it, or as many points as it was told to take."""
        few = self.integer and not self.log and self.high - self.low < WHOLE_RANGE
        return bool(self.values or self.points or few)

    def at(self, share: float) -> Any:
        """The value below which the share `share` (0 to 1) of the dimension lies."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        half = 0.5 if self.integer else 0.0  # whole numbers at the ends are as likely as the others
        low, high = self.low - half, self.high + half
        if self.log:
            return self.tidy(math.exp(math.log(low) + share * (math.log(high) - math.log(low))))
        return self.tidy(low + share * (high - low))

    def tidy(self, number: float) -> float | int:
        """A drawn number as it is used: whole where it must be, of four digits where not, within the ends."""
        if self.integer:
            return int(min(max(round(number), self.low), self.high))
        return float(min(max(float(f"{number:.{DIGITS}g}"), self.low), self.high))

    def grid(self) -> tuple[Any, ...]:
        """Every value of a grid; ConfigError for a range that doesn't say how many."""
        if self.values:
            return self.values
        low, high = self.low, self.high
        if not self.points and self.is_finite:
            return tuple(range(int(low), int(high) + 1))
        if not self.points:
            raise ConfigError(
                f"{self.name}={self.text} is a range, and a grid needs to know how many values of it: "
                f"{self.name}={self.text}:5, or use --sampler random"
            )
        shares = [place / (self.points - 1) for place in range(self.points)] if self.points > 1 else [0.5]
        if self.log:
            found = [math.exp(math.log(low) + share * (math.log(high) - math.log(low))) for share in shares]
        else:
            found = [low + share * (high - low) for share in shares]
        return tuple(dict.fromkeys(self.tidy(number) for number in found))

    def extremes(self) -> tuple[Any, ...]:
        """The values that are refused if any are: rules are about ends of ranges and about choices."""
        if self.values:
            return self.values
        ends = (int(self.low), int(self.high)) if self.integer else (self.low, self.high)
        return tuple(dict.fromkeys(ends))


@dataclass(frozen=True)
class SearchSpace:
    """All that varies. One that exists is valid with the configuration that it was parsed with."""

    dimensions: tuple[Dimension, ...]

    @classmethod
    def parse(cls, texts: Iterable[str], start: RunConfig) -> SearchSpace:
        """From the values of `--set`, on top of `start`. ConfigError names the value, the rule and the way
        out.
        """
        specs: dict[str, str] = {}
        for name, spec in map(_split, texts):
            if name in specs:
                raise ConfigError(f"--set {name} is there twice; write all of its values into one")
            specs[name] = spec
        if not specs:
            raise ConfigError(
                "nothing varies; say what with --set, such as --set learning_rate=log:1e-4:1e-1"
            )
        fields = {each.name: each for each in RunConfig.fields()}
        chosen = {name: _of_field(spec, fields[name]) for name, spec in specs.items() if name in fields}
        hosts = _hosts(start, [dimension for name, dimension in chosen.items() if fields[name].settings])
        found = (chosen.get(name) or _of_setting(name, spec, hosts) for name, spec in specs.items())
        space = cls(tuple(found))
        space._check(start)
        return space

    @classmethod
    def from_dict(cls, specs: Mapping[str, str], start: RunConfig) -> SearchSpace:
        """What `to_dict` gave."""
        return cls.parse([f"{name}={spec}" for name, spec in specs.items()], start)

    def to_dict(self) -> dict[str, str]:
        """Each name with its text: for run.json, and to be typed again."""
        return {dimension.name: dimension.text for dimension in self.dimensions}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dimension.name for dimension in self.dimensions)

    @property
    def is_finite(self) -> bool:
        """Whether a grid over it is possible without being told more."""
        return all(dimension.is_finite for dimension in self.dimensions)

    def grid(self) -> list[dict[str, Any]]:
        """Every combination, the last dimension changing fastest. ConfigError where one has no number of
        points, and for more than 10,000 combinations.
        """
        axes = [dimension.grid() for dimension in self.dimensions]
        count = math.prod(map(len, axes))
        if count > GRID_LIMIT:
            raise ConfigError(
                f"the grid has {count:,} combinations, and at most {GRID_LIMIT:,} are tried; give fewer "
                "values, or use --sampler random --trials N"
            )
        return [dict(zip(self.names, values, strict=True)) for values in itertools.product(*axes)]

    def config(self, start: RunConfig, parameters: Parameters) -> RunConfig:
        """The configuration of one trial; ConfigError where such a combination can't be."""
        return start.replace(**parameters)

    def parameters_of(self, config: RunConfig) -> dict[str, Any]:
        """The values that a trial's configuration has."""
        settings = config.settings
        return {name: settings[name] if name in settings else getattr(config, name) for name in self.names}

    def _check(self, start: RunConfig) -> None:
        """Refuses a space with combinations that can't be. Rules are about one or two fields each, so
        every pair of dimensions is tried at its ends, with the others at their first value.
        """
        first = {dimension.name: dimension.extremes()[0] for dimension in self.dimensions}
        pairs = itertools.combinations(self.dimensions, 2)
        for chosen in pairs if len(self.dimensions) > 1 else [self.dimensions]:
            for values in itertools.product(*(dimension.extremes() for dimension in chosen)):
                tried = dict(zip((dimension.name for dimension in chosen), values, strict=True))
                try:
                    self.config(start, {**first, **tried})
                except ConfigError as error:
                    shown = " ".join(f"{name}={shown_value(value)}" for name, value in tried.items())
                    raise ConfigError(f"--set allows {shown}, and then {error}") from None


def shown_value(value: Any) -> str:
    """A value as it is typed behind `--set NAME=`, for a table's cell too."""
    if isinstance(value, tuple):
        return "+".join(value) or "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _split(text: str) -> tuple[str, str]:
    name, equals, spec = text.partition("=")
    name, spec = name.strip().replace("-", "_"), spec.strip()
    if not (name and equals and spec):
        raise ConfigError(f"--set {text!r} says nothing to vary; write NAME=A,B,C or NAME=LOW:HIGH")
    return name, spec


def _hosts(start: RunConfig, choices: list[Dimension]) -> list[RunConfig]:
    """The start, and it with each choice of another row: one of them has the setting that is looked for."""
    hosts = [start]
    for dimension in choices:
        for value in dimension.values:
            try:
                hosts.append(start.replace(**{dimension.name: value}))
            except ConfigError:
                continue  # not with the other fields as they are: the whole space is checked at the end
    return hosts


def _of_setting(name: str, spec: str, hosts: list[RunConfig]) -> Dimension:
    """A dimension of a row's own setting, such as the momentum of an optimizer."""
    for host in hosts:
        for each in RunConfig.fields():
            if each.settings and name in (parameters := each.parameters(getattr(host, each.name))):
                owner = ", ".join(row.name for row in each.rows(getattr(host, each.name)))
                check = partial(parameters[name].check, owner=owner)
                return _parsed(name, spec, check, parameters[name])
    if name in hosts[0].to_dict():
        raise ConfigError(f"{name} is no option; vary one of the settings in it by the setting's own name")
    hosts[0].replace(**{name: 0})  # its error knows who has such a setting, and the nearest name
    raise AssertionError(f"{name} is a setting after all")


def _of_field(spec: str, field: Field) -> Dimension:
    """A dimension of a field of RunConfig."""
    name = field.name
    if name in NOT_SEARCHED:
        raise ConfigError(f"{name} can't be varied by --set: {NOT_SEARCHED[name]}")
    if field.group == "Run":
        raise ConfigError(f"{name} changes nothing that is learned: a sweep over it would find nothing")
    return _parsed(name, spec, lambda word: _field_value(field, word), field.parameter)


def _field_value(field: Field, word: str) -> Any:
    if field.several:
        words = () if word == "none" else tuple(word.split("+"))
        field.rows(words)  # its error names the nearest row
        return words
    if field.table is not None:
        field.rows(word)
    return field.parameter.check(word, "the run")


def _parsed(name: str, spec: str, read: Callable[[str], Any], parameter: Parameter) -> Dimension:
    """`read` turns one word into a value, or says why it can't."""
    try:
        if parameter.kind in ("integer", "number") and ":" in spec:
            return _range(name, spec, read, parameter.kind == "integer")
        values = [read(word.strip()) for word in spec.split(",") if word.strip()]
    except (ValueError, UnknownNameError) as error:
        raise ConfigError(f"--set {name}={spec}: {error}") from None
    return Dimension(name, spec, tuple(dict.fromkeys(values)))


def _range(name: str, spec: str, read: Callable[[str], Any], integer: bool) -> Dimension:
    words = [word.strip() for word in spec.split(":")]
    scale = words.pop(0) if words[0].isalpha() else ""
    if scale not in ("", "log", "int"):
        raise ValueError(f"no scale is named {scale!r}; it is log or int, or left out")
    if len(words) not in (2, 3):
        raise ValueError(
            "a range is LOW:HIGH, log:LOW:HIGH or int:LOW:HIGH, and a number of points behind it"
        )
    if scale == "int" and not integer:
        raise ValueError(f"{name} need not be whole; write {':'.join(words)}")
    low, high = (read(word) for word in words[:2])
    if not low < high:
        raise ValueError(f"the range begins at {low:g}, which is not below its end {high:g}; swap them")
    if scale == "log" and low <= 0:
        raise ValueError(
            f"a logarithmic range begins above 0, not at {low:g}; begin higher, or leave log: out"
        )
    points = words[2] if len(words) == 3 else "0"
    if not points.isdecimal() or (len(words) == 3 and not 1 <= int(points) <= GRID_LIMIT):
        raise ValueError(f"the number of points is {points!r}; it must be between 1 and {GRID_LIMIT}")
    return Dimension(name, spec, (), low, high, scale == "log", integer, int(points))
