// A window that slides over numbers: the input with its padding, the kernel, the output, and for the place that is
// looked at the sum, written out. Everything is computed here, at each change of a number; the server computes the
// same by PyTorch (models/sliding.py) and says whether it agrees.

const boards = new WeakMap()
const PACE = 700 // milliseconds a place while it plays
const INK = 9 // what the pen leaves in a cell

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-slide")
  if (!root || !data) return
  const board = boards.get(root) ?? newBoard(root)
  boards.set(root, board)
  if (data.given !== board.data?.given) {
    board.numbers = data.numbers.map(row => [...row])
    board.kernel = data.kernel.map(row => [...row])
  }
  if (data.pen !== board.data?.pen) board.pen = data.pen
  board.data = data
  board.tell = setStateValue
  compute(board)
  draw(board)
  return () => {
    clearInterval(board.timer)
    boards.delete(root)
  }
}

function newBoard(root) {
  const board = { root, at: [0, 0] }
  root.replaceChildren()
  board.grids = element("div", "grids", root)
  for (const name of ["input", "weights", "output"]) {
    const part = element("figure", name, board.grids)
    board[`${name}Title`] = element("figcaption", "", part)
    board[name] = element("div", "grid", part)
  }
  const bar = element("div", "bar", root)
  board.play = button(bar, () => (board.timer ? rest(board) : begin(board)))
  board.penButton = button(bar, () => {
    board.pen = !board.pen
    draw(board)
  })
  board.clear = button(bar, () => {
    board.numbers.forEach(row => row.fill(0))
    changed(board, board.numbers, 0, 0, 0)
  })
  drawsInto(board)
  board.sum = element("p", "sum", bar)
  board.sum.setAttribute("aria-live", "polite")
  return board
}

function button(parent, press) {
  const made = element("button", "play", parent)
  made.type = "button"
  made.addEventListener("click", press)
  return made
}

// With the pen, a drag across the input's cells fills them; one that begins on ink wipes it out.
function drawsInto(board) {
  let ink = null
  const put = event => {
    const cell = board.root.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest(".cell")
    const index = [...board.input.children].indexOf(cell)
    if (index < 0) return
    const wide = board.numbers[0].length + 2 * board.border
    const [row, column] = [Math.floor(index / wide) - board.border, (index % wide) - board.border]
    const before = board.numbers[row]?.[column]
    if (before === undefined) return
    ink ??= before === INK ? 0 : INK
    if (before !== ink) changed(board, board.numbers, row, column, ink)
  }
  board.input.addEventListener("pointerdown", event => {
    if (!board.pen) return
    event.preventDefault()
    board.input.setPointerCapture(event.pointerId)
    ink = null
    put(event)
  })
  board.input.addEventListener("pointermove", event => {
    if (board.pen && board.input.hasPointerCapture(event.pointerId)) put(event)
  })
}

function element(name, className, parent) {
  const made = document.createElement(name)
  if (className) made.className = className
  parent.append(made)
  return made
}

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

function termsAt(board, row, column) {
  const { numbers, kernel, data } = board
  const down = axisTerms(row, numbers.length, kernel.length, data.slide)
  const across = axisTerms(column, numbers[0].length, kernel[0].length, data.slide)
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

const takesLargest = kind => kind === "maximum" || kind === "adaptive_maximum"
const takesMean = kind => kind === "average" || kind === "adaptive_average"

function valueOf(terms, kind) {
  if (takesLargest(kind)) return Math.max(...terms.filter(term => !term.pad).map(term => term.value))
  if (takesMean(kind)) return terms.reduce((sum, term) => sum + term.value, 0) / terms.length
  return terms.reduce((sum, term) => sum + term.value * term.weight, 0)
}

function compute(board) {
  const { numbers, kernel, data } = board
  const rows = outputSize(numbers.length, kernel.length, data.slide)
  const columns = outputSize(numbers[0].length, kernel[0].length, data.slide)
  board.found = Array.from({ length: Math.max(0, rows) }, (_, row) =>
    Array.from({ length: Math.max(0, columns) }, (__, column) => valueOf(termsAt(board, row, column), data.slide.kind)),
  )
  board.at = [Math.min(board.at[0], Math.max(0, rows - 1)), Math.min(board.at[1], Math.max(0, columns - 1))]
}

const short = (value, digits = 4) => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits))))

function draw(board) {
  const { data, numbers, kernel } = board
  const { words, slide, weighted } = data
  const border = slide.kind === "transposed" ? 0 : slide.padding
  drawInput(board, border)
  board.weights.parentElement.hidden = !weighted
  cells(board.weights, kernel.length, kernel[0].length, (cell, row, column) => {
    editable(cell, kernel[row][column], value => changed(board, kernel, row, column, value), `${words.kernel} ${row + 1}, ${column + 1}`)
  })
  const across = board.found[0]?.length ?? 0
  const digits = across > 16 ? 2 : across > 8 ? 3 : 4 // the sum below and the tooltip have them all
  cells(board.output, board.found.length, board.found[0]?.length ?? 0, (cell, row, column) => {
    cell.className = "cell out"
    const value = board.found[row][column]
    cell.textContent = short(value, digits)
    cell.title = short(value)
    cell.tabIndex = row === board.at[0] && column === board.at[1] ? 0 : -1
    cell.setAttribute("role", "button")
    cell.onpointerenter = () => look(board, row, column)
    cell.onfocus = () => look(board, row, column)
    cell.onkeydown = event => step(board, event)
  })
  const size = grid => `${grid.length} × ${grid[0]?.length ?? 0}`
  board.inputTitle.textContent = `${words.input} · ${size(numbers)}`
  board.weightsTitle.textContent = `${words.kernel} · ${size(kernel)}`
  board.outputTitle.textContent = `${words.output} · ${size(board.found)}`
  board.play.textContent = board.timer ? words.pause : words.play
  board.penButton.textContent = words.pen
  board.penButton.setAttribute("aria-pressed", String(board.pen))
  board.clear.textContent = words.clear
  board.clear.hidden = !board.pen
  board.root.classList.toggle("drawing", board.pen)
  board.root.dataset.output = JSON.stringify(board.found)
  mark(board)
}

function drawInput(board, border) {
  const { numbers, data } = board
  const [rows, columns] = [numbers.length, numbers[0].length]
  board.border = border
  cells(board.input, rows + 2 * border, columns + 2 * border, (cell, row, column) => {
    const [r, c] = [row - border, column - border]
    const inside = r >= 0 && r < rows && c >= 0 && c < columns
    const largest = board.pen ? Math.max(INK, ...numbers.flat().map(Math.abs)) : 1
    cell.style.setProperty("--ink", board.pen && inside ? Math.abs(numbers[r][c]) / largest : 0)
    if (inside) {
      editable(cell, numbers[r][c], value => changed(board, numbers, r, c, value), `${data.words.input} ${r + 1}, ${c + 1}`)
      return
    }
    cell.className = "cell pad"
    const [from, to] = [mapped(r, rows, data.slide.mode), mapped(c, columns, data.slide.mode)]
    cell.textContent = data.slide.kind === "maximum" ? "−∞" : from === null || to === null ? "0" : short(numbers[from][to])
  })
}

// As many cells as there are numbers; those that are there stay, so that a number keeps the focus.
function cells(grid, rows, columns, fill) {
  grid.dataset.width = columns > 16 ? "huge" : columns > 8 ? "large" : ""
  grid.style.gridTemplateColumns = `repeat(${columns}, var(--cell))`
  while (grid.children.length > rows * columns) grid.lastChild.remove()
  while (grid.children.length < rows * columns) element("div", "cell", grid)
  ;[...grid.children].forEach((cell, place) => fill(cell, Math.floor(place / columns), place % columns))
  const longest = Math.max(0, ...[...grid.children].map(cell => (cell.querySelector("input")?.value ?? cell.textContent).length))
  grid.classList.toggle("long", longest > 4)
}

function editable(cell, value, change, name) {
  cell.className = "cell"
  let field = cell.querySelector("input")
  if (!field) {
    cell.replaceChildren()
    field = element("input", "", cell)
    field.inputMode = "decimal"
  }
  field.setAttribute("aria-label", name)
  if (field.getRootNode().activeElement !== field) field.value = short(value)
  field.oninput = () => {
    const typed = Number(field.value.replace(",", "."))
    const fits = field.value.trim() !== "" && Number.isFinite(typed) && Math.abs(typed) <= 1e6
    field.classList.toggle("wrong", !fits)
    if (fits) change(typed)
  }
  field.onblur = () => {
    field.classList.remove("wrong")
    field.value = short(value)
  }
}

function changed(board, grid, row, column, value) {
  grid[row][column] = value
  compute(board)
  draw(board)
  clearTimeout(board.telling)
  board.telling = setTimeout(() => board.tell("grids", JSON.stringify({ numbers: board.numbers, kernel: board.kernel, given: board.data.given })), 250)
}

function look(board, row, column) {
  board.at = [row, column]
  mark(board)
}

function mark(board) {
  const { data, at, found, border } = board
  if (!found.length || !found[0].length) {
    board.sum.textContent = data.words.no_fit
    return
  }
  const terms = termsAt(board, ...at)
  const wide = board.numbers[0].length + 2 * border
  for (const cell of board.input.children) cell.classList.remove("in")
  for (const cell of board.weights.children) cell.classList.remove("in")
  for (const { at: [row, column], k } of terms) {
    board.input.children[(row + border) * wide + column + border]?.classList.add("in")
    if (k) board.weights.children[k[0] * board.kernel[0].length + k[1]]?.classList.add("in")
  }
  const across = found[0].length
  ;[...board.output.children].forEach((cell, place) => cell.classList.toggle("at", place === at[0] * across + at[1]))
  const result = short(found[at[0]][at[1]])
  const { kind } = data.slide
  const product = ({ value, weight }) => `${short(value)}·${weight < 0 ? `(${short(weight)})` : short(weight)}`
  const parts = terms.filter(term => !takesLargest(kind) || !term.pad)
  const written = kind === "nearest" ? `${data.words.input} ${terms[0].at.map(place => place + 1).join(", ")}`
    : takesLargest(kind) ? `max(${parts.map(term => short(term.value)).join(", ")})`
    : takesMean(kind) ? `(${parts.map(term => short(term.value)).join(" + ")}) / ${parts.length}`
    : parts.map(product).join(" + ") || "0"
  board.sum.textContent = `${written} = ${result}`
}

function step(board, event) {
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }
  const move = moves[event.key]
  if (!move) return
  const limits = [board.found.length, board.found[0].length]
  board.at = board.at.map((place, axis) => Math.min(limits[axis] - 1, Math.max(0, place + move[axis])))
  board.output.children[board.at[0] * limits[1] + board.at[1]].focus()
  event.preventDefault()
}

function begin(board) {
  board.timer = setInterval(() => {
    const [rows, columns] = [board.found.length, board.found[0]?.length ?? 0]
    if (!rows || !columns) return
    const place = (board.at[0] * columns + board.at[1] + 1) % (rows * columns)
    look(board, Math.floor(place / columns), place % columns)
  }, PACE)
  draw(board)
}

function rest(board) {
  clearInterval(board.timer)
  board.timer = null
  draw(board)
}
