"""The command line of a training, made from RunConfig and the tables: nothing here lists a field or a row."""

from __future__ import annotations

import argparse
import difflib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.catalog import Parameter, Value
from training.config import RunConfig
from training.fields import GROUPS, Field
from training.option_values import changed_settings, option_words
from training.places import config_of_run, runs_folder

PROGRAM = "python -m training.train"
EXAMPLES = """
examples:
  python -m training.train --model mlp --dataset digits --hidden-width 64 --epochs 20
  python -m training.train --model lenet5 --dataset fashion_mnist --optimizer momentum --schedule cosine
  python -m training.train --from-run RUN --seed 2     the same configuration with another seed
  python -m training.train --resume RUN                go on where a stopped or lost run ended

A setting belongs to the choices named in brackets after it, with their defaults.
"""


class Parser(argparse.ArgumentParser):
    """Says which option is nearest to one that it does not know."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        parsed, unknown = self.parse_known_args(args, namespace)
        for word in unknown:
            known = sorted(self._option_string_actions)
            near = difflib.get_close_matches(word.partition("=")[0], known, n=1, cutoff=0.5)
            hint = (
                f"did you mean {near[0]}?" if word.startswith("-") and near else "--help lists what is known"
            )
            self.error(f"nothing is named {word}; {hint}")
        return parsed


def parser() -> argparse.ArgumentParser:
    """Every field and every setting as an option; only what is typed lands in the namespace."""
    result = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--setting value ...]",  # argparse would list all seventy
        description="Trains a network and writes what happens into a run directory.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    where = result.add_argument_group("Where")
    where.add_argument(
        "--runs", type=Path, metavar="DIR", help="folder of all runs (default: $DESCENT_RUNS, else runs)"
    )
    where.add_argument(
        "--data", type=Path, metavar="DIR", help="folder of data sets (default: $DESCENT_DATA, else data)"
    )
    where.add_argument(
        "--resume", metavar="RUN", help="go on with a run that was stopped or lost: its id, name or folder"
    )
    where.add_argument(
        "--from-run",
        metavar="RUN",
        help="start from this run's configuration: its id, name, folder or run.json",
    )
    where.add_argument(
        "--run-directory", type=Path, metavar="DIR", help="write into this empty folder, made before"
    )
    groups = {title: result.add_argument_group(title) for title in GROUPS}
    add_options(groups, RunConfig)
    return result


def add_options(groups: Mapping[str, Any], config_class: Any) -> None:
    """Every field of a dataclass of options, and every setting of its families, in the group of its title."""
    for each in config_class.fields():
        _add_field(groups[each.group], each, getattr(config_class, each.name))
        for name, owners in _settings_by_name(each).items():
            _add_setting(groups[each.group], name, owners)


def config_from(namespace: argparse.Namespace, start: RunConfig | None = None) -> RunConfig:
    """The configuration of parsed options, on top of `start` (default: RunConfig()).

    ConfigError as RunConfig raises it.
    """
    where = {"runs", "data", "resume", "from_run", "run_directory"}
    given = {name: value for name, value in vars(namespace).items() if name not in where}
    return (start or RunConfig()).replace(**given)


def asked(namespace: argparse.Namespace) -> RunConfig:
    """The configuration of parsed options, on top of that of the run that `--from-run` names."""
    if "from_run" not in namespace:
        return config_from(namespace)
    values = config_of_run(namespace.from_run, runs_folder(namespace))
    return config_from(namespace, RunConfig.from_dict(values))


def command_line(config: RunConfig) -> list[str]:
    """The shortest options that stand for `config`: what differs from the defaults, and nothing else.

    `config_from(parser().parse_args(command_line(config))) == config`
    """
    options: list[str] = []
    for each in RunConfig.fields():
        value = getattr(config, each.name)
        if value != _default(each, config):
            options += option_words(each.name, value)
        if each.settings:
            options += changed_settings(config, each)
    return options


def command_text(config: RunConfig) -> str:
    """The whole command, to be pasted into a terminal."""
    return shlex.join([*PROGRAM.split(), *command_line(config)])


def _default(each: Field, config: RunConfig) -> Any:
    """What the field would be if it were left out beside the config's other choices."""
    default = getattr(RunConfig, each.name)
    if default is None:  # the learning rate: as the optimizer has it
        (row,) = next(field for field in RunConfig.fields() if field.name == "optimizer").rows(
            config.optimizer
        )
        return row.default_learning_rate
    return default


def _add_field(group: Any, each: Field, default: Any) -> None:
    parameter = each.parameter
    help_text = parameter.description
    if parameter.choices:
        help_text += f": {', '.join(parameter.choices)}"
    if default not in (None, "", ()):
        shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
        help_text += f" (default: {shown})"
    _add(group, each.name, parameter, help_text, each.several)


def _add_setting(group: Any, name: str, owners: list[tuple[str, Parameter]]) -> None:
    first = owners[0][1]
    by_default: dict[Value, list[str]] = {}
    for owner, parameter in owners:
        by_default.setdefault(parameter.default, []).append(owner)
    shown = "; ".join(f"{', '.join(names)}: {default!r}" for default, names in by_default.items())
    help_text = f"{first.description}"
    if first.kind == "choice":
        help_text += f": {', '.join(first.choices)}"
    _add(group, name, first, f"{help_text} [{shown}]")


def _add(group: Any, name: str, parameter: Parameter, help_text: str, several: bool = False) -> None:
    flag, help_text = "--" + name.replace("_", "-"), help_text.replace("%", "%%")
    if parameter.kind == "flag" and not several:
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=help_text)
    else:
        group.add_argument(flag, metavar="A,B" if several else _metavar(parameter), help=help_text)


def _metavar(parameter: Parameter) -> str:
    return {"integer": "N", "number": "X", "path": "PATH", "choice": "NAME"}.get(parameter.kind, "TEXT")


def _settings_by_name(each: Field) -> dict[str, list[tuple[str, Parameter]]]:
    """Each setting of a family with the rows that have it."""
    found: dict[str, list[tuple[str, Parameter]]] = {}
    if each.settings:
        for row in each.table.described() if each.table is not None else ():
            for parameter in row.parameters:
                if parameter.name in each.skip:
                    continue
                found.setdefault(parameter.name, []).append((row.name, parameter))
    return found
