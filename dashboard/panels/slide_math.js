// What a window over numbers gives, as models/sliding.py has it from PyTorch: the places that meet, and their sum.
// The input is channels of rows; the kernels lie flat, filter after filter, and each filter has one for each channel
// of its group.

// Which places of one axis meet in output place `place`: [place of the input or null (a zero), of the kernel or null
// (there is none), where it lies, its share].
function axisTerms(place, length, size, { kind, stride, padding, dilation, mode, side }) {
  if (kind.startsWith("adaptive")) {
    const [first, end] = [Math.floor((place * length) / side), Math.ceil(((place + 1) * length) / side)]
    return Array.from({ length: end - first }, (_, number) => [first + number, null, first + number, 1])
  }
  if (kind === "nearest") {
    const from = Math.floor(place / stride)
    return [[from, null, from, 1]]
  }
  if (kind === "bilinear") {
    const between = Math.max(0, (place + 0.5) / stride - 0.5)
    const [first, share] = [Math.floor(between), between - Math.floor(between)]
    if (share === 0 || first + 1 >= length) return [[first, null, first, 1]]
    return [[first, null, first, 1 - share], [first + 1, null, first + 1, share]]
  }
  const terms = []
  for (let k = 0; k < size; k++) {
    if (kind === "transposed") {
      const from = place + padding - k * dilation
      if (from >= 0 && from % stride === 0 && from / stride < length) terms.push([from / stride, k, from / stride, 1])
      continue
    }
    const at = place * stride + k * dilation - padding
    terms.push([mapped(at, length, mode), k, at, 1])
  }
  return terms
}

function mapped(at, length, mode) {
  if (at >= 0 && at < length) return at
  if (mode === "replicate") return Math.min(length - 1, Math.max(0, at))
  if (mode === "circular") return ((at % length) + length) % length
  if (mode === "reflect") return at < 0 ? -at : 2 * (length - 1) - at
  return null
}

function outputSize(length, size, { kind, stride, padding, dilation, side }) {
  if (kind.startsWith("adaptive")) return side
  if (kind === "nearest" || kind === "bilinear") return length * stride
  const reach = dilation * (size - 1)
  if (kind === "transposed") return (length - 1) * stride - 2 * padding + reach + 1
  return Math.floor((length + 2 * padding - reach - 1) / stride) + 1
}

// How many channels go into a group and come out of one.
function layout({ numbers, kernels, data }) {
  const { groups } = data.slide
  const inputs = numbers.length / groups
  return { groups, inputs, outputs: (data.weighted ? kernels.length / inputs : numbers.length) / groups }
}

// The terms of one channel of the input under one kernel.
function channelTerms(numbers, kernel, slide, row, column) {
  const down = axisTerms(row, numbers.length, kernel.length, slide)
  const across = axisTerms(column, numbers[0].length, kernel[0].length, slide)
  return down.flatMap(([r, kr, atRow, shareRow]) =>
    across.map(([c, kc, atColumn, shareColumn]) => ({
      value: r === null || c === null ? 0 : numbers[r][c],
      pad: r === null || c === null,
      weight: kr === null ? shareRow * shareColumn : kernel[kr][kc],
      at: [atRow, atColumn],
      k: kr === null ? null : [kr, kc],
    })),
  )
}

// For each channel of the group that output channel `output` belongs to: which channel it is, and its terms.
function termsAt(board, output, row, column) {
  const { inputs, outputs } = layout(board)
  const first = Math.floor(output / outputs) * inputs
  return Array.from({ length: inputs }, (_, place) => ({
    channel: first + place,
    terms: channelTerms(
      board.numbers[first + place],
      board.kernels[board.data.weighted ? output * inputs + place : 0],
      board.data.slide, row, column,
    ),
  }))
}

const takesLargest = kind => kind === "maximum" || kind === "adaptive_maximum"
const takesMean = kind => kind === "average" || kind === "adaptive_average"

function valueOf(terms, kind) {
  if (takesLargest(kind)) return Math.max(...terms.filter(term => !term.pad).map(term => term.value))
  if (takesMean(kind)) return terms.reduce((sum, term) => sum + term.value, 0) / terms.length
  return terms.reduce((sum, term) => sum + term.value * term.weight, 0)
}

// Every number that comes out: channels of rows.
function computed(board) {
  const { numbers, kernels, data } = board
  const { groups, outputs } = layout(board)
  const rows = Math.max(0, outputSize(numbers[0].length, kernels[0].length, data.slide))
  const columns = Math.max(0, outputSize(numbers[0][0].length, kernels[0][0].length, data.slide))
  const value = (output, row, column) =>
    termsAt(board, output, row, column).reduce((sum, { terms }) => sum + valueOf(terms, data.slide.kind), 0)
  return Array.from({ length: groups * outputs }, (_, output) =>
    Array.from({ length: rows }, (__, row) => Array.from({ length: columns }, (___, column) => value(output, row, column))),
  )
}

// What is said of a sum: its digits may be fewer than it has.
const said = value => `${Math.abs(value - Number(short(value))) > 1e-9 * Math.abs(value) ? "≈" : "="} ${short(value)}`

const short = (value, digits = 4) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits))))

// The sum of one place, in words: [a line for each channel of the group, and their sum where there are several].
function written(board, output, row, column) {
  const { kind } = board.data.slide
  const { words } = board.data
  const product = ({ value, weight }) => `${short(value)}·${weight < 0 ? `(${short(weight)})` : short(weight)}`
  const side = terms => {
    const parts = terms.filter(term => !takesLargest(kind) || !term.pad)
    if (kind === "nearest") return `${words.input} ${terms[0].at.map(place => place + 1).join(", ")}`
    if (takesLargest(kind)) return `max(${parts.map(term => short(term.value)).join(", ")})`
    if (takesMean(kind)) return `(${parts.map(term => short(term.value)).join(" + ")}) / ${parts.length}`
    return parts.map(product).join(" + ") || "0"
  }
  const result = said(board.found[output][row][column])
  const each = termsAt(board, output, row, column)
  if (each.length === 1) return [`${side(each[0].terms)} ${result}`]
  const sums = each.map(({ terms }) => valueOf(terms, kind))
  return [
    ...each.map(({ channel, terms }, place) => `${words.input} ${channel + 1}: ${side(terms)} ${said(sums[place])}`),
    `${sums.map((sum, place) => (place && sum < 0 ? `(${short(sum)})` : short(sum))).join(" + ")} ${result}`,
  ]
}
