"""Linear algebra on tensors: products, decompositions, and what they say about real data (PCA and LDA)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.projections import lda, pca
from models.tensor_operation import Argument, Given, Mixed, Operation, generated

RANDOM = ("random", "counting", "mixed", "typed")
SQUARE = (Given(shape="3, 3", kinds=RANDOM),)
RANK = Argument("rank", 1, "how many singular values are kept", "integer", low=0, high=6, symbol="k")
NORM = Argument(
    "order", "fro", "fro: all squares; nuc: sum of singular values; 2: the largest of them; 1, inf: largest "
    "sum of a column, of a row", "choice", choices=("fro", "nuc", "2", "1", "inf"),
)  # fmt: skip
REAL = Argument("data", "iris", "a real data set, part of scikit-learn", "choice", choices=("iris", "digits"))
SCALED = Argument("scaled", False, "each feature divided by its standard deviation before", "flag")
COMPONENTS = Argument("components", 2, "how many directions are kept", "integer", low=2, high=16, symbol="k")
SHRINKAGE = Argument(
    "shrinkage",
    0.1,
    "how far the spread within classes is drawn towards a ball",
    low=0.0,
    high=1.0,
    step=0.05,
)


def _eigh(x: Tensor) -> tuple[Tensor, ...]:
    return tuple(torch.linalg.eigh(x))


def _inv(x: Tensor) -> Tensor:
    return torch.linalg.inv(x)


def _low_rank(x: Tensor, rank: int) -> Tensor:
    left, sizes, right = torch.linalg.svd(x, full_matrices=False)
    return left[..., :rank] * sizes[..., None, :rank] @ right[..., :rank, :]


def _matrix_norm(x: Tensor, order: str) -> Tensor:
    return torch.linalg.matrix_norm(x, order if order in ("fro", "nuc") else float(order))


def _matrix_norm_line(order: str) -> str:
    word = (
        f'"{order}"' if order in ("fro", "nuc") else 'float("inf")' if order == "inf" else f"{float(order)}"
    )
    return f"torch.linalg.matrix_norm(x, {word})"


def _all_of(x: Tensor) -> Tensor:
    """One number a matrix that reads all of its cells."""
    return x.sum((-2, -1), keepdim=True)


def _svd_reads(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    rows, columns = x.shape[-2:]
    fewer, all_cells = min(rows, columns), _all_of(x)
    batch = x.shape[:-2]
    return (
        all_cells.expand(*batch, rows, fewer),
        all_cells[..., 0].expand(*batch, fewer),
        all_cells.expand(*batch, fewer, columns),
    )


def _eigh_reads(x: Tensor) -> tuple[Tensor, Tensor]:
    all_cells = _all_of(x.tril())
    return all_cells[..., 0].expand(x.shape[:-1]), all_cells.expand(x.shape)


def _loading(data: str, scaled: bool) -> list[str]:
    return [
        f"from sklearn.datasets import load_{data}",
        f"x, labels = (torch.tensor(part) for part in load_{data}(return_X_y=True))",
        "x = x - x.mean(0)",
        *(["x = x / torch.where(x.std(0) > 0, x.std(0), 1.0)"] if scaled else []),
    ]


def pca_lines(data: str, components: int, scaled: bool) -> list[str]:
    """PCA as a person writes it."""
    return [
        *_loading(data, scaled),
        "left, sizes, right = torch.linalg.svd(x, full_matrices=False)",
        f"out = x @ right[:{components}].T",
    ]


def lda_lines(data: str, components: int, scaled: bool, shrinkage: float) -> list[str]:
    """LDA as a person writes it."""
    return [
        *_loading(data, scaled),
        "means = torch.stack([x[labels == each].mean(0) for each in labels.unique()])",
        "between = (means.T * labels.bincount()) @ means / len(x)",
        "within = x.T @ x / len(x) - between",
        "ball = torch.eye(len(within), dtype=x.dtype) * within.trace() / len(within)",
        f"root = torch.linalg.cholesky((1 - {shrinkage}) * within + {shrinkage} * ball)",
        "half = torch.linalg.solve_triangular(root, between, upper=False)",
        "ratios, axes = torch.linalg.eigh(torch.linalg.solve_triangular(root, half.T, upper=False))",
        "directions = torch.linalg.solve_triangular(root.T, axes.flip(1), upper=True).T",
        f"out = x @ directions[:min({components}, len(means) - 1)].T",
    ]


def _line(lines: Callable[..., list[str]]) -> Callable[..., str]:
    """All lines as one text, from the data set to `out`."""
    return lambda **values: "\n".join(lines(**values))


ALGEBRA = (
    Operation(
        "matmul", "matmul", "algebra",
        "Each cell: a row of x times a column of y, added up. Sheets are multiplied one by one, and "
        "broadcast. Every linear layer is this.",
        r"\text{out}_{ij} = \sum_k x_{ik}\, y_{kj}", generated("torch.matmul"),
        lambda x, y: x @ y, "x @ y", (Given(shape="2, 3"), Given("y", "3, 4", start=1)), origin=Mixed(),
        sign="pairs",
    ),
    Operation(
        "einsum", "einsum", "algebra",
        "A letter for each dimension: what stands after the arrow is kept, what does not is summed over. "
        "ij,jk->ik is "
        "a product of matrices, ij,ij->i of rows, i,j->ij an outer one, bhqd,bhkd->bhqk attention.",
        r"\text{out}_{ik} = \sum_j x_{ij}\, y_{jk} \quad (ij, jk \to ik)", generated("torch.einsum"),
        lambda x, y, equation: torch.einsum(equation, x, y), "torch.einsum({equation}, x, y)",
        (Given(shape="2, 3"), Given("y", "3, 4", start=1)),
        (Argument("equation", "ij,jk->ik", "letters of x, of y, and of the result", "text"),),
        origin=Mixed(), verb="from", sign=", ",
    ),
    Operation(
        "matrix_norm", "matrix_norm", "algebra",
        "How large a matrix is: by all its squares, or by how far it can stretch a vector (2), which is its "
        "largest singular value.",
        r"\|x\|_F = \sqrt{\sum_{ij} x_{ij}^2}, \quad \|x\|_2 = \sigma_1, \quad \|x\|_* = \sum_i \sigma_i",
        generated("torch.linalg.matrix_norm"), _matrix_norm, _matrix_norm_line, (Given(shape="3, 4",
        kinds=RANDOM),),
        (NORM,), origin=Mixed(lambda x, order: x.sum((-2, -1))), verb="the norm of", sign=", ",
    ),
    Operation(
        "det", "det", "algebra", "How much a matrix stretches a volume; 0: it flattens it, and can't be "
        "undone.",
        r"\text{out} = \det x = \prod_i \lambda_i", generated("torch.linalg.det"),
        torch.linalg.det, "torch.linalg.det(x)", SQUARE, origin=Mixed(lambda x: x.sum((-2, -1))),
        verb="the determinant of", sign=", ",
    ),
    Operation(
        "inv", "inv", "algebra", "The matrix that undoes it. Each cell depends on all. To solve equations "
        "use solve: it is quicker and loses fewer digits.",
        r"x\, \text{out} = I", generated("torch.linalg.inv"), _inv,
        "torch.linalg.inv(x)",
        SQUARE, origin=Mixed(lambda x: _all_of(x).expand(x.shape)), verb="from", sign=", ",
    ),
    Operation(
        "eigh", "eigh", "algebra",
        "Directions that a symmetric matrix only stretches, and by how much, the smallest first. PyTorch "
        "reads the "
        "lower triangle alone: point at a cell. A Hessian's largest eigenvalue is the sharpness of a "
        "minimum.",
        r"x = Q\, \mathrm{diag}(\lambda)\, Q^\top", generated("torch.linalg.eigh"),
        _eigh, "torch.linalg.eigh(x)",
        (Given(shape="3, 3", kinds=("symmetric", "random", "counting", "mixed", "typed")),),
        outputs=("values", "vectors"), origin=Mixed(_eigh_reads), verb="from", sign=", ",
    ),
    Operation(
        "svd", "svd", "algebra",
        "Any matrix: a turn, a stretch along the axes, another turn. The singular values say how much each "
        "direction matters, the largest first.",
        r"x = U\, \mathrm{diag}(S)\, V^\top", generated("torch.linalg.svd"),
        lambda x: tuple(torch.linalg.svd(x, full_matrices=False)), "torch.linalg.svd(x, full_matrices=False)",
        (Given(shape="3, 4", kinds=RANDOM),), outputs=("U", "S", "Vh"), origin=Mixed(_svd_reads), verb="from",
        sign=", ",
    ),
    Operation(
        "low_rank", "Low rank", "algebra",
        "The nearest matrix that needs only k columns and k rows (Eckart and Young 1936): the idea behind "
        "PCA and LoRA. Counting numbers are of rank 2: two are enough.",
        r"\text{out} = \sum_{i \le k} \sigma_i\, u_i v_i^\top", generated("torch.linalg.svd"), _low_rank,
        "U[..., :{rank}] * S[..., None, :{rank}] @ Vh[..., :{rank}, :]", (Given(shape="4, 5",
        kinds=RANDOM),), (RANK,),
        setup="U, S, Vh = torch.linalg.svd(x, full_matrices=False)",
        origin=Mixed(lambda x, rank: _all_of(x).expand(x.shape) * min(rank, 1)), verb="from", sign=", ",
    ),
    Operation(
        "pca", "PCA", "algebra",
        "Principal component analysis: the few directions in which real data are widest. It knows nothing of "
        "classes, and still they come apart.",
        r"x - \bar{x} = U\, \mathrm{diag}(S)\, V^\top, \quad \text{out} = (x - \bar{x})\, V_{:k}",
        generated("torch.linalg.svd"),
        lambda x, labels, data, components, scaled: pca(x, components, scaled).coordinates,
        _line(pca_lines), (),
        (REAL, COMPONENTS, SCALED), origin=None, shows="projection",
        projection=lambda x, labels, data, components, scaled: pca(x, components, scaled),
    ),
    Operation(
        "lda", "LDA", "algebra",
        "Linear discriminant analysis: the directions in which classes lie furthest apart, measured in "
        "their own spread. At most one fewer than there are classes.",
        r"\max_v \frac{v^\top S_b\, v}{v^\top S_w\, v}, \quad S_b\, v = \lambda\, S_w\, v",
        generated("torch.linalg.eigh"),
        lambda x, labels, data, components, scaled, shrinkage: lda(
            x, labels, components, scaled, shrinkage
        ).coordinates,
        _line(lda_lines), (), (REAL, COMPONENTS, SCALED, SHRINKAGE), origin=None, shows="projection",
        projection=lambda x, labels, data, components, scaled, shrinkage: lda(
            x, labels, components, scaled, shrinkage
        ),
    ),
)  # fmt: skip
