"""PyTorch's errors about shapes and indices in plain words: why, and the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """A pattern of PyTorch's text, and a sentence in which {0}, {1} ... are what its groups matched."""

    pattern: str
    sentence: str


EXPLANATIONS = (
    Explanation(
        r"shape '\[(.*)\]' is invalid for input of size (\d+)",
        "There are {1} cells, and the sizes {0} ask for another number of them: the product of all sizes "
        "must be {1}. Write -1 for one size, and PyTorch works it out where the others divide {1}.",
    ),
    Explanation(
        r"view size is not compatible",
        "A view only names other steps through the same storage, and no steps give this shape: after a "
        "transpose "
        "neighbours no longer lie side by side. Use reshape, which copies where it must, or contiguous() "
        "before.",
    ),
    Explanation(
        r"Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)",
        "Dimensions count from 0 to {1}, or from the end from -1 to {0}. Choose one of these in place of "
        "{2}, or give the tensor more dimensions (unsqueeze).",
    ),
    Explanation(
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton "
        r"dimension (\d+)",
        "Shapes are aligned from the right, and each pair of sizes must be equal or one of them 1. In "
        "dimension {2} stand {0} and {1}: make them equal, or one of them 1 (unsqueeze puts in a 1).",
    ),
    Explanation(
        r"cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        "Rows of the first ({1} numbers) meet columns of the second ({2} numbers), so both must be equally "
        "long. Transpose one, or change a shape so that the inner sizes agree.",
    ),
    Explanation(
        r"size mismatch, got input \((\d+)\), mat \((\d+)x(\d+)\), vec \((\d+)\)",
        "Each row of {2} numbers is multiplied with a vector of {3}: both must be equally long.",
    ),
    Explanation(
        r"inconsistent tensor size, expected tensor \[(\d+)\] and src \[(\d+)\]",
        "Both vectors must be equally long, and they have {0} and {1} numbers.",
    ),
    Explanation(
        r"Expected size for first two dimensions of batch2 tensor to be: \[(\d+), (\d+)\] but got: \[(\d+), "
        r"(\d+)\]",
        "Each sheet is a product of matrices of its own: the rows of the second must be as many ({3}) as the "
        "columns of the first ({1}).",
    ),
    Explanation(
        r"need to be at least 1D",
        "A product of matrices needs at least a vector on each side; a single number multiplies with *.",
    ),
    Explanation(
        r"Sizes of tensors must match except in dimension (\d+)\. Expected size (\d+) but got size (\d+)",
        "Along dimension {0} they are put one after the other; every other size must be the same, and {1} is "
        "not {2}. Join along another dimension, or change a shape.",
    ),
    Explanation(
        r"Tensors must have same number of dimensions: got (\d+) and (\d+)",
        "One has {0} dimensions, the other {1}. Give both as many (unsqueeze), or use stack, which adds one.",
    ),
    Explanation(
        r"zero-dimensional tensor \(at position (\d+)\) cannot be concatenated",
        "A single number has no dimension to be joined along. Use stack, or give it one (unsqueeze).",
    ),
    Explanation(
        r"stack expects each tensor to be equal size, but got \[(.*)\] at entry 0 and \[(.*)\] at entry 1",
        "A stack lays tensors of one shape onto each other, and these are [{0}] and [{1}]. Make the shapes "
        "the same, or join with cat.",
    ),
    Explanation(
        r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)",
        "Dimension {1} has {2} places, counted from 0 or, from the end, from -1. Index {0} is none of them.",
    ),
    Explanation(
        r"index out of range|INDICES element is out of DATA bounds|out of bounds for dimension with size 0|"
        r"indexing axis dim should be positive",
        "A place is named that the dimension does not have: count from 0 to its size less 1, or choose "
        "another dimension.",
    ),
    Explanation(
        r"select\(\): index (-?\d+) out of range for tensor of size \[(.*)\] at dimension (\d+)",
        "Dimension {2} of [{1}] has no place {0}. Compressed layouts (CSR, CSC) store rows and columns, so "
        "they take matrices: give x two sizes.",
    ),
    Explanation(
        r"Dimension specified as (-?\d+) but tensor has no dimensions|invalid index of a 0-dim tensor|"
        r"Index to scalar can have only 1 value|cannot be applied to a 0-dim tensor",
        "x is a single number: it has no dimension to name a place in. Give it a shape of one size or more.",
    ),
    Explanation(
        r"too many indices for tensor of dimension (\d+)",
        "The tensor has {0} dimensions, and the index has more parts than that. Leave some out.",
    ),
    Explanation(
        r"step must be greater than zero|step must be positive|slice step",
        "A step is 1 or more. Tensors are never read backwards by a slice, as NumPy's are, because "
        "PyTorch's strides are never "
        "negative. Use flip, which copies.",
    ),
    Explanation(
        r"indexing tensors could not be broadcast together with shapes (.*)",
        "Lists in an index are paired, the first with the first and so on, so they must be equally long: "
        "here {0}. To take rows and columns crosswise, index twice.",
    ),
    Explanation(
        r"only one dimension can be inferred",
        "-1 means: whatever is left. That can be worked out for one size only.",
    ),
    Explanation(
        r"invalid shape dimension (-?\d+)",
        "A size is at least 0, or -1 once for whatever is left; {0} is neither.",
    ),
    Explanation(
        r"cannot reshape tensor of 0 elements into shape",
        "There are no cells, so what -1 stands for could be anything. Write the size instead.",
    ),
    Explanation(
        r"duplicate dims are not allowed|appears multiple times in the list of dims|repeated dim",
        "Each dimension may be named once; one stands there twice, counted from the front or from the end.",
    ),
    Explanation(
        r"does not match the length of the desired ordering of dimensions i\.e\. input\.dim\(\) = (\d+) is "
        r"not equal to len\(dims\) = (\d+)",
        "The new order must name each of the {0} dimensions once, and it names {1}.",
    ),
    Explanation(
        r"The expanded size of the tensor \((-?\d+)\) must match the existing size \((\d+)\) at "
        r"non-singleton dimension (\d+)",
        "Only a dimension of size 1 can be expanded, by reading its one place again and again. Dimension "
        "{2} has size {1} and can't become {0}: write {1} or -1 there, or use repeat, which copies.",
    ),
    Explanation(
        r"number of sizes provided \((\d+)\) must be greater or equal to the number of dimensions in the "
        r"tensor \((\d+)\)",
        "{0} sizes are given for {1} dimensions. Write one for each, -1 where nothing changes.",
    ),
    Explanation(
        r"expanded size of the tensor \((-?\d+)\) isn't allowed in a leading, non-existing dimension",
        "-1 keeps a size, and a dimension that is new has none to keep. Write a size of at least 0 in place "
        "of {0}.",
    ),
    Explanation(
        r"repeat dims can not be smaller",
        "A number is needed for each dimension of the tensor: how often it is repeated along it.",
    ),
    Explanation(
        r"Repeats? .*non-negative|[Tt]rying to create tensor with negative dimension|must be non-negative|"
        r"greater or equal to 0, got|overflow|negative dimension|size is -\d+ but must be >= 0",
        "A size counts cells, so it is 0 or more.",
    ),
    Explanation(
        r"start_dim cannot come after end_dim",
        "The dimensions from start to end are made one, so start may not come after end. Swap them.",
    ),
    Explanation(
        r"`shifts` required|shifts and dimensions must align",
        "Each shift belongs to one dimension: give as many of one as of the other.",
    ),
    Explanation(
        r"requiring a storage size of (\d+) are out of bounds for storage of size (\d+)",
        "These steps lead to byte {0}, and the storage ends at byte {1}. Make sizes, strides or the offset "
        "smaller.",
    ),
    Explanation(
        r"mismatch in length of strides and shape",
        "Each dimension has one size and one stride: write as many of one as of the other.",
    ),
    Explanation(
        r"Negative strides are not supported",
        "PyTorch only steps forward through a storage. Use flip, which copies.",
    ),
    Explanation(
        r"invalid storage offset",
        "The first cell lies at the offset, which is 0 or more.",
    ),
    Explanation(
        r"maximum size for tensor at dimension (-?\d+) is (\d+) but size is (\d+)",
        "A window of {2} doesn't fit into dimension {0}, which has {1} places. Make it smaller.",
    ),
    Explanation(r"step is (-?\d+) but must be > 0", "Windows move on by at least one place. Choose a step "
    "of 1 or more."),
    Explanation(
        r"Index tensor must have the same number of dimensions as",
        "For each cell of the result the index says where along one dimension to look; its own place says "
        "the rest. So it needs as many dimensions as x: write rows with semicolons, sheets with bars.",
    ),
    Explanation(
        r"Size does not match at dimension (\d+) expected index \[(.*)\] to be no larger than self \[(.*)\] "
        r"apart from dimension (\d+)",
        "The index may be as long as it likes along dimension {3}; elsewhere its places are those of x, so "
        "it may be no larger: [{1}] is, beside [{2}], in dimension {0}.",
    ),
    Explanation(
        r"Index is supposed to be (a vector|.*1-D)|Index should have dimension 1",
        "index_select takes a list of places, which is one row of whole numbers.",
    ),
    Explanation(
        r"selected index k out of range",
        "More are asked for than there are along this dimension. Make k smaller, or choose a longer "
        "dimension.",
    ),
    Explanation(
        r"split expects split_size be non-negative|split_size can only be 0|can't split|split_with_sizes "
        r"expects split_sizes have only non-negative",
        "A part has at least one cell along the dimension. Choose a size of 1 or more.",
    ),
    Explanation(
        r"split_sizes to sum exactly to (\d+) \(input tensor's size at dimension (-?\d+)\), but got "
        r"split_sizes=\[(.*)\]",
        "The parts share out all {0} places of dimension {1}, and {2} don't add up to that.",
    ),
    Explanation(
        r"(chunk|split) expects at least a 1-dimensional tensor",
        "A single number has no dimension to be cut along. Give x at least one size.",
    ),
    Explanation(r"chunk expects `chunks` to be greater than 0", "Ask for at least one part."),
    Explanation(
        r"The diagonal element (\d+) is zero|matrix is singular",
        "The matrix is singular: a column can be made of the others, so two vectors lead to one and nothing "
        "leads back. Counting numbers do that from 3 x 3 on. Take random numbers, or the pseudo-inverse "
        "(torch.linalg.pinv).",
    ),
    Explanation(
        r"must be batches of square matrices, but they are (\d+) by (\d+) matrices",
        "This needs as many rows as columns, and there are {0} and {1}. Change the shape; for any shape "
        "there is the singular value decomposition.",
    ),
    Explanation(
        r"must have at least 2 dimensions|tensor must have at least 2|only supported on matrices or batches "
        r"of matrices",
        "This works on matrices: give x a shape of two sizes or more.",
    ),
    Explanation(
        r"product of batch dimensions to be non-zero",
        "In this layout sheets are stored one by one, and there is none. Give each dimension a size of at "
        "least 1.",
    ),
    Explanation(
        r"linalg\.cholesky: .* not positive-definite",
        "The spread within classes can't be inverted: a feature never changes, or is made of the others. "
        "Shrinkage above 0 mends it.",
    ),
    Explanation(
        r"Uniform is not defined when low ?>= ?high|Expected .* to satisfy the constraint",
        "The parameters must fit the distribution: of a uniform one, low is below high.",
    ),
    Explanation(
        r"failed to converge|ill-conditioned|contained non-finite",
        "The numbers are infinite or too far apart for the method. Take others.",
    ),
    Explanation(
        r"Found no NVIDIA driver|not compiled with CUDA|CUDA error|No CUDA GPUs|CUDA driver",
        "This computer has no graphics card that PyTorch can use. Ask with torch.cuda.is_available() first, "
        'and fall back on "cpu".',
    ),
    Explanation(
        r"not linked with support for mps|MPS backend",
        "Graphics of Apple are not there on this computer. Ask with torch.backends.mps.is_available() first, "
        'and fall back on "cpu".',
    ),
    Explanation(r"step must be nonzero", "With a step of 0 the end is never reached."),
    Explanation(
        r"upper bound and (?:lower|larger) bound inconsistent with step sign",
        "The step leads away from the end. Turn its sign, or swap start and end.",
    ),
    Explanation(
        r"from must be less than to|random_ expects 'from' to be less than 'to'",
        "Numbers are drawn from low to just below high, so high must be larger.",
    ),
    Explanation(
        r"expected sequence of length (\d+) at dim (\d+) \(got (\d+)\)",
        "Rows must be equally long; one has {2} numbers in place of {0}.",
    ),
    Explanation(
        r"subscript (\w) has size (\d+) for operand (\d+) which does not broadcast with previously seen "
        r"size (\d+)",
        "One letter stands for one size: {0} is {3} in one place and {1} in another. Change a shape or a "
        "letter.",
    ),
    Explanation(
        r"subscript (\w) is repeated for operand (\d+) but the sizes don't match, (\d+) != (\d+)",
        "A letter twice at one tensor reads its diagonal, so both must be as long: {0} is {2} and {3}.",
    ),
    Explanation(
        r"the number of subscripts in the equation \((\d+)\) (?:does not match|is more than) the number of "
        r"dimensions \((\d+)\) for operand (\d+)",
        "Each tensor has one letter for each dimension: the tensor after comma {2} has {1} dimensions and "
        "{0} letters.",
    ),
    Explanation(
        r"(fewer|more) operands were provided than specified",
        "Between commas stand the letters of one tensor each, here of x and of y: write two groups, as in "
        "ij,jk->ik.",
    ),
    Explanation(
        r"output subscript (\w) does not appear",
        "The letter {0} stands after the arrow and at no tensor: it has no size. Use letters that are there.",
    ),
    Explanation(
        r"output subscript (\w) appears more than once",
        "Each letter after the arrow is one dimension of the result: {0} can stand there once.",
    ),
    Explanation(
        r"invalid subscript given at index (\d+)|found '\.' .* that is not part of any ellipsis|ellipsis|"
        r"subscripts must be",
        "An equation is made of the letters a to z, commas, one arrow -> and one ... for each tensor.",
    ),
    Explanation(
        r"Expected reduction dim|non-zero size|cannot perform reduction|has no "
        r"identity|empty|input\.numel\(\) == 0",
        "There is no cell to choose from: a sum of nothing is 0, but nothing has no largest. Give the "
        "dimension a size of at least 1.",
    ),
)  # fmt: skip


def explained(said: str) -> str:
    """Why PyTorch refuses, and the way out; "" where its text is none of those that are known here."""
    for row in EXPLANATIONS:
        found = re.search(row.pattern, said)
        if found:
            return row.sentence.format(*(group or "" for group in found.groups()))
    return ""
