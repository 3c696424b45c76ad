"""The PyTorch code of a playground: a script that builds and trains one of its networks, and needs nothing of
ours.

It draws the same points, first weights and batches from the same seeds, so that it comes to the same losses,
up to rounding; with dropout, whose stream is another one, by chance. What is ours and short (how points are
drawn and split) is copied into it from its source.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.activations import ACTIVATIONS, build_activation, gain
from models.catalog import checked_settings
from training.datasets import planar
from training.optimizers import OPTIMIZERS
from training.playground_settings import PlaygroundSettings
from training.points import OWN, PLANE, Points, read_points, split_points

FEATURES = {  # as code on the standardised coordinates `x` and `y`
    "x": "x",
    "y": "y",
    "x2": "x * x",
    "y2": "y * y",
    "xy": "x * y",
    "sin_x": "torch.sin(x)",
    "sin_y": "torch.sin(y)",
}

FILLS = {  # of `weight`, with the activation's gain
    "zeros": "nn.init.zeros_(weight)",
    "normal": "nn.init.normal_(weight, std={standard_deviation})",
    "xavier_uniform": "nn.init.xavier_uniform_(weight)",
    "xavier_normal": "nn.init.xavier_normal_(weight)",
    "kaiming_uniform": 'nn.init.kaiming_uniform_(weight, nonlinearity="linear").mul_(gain)',
    "kaiming_normal": 'nn.init.kaiming_normal_(weight, nonlinearity="linear").mul_(gain)',
    "orthogonal": "nn.init.orthogonal_(weight, gain=gain)",
}

# After `schedule = `, and after what it steps; `steps` are the updates of the whole training.
SCHEDULES = {
    "step": ("lr_scheduler.StepLR(optimizer, {step_epochs}, {step_factor})", "epoch"),
    "exponential": ("lr_scheduler.ExponentialLR(optimizer, {epoch_factor})", "epoch"),
    "cosine": (
        "lr_scheduler.LambdaLR(\n    optimizer, lambda step: {final_share} + (1 - {final_share}) * "
        "(1 + math.cos(math.pi * min(1, step / steps))) / 2\n)",
        "batch",
    ),
    "plateau": (
        "lr_scheduler.ReduceLROnPlateau(\n    optimizer, factor={plateau_factor}, "
        "patience={plateau_patience}, eps=0\n)",
        "loss",
    ),
    "cyclic": (
        "lr_scheduler.CyclicLR(\n    optimizer, base_lr={lowest_share} * LEARNING_RATE, "
        "max_lr=LEARNING_RATE,\n    step_size_up=max(1, round({cycle_epochs} * steps_per_epoch / 2)), "
        "cycle_momentum=False,\n)",
        "batch",
    ),
    "one_cycle": (
        "lr_scheduler.OneCycleLR(\n    optimizer, LEARNING_RATE, total_steps=max(steps, 3), "
        "pct_start=max({peak_share}, 1.5 / max(steps, 3)),\n    div_factor=1 / {start_share}, "
        "final_div_factor={start_share} / {final_share}, cycle_momentum=False,\n)",
        "batch",
    ),
    "warm_up": (
        "lr_scheduler.LambdaLR(optimizer, share_of_rate)",
        "batch",
    ),
}
WARM_UP = """
rising = round({warm_up_share} * steps)


def share_of_rate(step):
    if step < rising:
        return (step + 1) / (rising + 1)
    done = min(1, (step - rising) / max(1, steps - rising))
    return {final_share} + (1 - {final_share}) * (1 + math.cos(math.pi * done)) / 2


"""


def playground_code(settings: PlaygroundSettings, points: Points | None = None) -> str:
    """The script, for the first of the settings' seeds.

    `points`: the reader's own, where they are no file yet. PointsError for a file that holds none.
    """
    if settings.dataset == OWN and points is None:
        points = read_points(Path(settings.points).expanduser())
    classes = _classes(settings, points)
    parts = [
        _head(settings),
        _data(settings, points),
        _network(settings, classes),
        _optimizer(settings),
        _loop(settings, classes),
    ]
    script = "\n\n".join(part.strip("\n") for part in parts)
    return re.sub(r"\n+(?=(?:class |def |@))", "\n\n\n", script) + "\n"


def optimizer_call(settings: PlaygroundSettings) -> str:
    """Like `torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)`, without what torch takes by itself."""
    row = OPTIMIZERS[settings.optimizer]
    made = row.build(
        [nn.Parameter(torch.zeros(1))], 0.5, settings.weight_decay, **settings.optimizer_settings
    )
    usual = {
        name: parameter.default
        for name, parameter in inspect.signature(type(made).__init__).parameters.items()
    }
    skipped = ("lr", "fused", "foreach", "differentiable", "maximize", "capturable", "decoupled_weight_decay")
    given = [
        f"{name}={value!r}"
        for name, value in made.defaults.items()
        if name in usual and name not in skipped and value != usual[name]
    ]
    words = ", ".join(["network.parameters()", "lr=LEARNING_RATE", *given])
    return f"torch.optim.{type(made).__name__}({words})"


def _classes(settings: PlaygroundSettings, points: Points | None) -> int:
    if points is not None:
        return len(points.class_names)
    row = PLANE[settings.dataset]
    return int(row.num_classes or settings.dataset_settings["class_count"])


def _head(settings: PlaygroundSettings) -> str:
    imports = ["import math"] if settings.schedule in ("cosine", "warm_up") else []
    others = ["import numpy as np", "import torch", "from torch import nn"]
    if settings.schedule != "constant":
        others.append("from torch.optim import lr_scheduler")
    return "\n".join(
        [
            '"""A small network on points in the plane, trained by PyTorch alone."""',
            "",
            *([*imports, ""] if imports else []),
            *others,
            "",
            f"SEED = {settings.seed}  # of first weights and of the order of batches",
            f"EPOCHS = {settings.epochs}",
            f"BATCH_SIZE = {settings.batch_size}",
            f"LEARNING_RATE = {settings.learning_rate!r}",
        ]
    )


def _data(settings: PlaygroundSettings, points: Points | None) -> str:
    if points is not None:
        rows = [
            f"    ({x!r}, {y!r}, {label}),"
            for (x, y), label in zip(points.places.tolist(), points.classes.tolist(), strict=True)
        ]
        names = ", ".join(f"{code}: {name}" for code, name in enumerate(points.class_names))
        comment = " ".join(f"x, y and the class ({names})".split())
        drawn = "\n".join(
            [
                f"rows = [  # {comment}",
                *rows,
                "]",
                "points = np.array([row[:2] for row in rows])",
                "classes = np.array([row[2] for row in rows])",
            ]
        )
    else:
        source = inspect.getsource(getattr(planar, settings.dataset)).strip()
        given = ", ".join(f"{name}={value!r}" for name, value in settings.dataset_settings.items())
        constants = f"TURNS = {planar.TURNS}  # of a spiral arm\n\n\n" if "TURNS" in source else ""
        drawn = (
            f"{constants}{source}\n\n\npoints, classes = {settings.dataset}"
            f"({settings.samples}, {given}, seed={settings.seed})"
        )
    split = re.sub(r'\n    """.*?"""', "", inspect.getsource(split_points), flags=re.S).strip()
    return "\n".join(
        [
            drawn,
            "\n\n" + split + "\n\n",
            f"train, validation = split_points(classes, {settings.train_share!r}, seed={settings.seed})",
            "mean, scale = points[train].mean(axis=0), points[train].std(axis=0)",
            "scale = np.where(scale > 0, scale, 1.0)",
            "inputs = torch.from_numpy(((points - mean) / scale).astype(np.float32))",
            "targets = torch.from_numpy(classes.astype(np.int64))",
            "# A last batch of one point is left out: batch norm has nothing to divide by",
            "steps_per_epoch = max(1, len(train) // BATCH_SIZE + (len(train) % BATCH_SIZE > 1))",
        ]
    )


def _network(settings: PlaygroundSettings, classes: int) -> str:
    names = settings.layer_activations
    modules: list[str] = []
    before = len(settings.features)
    for width, activation in zip(settings.layers, names, strict=True):
        inner = [f"nn.Linear({before}, {width})"]
        if settings.batch_norm:
            inner.append(f"nn.BatchNorm1d({width})")
        inner.append(_activation(activation))
        if settings.dropout:
            inner.append(f"nn.Dropout({settings.dropout!r})")
        made = f"nn.Sequential({', '.join(inner)})"
        made = _begun(settings, made, activation)
        modules.append(f"Residual({made})" if settings.residual and width == before else made)
        before = width
    outputs = 1 if classes == 2 else classes
    last = names[-1] if names else "identity"
    modules.append(_begun(settings, f"nn.Linear({before}, {outputs})", last))
    features = ", ".join(FEATURES[name] for name in settings.features)
    lines = [
        "",
        "class Features(nn.Module):",
        "    def forward(self, points):",
        "        x, y = points[:, 0], points[:, 1]",
        f"        return torch.stack([{features}], dim=1)",
    ]
    if any("Residual(" in module for module in modules):
        lines += [
            "", "",
            "class Residual(nn.Module):",
            "    def __init__(self, layer):",
            "        super().__init__()",
            "        self.layer = layer",
            "",
            "    def forward(self, inputs):",
            "        return inputs + self.layer(inputs)",
        ]  # fmt: skip
    if "step" in names:
        lines += [
            "", "",
            "class Step(nn.Module):",
            "    def forward(self, inputs):",
            "        return torch.clamp(torch.floor(inputs) + 1, 0, 1)",
        ]  # fmt: skip
    if settings.initializer != "default":
        row_settings = _initializer_settings(settings.initializer)
        lines += [
            "", "",
            "def begun(layer, gain):",
            "    for module in layer.modules():",
            "        if isinstance(module, nn.Linear):",
            "            with torch.no_grad():",
            "                weight = module.weight",
            f"                {FILLS[settings.initializer].format(**row_settings)}",
            "                nn.init.zeros_(module.bias)",
            "    return layer",
        ]  # fmt: skip
    lines += ["", "", "torch.manual_seed(SEED)", "network = nn.Sequential(", "    Features(),"]
    lines += [f"    {module}," for module in modules]
    lines.append(")")
    return "\n".join(lines)


def _initializer_settings(name: str) -> dict[str, Any]:
    from models.initializers import INITIALIZERS

    return checked_settings(name, INITIALIZERS[name].parameters, {})


def _begun(settings: PlaygroundSettings, made: str, activation: str) -> str:
    if settings.initializer == "default":
        return made
    return f"begun({made}, gain={gain(activation)!r})"


def _activation(name: str) -> str:
    """As torch writes it: nn.LeakyReLU(negative_slope=0.01)."""
    module = build_activation(name, checked_settings(name, ACTIVATIONS[name].parameters, {}))
    return repr(module) if name == "step" else f"nn.{module!r}"


def _optimizer(settings: PlaygroundSettings) -> str:
    lines = [f"optimizer = {optimizer_call(settings)}"]
    if settings.schedule != "constant":
        values = {name: repr(value) for name, value in settings.schedule_settings.items()}
        lines.append("steps = EPOCHS * steps_per_epoch")
        if settings.schedule == "warm_up":
            lines.append(WARM_UP.format(**values).strip("\n") + "\n\n")
        lines.append(f"schedule = {SCHEDULES[settings.schedule][0].format(**values)}")
    return "\n".join(lines)


def _loop(settings: PlaygroundSettings, classes: int) -> str:
    if classes == 2:
        loss = "nn.functional.binary_cross_entropy_with_logits(logits[:, 0], targets[rows].float())"
        right = "(logits[:, 0] > 0).long() == targets[rows]"
    else:
        loss = "nn.functional.cross_entropy(logits, targets[rows])"
        right = "logits.argmax(dim=1) == targets[rows]"
    penalty = ""
    if settings.l1:
        penalty = (
            f"        loss = loss + {settings.l1!r} * sum(\n"
            "            weight.abs().sum() for weight in network.parameters() if weight.ndim > 1\n"
            "        )\n"
        )
    every = SCHEDULES[settings.schedule][1] if settings.schedule != "constant" else ""
    steps = {"batch": "        schedule.step()\n", "epoch": "", "loss": "", "": ""}[every]
    ends = {
        "epoch": "    schedule.step()\n",
        "loss": "    schedule.step(measure(validation)[0])\n",
        "batch": "",
        "": "",
    }[every]
    return f"""

def loss_of(logits, rows):
    return {loss}


@torch.no_grad()
def measure(rows):
    network.eval()
    logits = network(inputs[rows])
    return loss_of(logits, rows).item(), ({right}).float().mean().item()


history = [(*measure(train), *measure(validation))]
for epoch in range(EPOCHS):
    network.train()
    mixed = int(np.random.SeedSequence([SEED, epoch]).generate_state(1, np.uint64)[0])
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(mixed)).numpy()
    for step in range(steps_per_epoch):
        rows = train[order[step * BATCH_SIZE : (step + 1) * BATCH_SIZE]]
        optimizer.zero_grad()
        loss = loss_of(network(inputs[rows]), rows)
{penalty}        loss.backward()
        optimizer.step()
{steps}{ends}    history.append((*measure(train), *measure(validation)))
    if (epoch + 1) % max(1, EPOCHS // 10) == 0:
        loss, accuracy, validation_loss, validation_accuracy = history[-1]
        print(f"epoch {{epoch + 1}}: loss {{loss:.4f}}, accuracy {{accuracy:.3f}}, "
              f"validation loss {{validation_loss:.4f}}, accuracy {{validation_accuracy:.3f}}")
"""
