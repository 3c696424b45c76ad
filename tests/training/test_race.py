"""A race gives what each optimizer gives alone; arrivals, divergence, noise, schedules, and rates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from training.basins import LEFT, NOWHERE, basin_map
from training.optimizers import OPTIMIZERS, build_optimizer
from training.race import (
    NEAR,
    Course,
    Path,
    Racer,
    arrival,
    best_rate,
    follows_slope,
    race,
    schedule_shares,
    travel,
    usual_rate,
)
from training.schedules import SCHEDULES, build_schedule
from training.surfaces import SURFACES, Minimum, local_minima

NAMES = OPTIMIZERS.names()


def alone(course: Course, racer: Racer, fused: bool = True) -> np.ndarray:
    """The same by the plainest loop there is: one parameter, `backward`, `step`, the schedule's own steps."""
    row, settings = SURFACES[course.surface], dict(course.settings)
    parameter = torch.nn.Parameter(torch.tensor(course.start, dtype=torch.float64))
    optimizer = racer.build([parameter])
    if not fused:
        for group in optimizer.param_groups:
            group["fused"] = False if group.get("fused") else group.get("fused")
    schedule = build_schedule(
        course.schedule, optimizer, course.steps, course.steps_per_epoch, dict(course.schedule_settings)
    )
    noise = course.draws()
    path = [parameter.detach().numpy().copy()]
    for step in range(course.steps):
        optimizer.zero_grad()
        row.function(parameter[0], parameter[1], **row.settings(settings)).backward()
        if noise is not None:
            parameter.grad += torch.from_numpy(noise[step])
        optimizer.step()
        path.append(parameter.detach().numpy().copy())
        schedule.step_batch()
        if (step + 1) % course.steps_per_epoch == 0:
            with torch.no_grad():
                loss = row.function(parameter[0], parameter[1], **row.settings(settings))
            schedule.step_epoch(float(loss))
    return np.array(path)


@pytest.mark.parametrize("surface", ["himmelblau", "beale", "rastrigin", "saddle", "ravine"])
def test_a_race_is_bit_for_bit_what_each_gives_alone(surface: str) -> None:
    course = Course(surface, SURFACES[surface].start, 60, noise=0.3, seed=2)
    racers = [Racer(name, usual_rate(name, surface), 0.01) for name in NAMES]
    for racer, path in zip(racers, race(course, racers), strict=True):
        np.testing.assert_array_equal(path.positions, alone(course, racer), err_msg=racer.optimizer)


@pytest.mark.parametrize("surface", SURFACES.names())
def test_a_path_does_not_depend_on_who_else_races(surface: str) -> None:
    course = Course(surface, SURFACES[surface].start, 40)
    racers = [Racer(name, usual_rate(name, surface)) for name in NAMES]
    together = race(course, racers)
    np.testing.assert_array_equal(race(course, racers[-3:-2])[0].positions, together[-3].positions)
    np.testing.assert_allclose(together[0].positions, alone(course, racers[0]), rtol=1e-9)


@pytest.mark.parametrize("schedule", SCHEDULES.names())
def test_every_schedule_is_followed(schedule: str) -> None:
    course = Course("himmelblau", (0.0, -1.0), 250, noise=4.0, schedule=schedule)
    racers = [Racer("momentum", 0.002), Racer("rmsprop", 0.05)]
    for racer, path in zip(racers, race(course, racers), strict=True):
        np.testing.assert_array_equal(path.positions, alone(course, racer), err_msg=racer.optimizer)
    shares = schedule_shares(schedule, 250)
    assert shares is None if schedule == "plateau" else max(shares) == pytest.approx(1)


@pytest.mark.parametrize("surface", ["himmelblau", "rastrigin", "booth"])
@pytest.mark.parametrize("optimizer", NAMES)
def test_a_basin_map_is_bit_for_bit_what_single_runs_give(surface: str, optimizer: str) -> None:
    course = Course(surface, SURFACES[surface].start, 60, noise=0.1)
    racer = Racer(optimizer, usual_rate(optimizer, surface))
    found = basin_map(course, racer, side=9)
    for row, column in ((0, 0), (3, 7), (8, 8)):
        start = (float(found.x[column]), float(found.y[row]))
        single = alone(Course(surface, start, 60, noise=0.1), racer, fused=False)
        np.testing.assert_array_equal(found.ends[row, column], single[-1])


def test_a_basin_map_says_which_minimum_each_start_leads_to_and_when() -> None:
    course = Course("himmelblau", (0.0, 0.0), 300)
    found = basin_map(course, Racer("sgd", 0.005), side=21)
    assert set(np.unique(found.reached)) == {0, 1, 2, 3}
    for place, each in enumerate(found.minima):
        row, column = np.abs(found.y - each.y).argmin(), np.abs(found.x - each.x).argmin()
        assert found.reached[row, column] == place
    path = race(Course("himmelblau", (float(found.x[15]), float(found.y[4])), 300), [Racer("sgd", 0.005)])[0]
    told = arrival(path, found.minima, NEAR * 10)
    assert told is not None
    assert told.minimum == found.reached[4, 15]
    assert told.step <= found.steps[4, 15] < told.step + 6  # noted every 300 / 50 steps
    assert sum(found.share(which) for which in range(-2, 4)) == pytest.approx(1)
    wild = basin_map(course, Racer("sgd", 0.05), side=11)
    assert wild.share(LEFT) > 0.3
    slow = basin_map(Course("himmelblau", (0.0, 0.0), 2), Racer("sgd", 1e-6), side=11)
    assert slow.share(NOWHERE) > 0.9
    with pytest.raises(ValueError, match="such as 'constant'"):
        basin_map(Course("booth", (0.0, 0.0), 10, schedule="plateau"), Racer("sgd", 0.01), side=3)


def test_who_diverges_has_a_path_to_where_it_left() -> None:
    path = race(Course("booth", (1.0, 1.0), 400), [Racer("sgd", 0.2)])[0]
    assert path.left is not None
    assert len(path.positions) == len(path.losses) == path.left
    assert np.isfinite(path.losses).all()
    assert arrival(path, local_minima("booth"), 0.4) is None


def test_an_arrival_counts_from_the_last_time_outside() -> None:
    positions = np.array([[5.0, 0.0], [0.1, 0.0], [3.0, 0.0], [0.1, 0.0], [0.0, 0.0]])
    path = Path(positions, np.zeros(5), None)
    minima = (Minimum(9.0, 0.0, 0.0), Minimum(0.0, 0.0, 0.0))
    found = arrival(path, minima, 0.5)
    assert found is not None
    assert (found.minimum, found.step) == (1, 3)
    assert arrival(Path(positions[:3], np.zeros(3), None), minima, 0.5) is None
    assert arrival(Path(positions[4:], np.zeros(1), None), minima, 0.5).step == 0  # type: ignore[union-attr]


def test_noise_is_the_same_for_all_and_a_longer_race_begins_as_the_shorter() -> None:
    short, long = (Course("booth", (2.0, 2.0), steps, noise=1.0, seed=3) for steps in (20, 90))
    racers = [Racer("sgd", 0.01), Racer("sgd", 0.01)]
    one, other = race(short, racers)
    np.testing.assert_array_equal(one.positions, other.positions)
    np.testing.assert_array_equal(race(long, racers)[0].positions[:21], one.positions)
    assert long.draws().std() == pytest.approx(1.0, abs=0.15)  # type: ignore[union-attr]


def test_usual_rates_take_all_equally_far() -> None:
    for name in NAMES:
        rate = usual_rate(name, "ravine")
        expected = SURFACES["ravine"].slope_rate if follows_slope(name) else SURFACES["ravine"].stride
        assert rate * travel(name) / 30 == pytest.approx(expected, rel=0.06)  # two digits
    assert [follows_slope(name) for name in ("sgd", "momentum", "adam", "adagrad")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_best_rate_is_the_first_to_arrive() -> None:
    course = Course("ravine", (-9.0, 2.5), 120)
    rates = [0.1, 0.5, 1.0, 1.9, 2.1, 5.0]
    assert best_rate(course, Racer("sgd", 0.1), rates) == 1.9  # just below 2 / 1, where it diverges
    assert best_rate(Course("rosenbrock", (-1.2, 1.0), 20), Racer("sgd", 1.0), [1.0, 0.001, 1e-9]) == 0.001
    with pytest.raises(ValueError, match="give some"):
        best_rate(course, Racer("sgd", 0.1), [])


def test_senseless_courses_are_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and 5000"):
        Course("booth", (0.0, 0.0), 0)
    with pytest.raises(ValueError, match="noise is -1"):
        Course("booth", (0.0, 0.0), 5, noise=-1.0)
    with pytest.raises(ValueError, match="beta1 of adam is 2"):
        race(Course("booth", (0.0, 0.0), 5), [Racer("adam", 0.1, settings=(("beta1", 2),))])
    assert race(Course("booth", (0.0, 0.0), 5), []) == []


def test_a_new_optimizer_is_raced_without_a_word_here(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    def build(parameters: list, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
        return torch.optim.Adamax(parameters, lr=learning_rate, weight_decay=weight_decay)

    row = replace(OPTIMIZERS["sgd"], name="adamax", title="Adamax", build=build)
    monkeypatch.setitem(OPTIMIZERS._rows, "adamax", row)
    rate = usual_rate("adamax", "booth")
    assert rate == pytest.approx(SURFACES["booth"].stride, rel=0.1)
    path = race(Course("booth", (0.0, 0.0), 200), [Racer("adamax", rate)])[0]
    assert arrival(path, local_minima("booth"), 0.4) is not None
    assert build_optimizer("adamax", [torch.nn.Parameter(torch.zeros(1))]) is not None
