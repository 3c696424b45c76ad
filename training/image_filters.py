"""Filters, edges and corners: operations that look at a pixel's neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.catalog import Parameter
from training.image_operation import BOOK, GREY_LINE, SIGMA, Extra, Operation, in_grey

WINDOW = Parameter(
    "size", 5, "size of the window", kind="integer", low=1, high=25, step=2, unit="pixels", symbol="k"
)


def _slopes(cv2: Any, picture: np.ndarray) -> np.ndarray:
    grey = in_grey(cv2, picture)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return cv2.convertScaleAbs(cv2.magnitude(across, down), alpha=0.25)


def _laplacian(cv2: Any, picture: np.ndarray) -> np.ndarray:
    return cv2.convertScaleAbs(cv2.Laplacian(in_grey(cv2, picture), cv2.CV_32F))


def _canny(cv2: Any, picture: np.ndarray, sigma: float, low: int, high: int) -> np.ndarray:
    return cv2.Canny(
        cv2.GaussianBlur(in_grey(cv2, picture), (0, 0), sigma),
        min(low, high),
        max(low, high),
        L2gradient=True,
    )


def _canny_steps(cv2: Any, picture: np.ndarray, sigma: float, low: int, high: int) -> list[Extra]:
    smooth = cv2.GaussianBlur(in_grey(cv2, picture), (0, 0), sigma)
    across, down = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    size = cv2.magnitude(across, down)
    return [
        ("smoothed", smooth),
        ("slope", cv2.convertScaleAbs(size, alpha=0.25)),
        ("slope above the upper threshold", (255 * (size > max(low, high))).astype(np.uint8)),
    ]


def _response(cv2: Any, picture: np.ndarray, block: int, k: float) -> np.ndarray:
    return cv2.cornerHarris(in_grey(cv2, picture), block, 3, k)


def _harris(cv2: Any, picture: np.ndarray, block: int, k: float, share: float) -> np.ndarray:
    found = _response(cv2, picture, block, k)
    highest = found == cv2.dilate(found, np.ones((5, 5)))  # of its neighbourhood
    rows, columns = np.nonzero(highest & (found > share * found.max()) & (found > 0))
    return _marked(cv2, picture, columns, rows)


def _harris_steps(cv2: Any, picture: np.ndarray, block: int, k: float, share: float) -> list[Extra]:
    found = _response(cv2, picture, block, k)
    scale = max(1e-12, float(np.abs(found).max()))
    root = np.sign(found) * np.sqrt(np.abs(found) / scale)  # corners would hide all else
    return [("response: bright at corners, dark on edges", (127.5 + 127.5 * root).astype(np.uint8))]


def _good_features(cv2: Any, picture: np.ndarray, count: int, quality: float, distance: int) -> np.ndarray:
    found = cv2.goodFeaturesToTrack(in_grey(cv2, picture), count, quality, distance)
    places = np.zeros((0, 2), int) if found is None else found.reshape(-1, 2).round().astype(int)
    return _marked(cv2, picture, places[:, 0], places[:, 1])


def _marked(cv2: Any, picture: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    found = picture.copy()
    for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
        cv2.circle(found, (column, row), 4, (255, 255, 255), 3, cv2.LINE_AA)
        cv2.circle(found, (column, row), 4, (220, 30, 30), 1, cv2.LINE_AA)
    return found


OPERATIONS = (
    Operation(
        "mean",
        "Filters",
        "Mean",
        "The average of a square: noise shrinks, and edges are smeared with it.",
        r"\frac{1}{k^2} \sum_{j \in k \times k} x_j",
        f"{BOOK}, section 3.5",
        "cv2.blur(picture, ({size}, {size}))",
        lambda cv2, picture, size: cv2.blur(picture, (size, size)),
        (WINDOW,),
    ),
    Operation(
        "median",
        "Filters",
        "Median",
        "The middle value of a square: single wrong pixels vanish, edges stay.",
        r"\mathrm{median}_{j \in k \times k} \, x_j",
        "Tukey 1977, Exploratory Data Analysis",
        "cv2.medianBlur(picture, {size} | 1)  # it takes odd sizes alone",
        lambda cv2, picture, size: cv2.medianBlur(picture, size | 1),
        (WINDOW,),
    ),
    Operation(
        "gaussian",
        "Filters",
        "Gaussian",
        "An average that counts near pixels more.",
        r"w(d) \propto e^{-d^2 / 2 \sigma^2}",
        f"{BOOK}, section 3.5",
        "cv2.GaussianBlur(picture, (0, 0), {sigma})",
        lambda cv2, picture, sigma: cv2.GaussianBlur(picture, (0, 0), sigma),
        (SIGMA,),
    ),
    Operation(
        "bilateral",
        "Filters",
        "Bilateral",
        "Counts pixels that are near and alike: flat parts become smooth, edges stay.",
        r"w \propto e^{-d^2 / 2 \sigma_s^2} \, e^{-(x_i - x_j)^2 / 2 \sigma_c^2}",
        "Tomasi and Manduchi 1998, doi:10.1109/ICCV.1998.710815",
        "cv2.bilateralFilter(picture, 9, {colour}, {sigma})",
        lambda cv2, picture, colour, sigma: cv2.bilateralFilter(picture, 9, colour, sigma),
        (
            Parameter(
                "colour",
                60.0,
                "how unlike a pixel may be",
                low=1.0,
                high=200.0,
                step=1.0,
                unit="levels",
                symbol=r"\sigma_c",
            ),
            Parameter(
                "sigma",
                3.0,
                "width of the bell",
                low=0.3,
                high=8.0,
                step=0.1,
                unit="pixels",
                symbol=r"\sigma_s",
            ),
        ),
    ),
    Operation(
        "sobel",
        "Edges",
        "Slope (Sobel)",
        "How fast the brightness changes, in whatever direction.",
        r"\sqrt{G_x^2 + G_y^2}",
        f"{BOOK}, section 10.2",
        f"grey = {GREY_LINE}\nacross, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, "
        f"cv2.CV_32F, 0, 1)\n"
        "cv2.convertScaleAbs(cv2.magnitude(across, down), alpha=0.25)",
        _slopes,
    ),
    Operation(
        "laplacian",
        "Edges",
        "Laplacian",
        "The second derivative, both directions added: thin lines and points stand out, and so does noise.",
        r"\frac{\partial^2 x}{\partial u^2} + \frac{\partial^2 x}{\partial v^2}",
        f"{BOOK}, section 3.6",
        f"cv2.convertScaleAbs(cv2.Laplacian({GREY_LINE}, cv2.CV_32F))",
        _laplacian,
    ),
    Operation(
        "canny",
        "Edges",
        "Canny",
        "Smooth, take the slope, thin it to ridges, keep what is above the upper threshold, and what is "
        "above the lower one where it touches that.",
        "",
        "Canny 1986, doi:10.1109/TPAMI.1986.4767851",
        f"smooth = cv2.GaussianBlur({GREY_LINE}, (0, 0), {{sigma}})\n"
        "cv2.Canny(smooth, min({low}, {high}), max({low}, {high}), L2gradient=True)",
        _canny,
        (
            SIGMA,
            Parameter("low", 60, "lower threshold", kind="integer", low=0, high=500, step=5),
            Parameter("high", 150, "upper threshold", kind="integer", low=0, high=500, step=5),
        ),
        _canny_steps,
    ),
    Operation(
        "harris",
        "Corners",
        "Harris",
        "A corner is where the picture changes in both directions: both eigenvalues of the "
        "slopes' products, summed over a block, are large.",
        r"R = \det M - k \, (\mathrm{tr}\, M)^2",
        "Harris and Stephens 1988, A combined corner and edge detector",
        f"response = cv2.cornerHarris({GREY_LINE}, {{block}}, 3, {{k}})\n"
        "highest = response == cv2.dilate(response, np.ones((5, 5)))\n"
        "rows, columns = np.nonzero(highest & (response > {share} * response.max()) & (response > 0))\n"
        "marked(cv2, picture, columns, rows)",
        _harris,
        (
            Parameter("block", 2, "size of the block", kind="integer", low=1, high=15, unit="pixels"),
            Parameter("k", 0.04, "how much an edge costs", low=0.01, high=0.24, step=0.01, symbol="k"),
            Parameter("share", 0.05, "threshold, share of the largest", low=0.01, high=0.9, step=0.01),
        ),
        _harris_steps,
    ),
    Operation(
        "shi_tomasi",
        "Corners",
        "Shi and Tomasi",
        "The smaller eigenvalue itself, and a distance to keep: the corners worth following.",
        r"R = \min(\lambda_1, \lambda_2)",
        "Shi and Tomasi 1994, doi:10.1109/CVPR.1994.323794",
        f"found = cv2.goodFeaturesToTrack({GREY_LINE}, {{count}}, {{quality}}, {{distance}})\n"
        "places = np.zeros((0, 2), int) if found is None else found.reshape(-1, 2).round().astype(int)\n"
        "marked(cv2, picture, places[:, 0], places[:, 1])",
        _good_features,
        (
            Parameter("count", 60, "corners at most", kind="integer", low=1, high=300),
            Parameter("quality", 0.05, "threshold, share of the largest", low=0.01, high=0.9, step=0.01),
            Parameter("distance", 8, "distance to keep", kind="integer", low=1, high=50, unit="pixels"),
        ),
    ),
)
