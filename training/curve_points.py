"""A reader's own points as a text that fits into an address and a command line: `-0.5,1.2;0,0.3`."""

from __future__ import annotations

from collections.abc import Iterable

from training.true_functions import MOST_POINTS

Point = tuple[float, float]
EXAMPLE = (
    "-1,-0.6;-0.8,-0.9;-0.55,-0.7;-0.4,0.1;-0.2,0.6;0,0.9;0.15,0.4;0.35,-0.3;0.5,-0.2;0.7,0.5;0.85,0.9;1,0.7"
)


def parsed_points(text: str) -> tuple[Point, ...]:
    """The points of a text. ValueError names the first one that can't be read, or says that they are too
    many.
    """
    points = []
    for number, part in enumerate(filter(None, (each.strip() for each in text.split(";"))), 1):
        try:
            x, y = (float(each) for each in part.split(","))
        except ValueError:
            raise ValueError(
                f"point {number} is {part[:30]!r}; it must be two numbers such as -0.5,1.2, with a ; "
                "between two points"
            ) from None
        if not (abs(x) <= 1e9 and abs(y) <= 1e9):  # not a number fails too
            raise ValueError(f"point {number} is {part[:30]!r}; coordinates are numbers up to 1e9")
        points.append((x, y))
    if len(points) > MOST_POINTS:
        raise ValueError(f"there are {len(points)} points; a curve takes at most {MOST_POINTS}")
    return tuple(points)


def points_text(points: Iterable[Point]) -> str:
    """Four digits of each coordinate are enough for what is clicked."""
    return ";".join(f"{x:.4g},{y:.4g}" for x, y in points)


def toggled(points: tuple[Point, ...], x: float, y: float, index: int | None) -> tuple[Point, ...]:
    """With the point at `index` taken away, or without one with a new point at x, y."""
    if index is None:
        return points if len(points) >= MOST_POINTS else (*points, (x, y))
    return tuple(point for place, point in enumerate(points) if place != index)
