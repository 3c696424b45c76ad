// A window that slides over numbers: the input with its padding, the kernels, what comes out, and for the place that
// is looked at the sum, written out. With several channels each group of them is a box: its inputs, each above its
// kernel of the filter that is looked at, and its outputs. Everything is computed here (slide_math.js), at each change
// of a number; the server computes the same by PyTorch (models/sliding.py) and says whether it agrees.

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
    board.numbers = copied(data.numbers)
    board.kernels = copied(data.kernels)
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

const copied = grids => grids.map(grid => grid.map(row => [...row]))

function newBoard(root) {
  const board = { root, at: [0, 0, 0], boxes: [] } // at: channel, row and column of the output
  root.replaceChildren()
  board.grids = element("div", "grids", root)
  const bar = element("div", "bar", root)
  board.play = button(bar, () => (board.timer ? rest(board) : begin(board)))
  board.penButton = button(bar, () => {
    board.pen = !board.pen
    draw(board)
  })
  board.clear = button(bar, () => {
    board.numbers.flat().forEach(row => row.fill(0))
    changed(board, board.numbers[0], 0, 0, 0)
  })
  board.sum = element("div", "sum", bar)
  board.sum.setAttribute("aria-live", "polite")
  return board
}

function button(parent, press) {
  const made = element("button", "play", parent)
  made.type = "button"
  made.addEventListener("click", press)
  return made
}

// A box for each group; those that are there stay while there are as many channels.
function laidOut(board) {
  const { groups, inputs, outputs } = layout(board)
  const shape = `${groups} ${inputs} ${outputs}`
  board.many = inputs * outputs * groups > 1
  board.root.classList.toggle("many", board.many)
  if (board.shape === shape) return
  board.shape = shape
  board.grids.replaceChildren()
  board.boxes = Array.from({ length: groups }, (_, group) => {
    const box = { root: element("section", "box", board.grids), filter: 0 }
    box.title = element("h4", "", box.root)
    const above = element("div", "units", box.root)
    box.units = Array.from({ length: inputs }, (__, place) => {
      const unit = element("div", "unit", above)
      const made = { input: figure("input", unit), weights: figure("weights", unit) }
      drawsInto(board, made.input.grid, group * inputs + place)
      return made
    })
    const below = element("div", "units", box.root)
    box.outputs = Array.from({ length: outputs }, () => figure("output", below))
    return box
  })
}

function figure(name, parent) {
  const root = element("figure", name, parent)
  return { root, title: element("figcaption", "", root), grid: element("div", "grid", root) }
}

// With the pen, a drag across the input's cells fills them; one that begins on ink wipes it out.
function drawsInto(board, grid, channel) {
  let ink = null
  const put = event => {
    const cell = board.root.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest(".cell")
    const index = [...grid.children].indexOf(cell)
    if (index < 0) return
    const numbers = board.numbers[channel]
    const wide = numbers[0].length + 2 * board.border
    const [row, column] = [Math.floor(index / wide) - board.border, (index % wide) - board.border]
    const before = numbers[row]?.[column]
    if (before === undefined) return
    ink ??= before === INK ? 0 : INK
    if (before !== ink) changed(board, numbers, row, column, ink)
  }
  grid.addEventListener("pointerdown", event => {
    if (!board.pen) return
    event.preventDefault()
    grid.setPointerCapture(event.pointerId)
    ink = null
    put(event)
  })
  grid.addEventListener("pointermove", event => {
    if (board.pen && grid.hasPointerCapture(event.pointerId)) put(event)
  })
}

function compute(board) {
  board.found = computed(board)
  const sizes = [board.found.length, board.found[0].length, board.found[0][0]?.length ?? 0]
  board.at = board.at.map((place, axis) => Math.min(place, Math.max(0, sizes[axis] - 1)))
}

function draw(board) {
  const { words, slide } = board.data
  laidOut(board)
  board.border = slide.kind === "transposed" ? 0 : slide.padding
  const { inputs, outputs } = layout(board)
  board.boxes.forEach((box, group) => {
    box.title.textContent = words.group.replace("{n}", group + 1)
    box.title.hidden = board.boxes.length === 1
    box.units.forEach(({ input }, place) => drawInput(board, input, group * inputs + place))
    drawKernels(board, group)
    box.outputs.forEach((output, place) => drawOutput(board, output, group * outputs + place))
  })
  board.play.textContent = board.timer ? words.pause : words.play
  board.penButton.textContent = words.pen
  board.penButton.setAttribute("aria-pressed", String(board.pen))
  board.clear.textContent = words.clear
  board.clear.hidden = !board.pen
  board.root.classList.toggle("drawing", board.pen)
  board.root.dataset.output = JSON.stringify(board.found)
  mark(board)
}

const size = grid => `${grid.length} × ${grid[0]?.length ?? 0}`

const named = (board, word, number) => (board.many ? `${word} ${number + 1}` : word)

function drawInput(board, { grid, title }, channel) {
  const { data, border } = board
  const numbers = board.numbers[channel]
  const [rows, columns] = [numbers.length, numbers[0].length]
  const name = named(board, data.words.input, channel)
  title.textContent = `${name} · ${size(numbers)}`
  const largest = board.pen ? Math.max(INK, ...numbers.flat().map(Math.abs)) : 1
  cells(grid, rows + 2 * border, columns + 2 * border, (cell, row, column) => {
    const [r, c] = [row - border, column - border]
    const inside = r >= 0 && r < rows && c >= 0 && c < columns
    if (board.pen) cell.style.setProperty("--ink", inside ? Math.abs(numbers[r][c]) / largest : 0)
    if (inside) {
      editable(cell, numbers[r][c], value => changed(board, numbers, r, c, value), `${name}: ${r + 1}, ${c + 1}`)
      return
    }
    cell.className = "cell pad"
    const [from, to] = [mapped(r, rows, data.slide.mode), mapped(c, columns, data.slide.mode)]
    cell.textContent = data.slide.kind === "maximum" ? "−∞" : from === null || to === null ? "0" : short(numbers[from][to])
  })
}

// The kernels of the filter of the group that is looked at, or was last.
function drawKernels(board, group) {
  const { inputs, outputs } = layout(board)
  const { words, weighted } = board.data
  const box = board.boxes[group]
  const filter = group * outputs + box.filter
  box.units.forEach(({ weights }, place) => {
    weights.root.hidden = !weighted
    if (!weighted) return
    const kernel = board.kernels[filter * inputs + place]
    const name = board.many ? words.pair.replace("{out}", filter + 1).replace("{in}", group * inputs + place + 1) : words.kernel
    weights.title.textContent = board.many ? name : `${name} · ${size(kernel)}`
    cells(weights.grid, kernel.length, kernel[0].length, (cell, row, column) => {
      const label = `${name}: ${row + 1}, ${column + 1}`
      editable(cell, kernel[row][column], value => changed(board, kernel, row, column, value), label, board.many ? 2 : 4)
    })
  })
}

function drawOutput(board, { grid, title }, channel) {
  const found = board.found[channel]
  const across = found[0]?.length ?? 0
  const digits = across > 16 ? 2 : across > 8 || board.many ? 3 : 4 // the sum and the tooltip have them all
  title.textContent = `${named(board, board.data.words.output, channel)} · ${size(found)}`
  cells(grid, found.length, across, (cell, row, column) => {
    cell.className = "cell out"
    cell.textContent = short(found[row][column], digits)
    cell.title = short(found[row][column])
    cell.tabIndex = row === board.at[1] && column === board.at[2] ? 0 : -1
    cell.setAttribute("role", "button")
    cell.onpointerenter = () => look(board, channel, row, column)
    cell.onfocus = () => look(board, channel, row, column)
    cell.onkeydown = event => step(board, event)
  })
}

// As many cells as there are numbers; those that are there stay, so that a number keeps the focus.
function cells(grid, rows, columns, fill) {
  grid.dataset.width = columns > 24 ? "tiny" : columns > 16 ? "huge" : columns > 8 ? "large" : ""
  grid.style.gridTemplateColumns = `repeat(${columns}, var(--cell))`
  while (grid.children.length > rows * columns) grid.lastChild.remove()
  while (grid.children.length < rows * columns) element("div", "cell", grid)
  ;[...grid.children].forEach((cell, place) => fill(cell, Math.floor(place / columns), place % columns))
  const longest = Math.max(0, ...[...grid.children].map(cell => (cell.querySelector("input")?.value ?? cell.textContent).length))
  grid.classList.toggle("long", longest > 4)
}

function editable(cell, value, change, name, digits = 4) {
  cell.className = "cell"
  cell.title = short(value) === short(value, digits) ? "" : short(value)
  let field = cell.querySelector("input")
  if (!field) {
    cell.replaceChildren()
    field = element("input", "", cell)
    field.inputMode = "decimal"
  }
  field.setAttribute("aria-label", name)
  if (field.getRootNode().activeElement !== field) field.value = short(value, digits)
  field.oninput = () => {
    const typed = Number(field.value.replace(",", "."))
    const fits = field.value.trim() !== "" && Number.isFinite(typed) && Math.abs(typed) <= 1e6
    field.classList.toggle("wrong", !fits)
    if (fits) change(typed)
  }
  field.onblur = () => {
    field.classList.remove("wrong")
    field.value = short(value, digits)
  }
}

function changed(board, grid, row, column, value) {
  grid[row][column] = value
  compute(board)
  draw(board)
  clearTimeout(board.telling)
  const tell = () =>
    board.tell("grids", JSON.stringify({ numbers: board.numbers, kernels: board.kernels, given: board.data.given }))
  board.telling = setTimeout(tell, 250)
}

function look(board, channel, row, column) {
  board.at = [channel, row, column]
  const { outputs } = layout(board)
  const group = Math.floor(channel / outputs)
  const other = board.boxes[group].filter !== channel % outputs
  board.boxes[group].filter = channel % outputs
  if (other) drawKernels(board, group)
  mark(board)
}

function mark(board) {
  const { data, at, found, border } = board
  const { inputs, outputs } = layout(board)
  if (!found[0].length || !found[0][0].length) {
    board.sum.textContent = data.words.no_fit
    return
  }
  const group = Math.floor(at[0] / outputs)
  for (const cell of board.grids.querySelectorAll(".in")) cell.classList.remove("in")
  for (const { channel, terms } of termsAt(board, ...at)) {
    const { input, weights } = board.boxes[group].units[channel - group * inputs]
    const wide = board.numbers[channel][0].length + 2 * border
    const columns = board.kernels[0][0].length
    for (const { at: [row, column], k } of terms) {
      input.grid.children[(row + border) * wide + column + border]?.classList.add("in")
      if (k) weights.grid.children[k[0] * columns + k[1]]?.classList.add("in")
    }
  }
  const across = found[0][0].length
  board.boxes.forEach((box, number) => {
    box.root.classList.toggle("active", number === group)
    box.outputs.forEach(({ grid }, place) => {
      const chosen = number * outputs + place === at[0] ? at[1] * across + at[2] : -1
      ;[...grid.children].forEach((cell, index) => cell.classList.toggle("at", index === chosen))
    })
  })
  board.sum.replaceChildren()
  if (board.many) element("p", "", board.sum).textContent = sees(board, group)
  for (const line of written(board, ...at)) element("p", "", board.sum).textContent = line
}

// Which channels the number looked at is made of.
function sees(board, group) {
  const { words } = board.data
  const { groups, inputs } = layout(board)
  const numbers = Array.from({ length: inputs }, (_, place) => group * inputs + place + 1).join(", ")
  const [channel, row, column] = board.at
  return (groups > 1 ? words.sees_group : words.sees)
    .replace("{out}", channel + 1).replace("{place}", `${row + 1}, ${column + 1}`)
    .replace("{group}", group + 1).replace("{in}", numbers)
}

function step(board, event) {
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }
  const move = moves[event.key]
  if (!move) return
  const [channel, ...place] = board.at
  const limits = [board.found[0].length, board.found[0][0].length]
  const [row, column] = place.map((from, axis) => Math.min(limits[axis] - 1, Math.max(0, from + move[axis])))
  const { outputs } = layout(board)
  const { grid } = board.boxes[Math.floor(channel / outputs)].outputs[channel % outputs]
  grid.children[row * limits[1] + column].focus()
  event.preventDefault()
}

function begin(board) {
  board.timer = setInterval(() => {
    const [channels, rows, columns] = [board.found.length, board.found[0].length, board.found[0][0]?.length ?? 0]
    if (!rows || !columns) return
    const [channel, row, column] = board.at
    const place = ((channel * rows + row) * columns + column + 1) % (channels * rows * columns)
    look(board, Math.floor(place / (rows * columns)), Math.floor(place / columns) % rows, place % columns)
  }, PACE)
  draw(board)
}

function rest(board) {
  clearInterval(board.timer)
  board.timer = null
  draw(board)
}
