"""Where something lies on a page: asked for the mouse, which needs points and not elements."""

from __future__ import annotations

import time
from typing import Any

PATIENCE = 20.0  # seconds
PAUSE = 0.05  # seconds; three frames


def place_of(locator: Any) -> dict[str, float]:
    """The element's x, y, width and height in pixels, once it is there and stands still.

    While a page is drawn again an element may be gone between being found and being measured, and a chart
    has its last place only when the page around it has; Playwright's `bounding_box` answers None or a place
    that is left at once.
    """
    locator.wait_for(timeout=1000 * PATIENCE)
    before, end = None, time.monotonic() + PATIENCE
    while time.monotonic() < end:
        place = locator.bounding_box()
        if place is not None and place == before:
            return dict(place)
        before = place
        locator.page.wait_for_timeout(1000 * PAUSE)
    raise AssertionError(f"{locator} did not come to rest within {PATIENCE:.0f} s: last seen at {before}")
