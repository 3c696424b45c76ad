// Tensors as sheets of cells: what goes in, what comes out, and the storage that both read. Cells move from where they
// came to where they go, under the hand (the slider) or by themselves; the cell under the pointer shows its origins
// and its place in storage. Where each came from was found by PyTorch (models/tensor_operation.py).

const SVG = "http://www.w3.org/2000/svg"
const SIZES = [52, 46, 42, 38, 34, 30, 26]
const TALLEST = 560 // what the tensors may take in height before cells become smaller
const LASTS = 1100 // milliseconds of a move
const RESTED = 350 // milliseconds after the last change
const MOST_MOVING = 300 // cells under way at once
const MOST_LINES = 8 // from origins to a cell; more hide the numbers
const STORED = 27 // width of a storage cell
const ROOM = 7 // letters in a cell, and in one of the storage
const STORED_ROOM = 5
const UNLIKE = 20 // times that numbers of two inputs may differ in size on one scale of colours
const instances = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".descent-tensors")
  if (!root || !data) return
  const board = instances.get(root) ?? create(root)
  instances.set(root, board)
  const isNew = board.key !== data.key
  board.data = data
  board.key = data.key
  if (isNew) {
    board.look = null
    rest(board)
    board.at = 1
  }
  draw(board)
  // The result stands at once; cells move when the hand has come to rest, so that a slider is never held up.
  if (isNew && !matchMedia("(prefers-reduced-motion: reduce)").matches) board.waiting = setTimeout(() => play(board), RESTED)
  return () => {
    board.observer.disconnect()
    clearTimeout(board.waiting)
    cancelAnimationFrame(board.frame)
    instances.delete(root)
  }
}

function create(root) {
  const board = { root, at: 1, look: null, frames: 0 }
  const bar = (board.bar = element("div", "bar", root))
  board.button = element("button", "play", bar)
  board.button.type = "button"
  board.button.addEventListener("click", () => (board.playing ? rest(board) : play(board)))
  board.scrub = element("input", "scrub", bar)
  Object.assign(board.scrub, { type: "range", min: 0, max: 1000, value: 1000 })
  board.scrub.addEventListener("input", () => {
    rest(board)
    place(board, board.scrub.value / 1000)
  })
  board.svg = document.createElementNS(SVG, "svg")
  board.svg.setAttribute("tabindex", "0")
  board.svg.setAttribute("role", "img")
  const stage = element("div", "stage", root)
  stage.append(board.svg)
  board.canvas = element("canvas", "", stage) // what moves has a layer of its own: the sheets below stay painted
  board.said = element("p", "said", root)
  board.said.setAttribute("aria-live", "polite")
  board.svg.addEventListener("pointerover", event => point(board, event.target.closest("[data-cell]")))
  board.svg.addEventListener("pointerdown", event => point(board, event.target.closest("[data-cell]")))
  board.svg.addEventListener("keydown", event => step(board, event))
  board.observer = new ResizeObserver(() => {
    if (board.data && root.clientWidth !== board.width) draw(board)
  })
  board.observer.observe(root)
  return board
}

function make(parent, name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text !== null) made.textContent = text
  parent.append(made)
  return made
}

// ---- Colours by value

// The page's own colours say whether it is dark.
function palette(board) {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = getComputedStyle(board.root).getPropertyValue("--st-background-color").trim() || "#fff"
  const shades = probe.fillStyle.startsWith("#") ? channels(probe.fillStyle) : probe.fillStyle.match(/[\d.]+/g).map(Number)
  return board.data.palettes[brightness(shades) < 102 ? "dark" : "light"]
}

const channels = color => [1, 3, 5].map(start => parseInt(color.slice(start, start + 2), 16))
const brightness = ([red, green, blue]) => 0.2126 * red + 0.7152 * green + 0.0722 * blue

function mixed(stops, share) {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1)
  const before = Math.min(stops.length - 2, Math.floor(place))
  const [low, high] = [channels(stops[before]), channels(stops[before + 1])]
  return low.map((shade, index) => Math.round(shade + (place - before) * (high[index] - shade)))
}

function numbersOf(tensors) {
  return tensors.flatMap(tensor => tensor.values).map(Number).filter(Number.isFinite)
}

function scaleOf(tensors) {
  const known = numbersOf(tensors)
  return { largest: Math.max(1e-12, ...known.map(Math.abs)), negative: known.some(value => value < 0) }
}

// What is computed anew has a scale of its own for each tensor. Cells that move keep their colour: one scale for all,
// but for places (an index beside other numbers), and where inputs differ so much that the smaller would be pale: then
// each has its own (null for what comes out: a cell's is that of the input it came from).
function scalesOf({ tensors, moved }) {
  const own = tensors.map(tensor => scaleOf([tensor]))
  if (!moved) return own
  const isWhole = ({ dtype }) => /^(u?int|bool)/.test(dtype)
  const isPlace = tensor => isWhole(tensor) && !tensors.every(isWhole)
  const shared = tensors.filter(tensor => !isPlace(tensor))
  const sizes = shared.filter(({ role }) => role === "in").map(tensor => scaleOf([tensor]).largest).filter(size => size > 1e-12)
  const common = scaleOf(shared)
  const alike = !sizes.length || Math.max(...sizes) <= UNLIKE * Math.min(...sizes)
  return tensors.map((tensor, number) => (isPlace(tensor) ? own[number] : alike ? common : tensor.role === "in" ? own[number] : null))
}

function paint(board, number, cell, value) {
  if (value === null) return { fill: "none", ink: "currentColor" }
  const shown = Number(value)
  if (!Number.isFinite(shown)) return { fill: "url(#tensor-hatch)", ink: "currentColor" }
  const source = board.data.origins[outputsOf(board).indexOf(number)]?.[cell]?.[0]
  const { largest, negative } = board.scales[number] ?? (source ? board.scales[inputOf(board, source)[0]] : scaleOf([board.data.tensors[number]]))
  const stops = negative ? board.colors.diverging : board.colors.sequential
  const shade = mixed(stops, negative ? 0.5 + shown / largest / 2 : shown / largest)
  return { fill: `rgb(${shade.join(",")})`, ink: brightness(shade) > 135 ? "#1B2430" : "#FFFFFF" }
}

// As many digits as there is room for, three at most; small cells have no room for the zero before the point.
function short(value, room = ROOM) {
  if (value === null) return "·"
  if (typeof value === "boolean") return value ? "True" : "False"
  if (typeof value === "string") return value.replace("inf", "∞")
  if (Number.isInteger(value) && Math.abs(value) < 1e5) return String(value)
  for (const digits of [3, 2, 1]) {
    const plain = String(Number(value.toPrecision(digits)))
    const text = room < ROOM ? plain.replace(/^(-?)0\./, "$1.") : plain
    if (text.length <= room && !text.includes("e")) return text
  }
  return value.toExponential(0).replace("e+", "e")
}

function full(value) {
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : value === null ? "?" : short(value)
}

// ---- Where everything stands

function blockOf(tensor, size) {
  const shape = tensor.shape
  const columns = shape.length ? shape.at(-1) : 1
  const rows = shape.length > 1 ? shape.at(-2) : 1
  const sheets = shape.slice(0, -2).reduce((product, length) => product * length, 1)
  const fan = sheets > 1 ? 12 : 0
  const head = sheets > 1 ? 20 : 14
  const stride = rows * size + head
  const down = Math.max(1, Math.min(sheets, Math.floor(TALLEST / Math.max(1, stride))))
  const across = Math.ceil(sheets / down) || 1
  const each = columns * size + 20 + fan * (down - 1)
  return { columns, rows, sheets, fan, head, stride, down, across, each, size,
    width: Math.max(across * (each + 12) - 12, 8 * headerOf(tensor).length, 7 * detailOf(tensor).length),
    height: 40 + down * stride + 6 }
}

const tuple = shape => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`
const headerOf = tensor => `${tensor.name}  ${tuple(tensor.shape)}`
const detailOf = tensor => `${tensor.dtype}${tensor.strides ? ` · strides ${tuple(tensor.strides)}` : ""}`

function flow(board, size) {
  const places = []
  let [x, y, line, broken] = [0, 0, 0, false]
  const put = (item, width, height) => {
    if (x > 0 && x + width > board.width) {
      ;[x, y, line, broken] = [0, y + line + 14, 0, true]
    }
    places.push({ ...item, x, y })
    x += width + 28
    line = Math.max(line, height)
  }
  const inputs = board.data.tensors.filter(tensor => tensor.role === "in")
  board.data.tensors.forEach((tensor, number) => {
    if (inputs.length && number === inputs.length) put({ arrow: true }, 26, 60)
    const block = blockOf(tensor, size)
    put({ number, tensor, block }, block.width, block.height)
  })
  return { places, height: y + line, broken }
}

function draw(board) {
  const { svg, data, root } = board
  const width = root.clientWidth
  if (!width) return
  board.width = width
  board.colors = palette(board)
  root.style.setProperty("--lit", board.colors.accent)
  svg.replaceChildren()
  const pattern = make(make(svg, "defs"), "pattern", { id: "tensor-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" })
  make(pattern, "line", { x1: 0, x2: 0, y1: 0, y2: 6, class: "hatch" })
  const flows = SIZES.map(size => flow(board, size))
  const { places, height } = flows.find(({ height, broken }) => height <= TALLEST && !broken)
    ?? flows.find(({ height, broken }) => height <= TALLEST && broken) ?? flows.at(-1)
  board.cells = data.tensors.map(() => [])
  board.scales = scalesOf(data)
  for (const item of places) {
    if (item.arrow) make(svg, "text", { x: item.x, y: item.y + 92, class: "arrow" }, "→")
    else drawTensor(board, item)
  }
  board.stored = []
  const foot = data.storage ? drawStorages(board, height + 18) : height
  board.lines = make(svg, "g", { class: "lines" })
  svg.setAttribute("viewBox", `0 0 ${width} ${foot}`)
  svg.style.height = `${foot}px`
  const fine = window.devicePixelRatio || 1
  Object.assign(board.canvas, { width: Math.round(width * fine), height: Math.round(foot * fine) })
  board.canvas.style.height = `${foot}px`
  board.pen = board.canvas.getContext("2d")
  board.pen.scale(fine, fine)
  board.font = getComputedStyle(root).fontFamily
  svg.setAttribute("aria-label", data.words.board)
  board.scrub.setAttribute("aria-label", data.words.scrub)
  board.button.textContent = board.playing ? data.words.pause : data.words.play
  board.bar.hidden = !data.origins.some(cells => cells.some(from => from.length)) // nothing has come from anywhere
  board.moves = null
  root.dataset.shapes = JSON.stringify(data.tensors.map(tensor => tensor.shape))
  place(board, board.at)
  mark(board)
}

function indexOf(shape, cell) {
  const index = []
  for (let dim = shape.length - 1; dim >= 0; dim--) {
    index.unshift(cell % shape[dim])
    cell = Math.floor(cell / shape[dim])
  }
  return index
}

function drawTensor(board, { x, y, number, tensor, block }) {
  const group = make(board.svg, "g", { class: tensor.role })
  const title = make(group, "text", { x, y: y + 14, class: "title" }, tensor.name)
  make(title, "tspan", { dx: 7, class: "shape" }, tuple(tensor.shape))
  make(group, "text", { x, y: y + 31, class: "quiet" }, detailOf(tensor))
  const { columns, rows, sheets, size } = block
  if (!tensor.values.length) make(group, "text", { x, y: y + 62, class: "quiet" }, board.data.words.empty)
  for (let sheet = 0; sheet < (tensor.values.length ? sheets : 0); sheet++) {
    const [across, down] = [Math.floor(sheet / block.down), sheet % block.down]
    const left = x + 16 + across * (block.each + 12) + down * block.fan
    const top = y + 40 + down * block.stride + block.head
    make(group, "rect", { class: "sheet", x: left - 3, y: top - 3, width: columns * size + 6, height: rows * size + 6, rx: 7 })
    if (sheets > 1) {
      const named = indexOf(tensor.shape.slice(0, -2), sheet).join(", ")
      make(group, "text", { x: left - 14, y: top - 8, class: "sheet-name" }, `${tensor.name}[${named}]`)
    }
    if (sheets === 1 && tensor.shape.length && columns <= 24) {
      for (let column = 0; column < columns; column++) {
        make(group, "text", { x: left + (column + 0.5) * size, y: top - 6, class: "count", "text-anchor": "middle" }, column)
      }
    }
    for (let row = 0; row < rows && tensor.shape.length > 1; row++) {
      make(group, "text", { x: left - 8, y: top + (row + 0.5) * size + 3, class: "count", "text-anchor": "end" }, row)
    }
    for (let inside = 0; inside < rows * columns; inside++) {
      const cell = sheet * rows * columns + inside
      const at = [left + (inside % columns) * size, top + Math.floor(inside / columns) * size]
      board.cells[number][cell] = drawCell(group, at, size, tensor.values[cell], paint(board, number, cell, tensor.values[cell]), { "data-tensor": number, "data-cell": cell })
    }
  }
}

function drawCell(parent, [x, y], size, value, { fill, ink }, attributes, room = ROOM) {
  const group = make(parent, "g", { class: "cell", transform: `translate(${x} ${y})`, ...attributes })
  make(group, "rect", { x: 1.5, y: 1.5, width: size - 3, height: size - 3, rx: 5, fill })
  const text = short(value, room)
  const font = Math.min(13, (size - 5) / (0.6 * Math.max(2, text.length)))
  const label = make(group, "text", { x: size / 2, y: size / 2 + font * 0.36, "text-anchor": "middle", "font-size": font.toFixed(1) }, text)
  label.style.fill = ink
  return { group, x, y, size, value, fill, ink, text, font }
}

// Of a large storage only some cells are here: a gap stands for what lies between.
function drawStorages(board, y) {
  const { data, svg, width } = board
  let [left, line] = [0, 0]
  data.storages.forEach((storage, number) => {
    const readers = data.tensors.filter(tensor => tensor.storage === number)
    const gap = place => storage.places[place] !== (place ? storage.places[place - 1] + 1 : 0)
    const slots = []
    storage.values.forEach((_, place) => slots.push(...(gap(place) ? [null] : []), place))
    const wide = Math.max(180, slots.length * STORED)
    if (left > 0 && left + wide > width) {
      ;[left, y, line] = [0, y + line, 0]
    }
    const group = make(svg, "g", { class: "storage" })
    const title = make(group, "text", { x: left, y: y + 12, class: "title" }, data.words.storage)
    const words = `${readers.map(tensor => tensor.name).join(", ")} · ${data.words.bytes.replace("{bytes}", storage.bytes.toLocaleString("en"))}`
    make(title, "tspan", { dx: 7, class: "shape" }, words)
    const looks = new Map() // of each cell that is read: the tensor and the element that reads it first
    data.tensors.forEach((tensor, reader) => tensor.storage === number && tensor.cells.forEach((cell, element) => looks.has(cell) || looks.set(cell, [reader, element])))
    const across = Math.max(1, Math.floor(width / STORED))
    board.stored[number] = []
    slots.forEach((place, slot) => {
      const at = [left + (slot % across) * STORED, y + 20 + Math.floor(slot / across) * (STORED + 13)]
      if (place === null) {
        make(group, "text", { x: at[0] + STORED / 2, y: at[1] + STORED / 2 + 4, class: "quiet gap", "text-anchor": "middle" }, "⋯")
        return
      }
      const cell = storage.places[place]
      const value = storage.values[place]
      const look = paint(board, ...(looks.get(cell) ?? [data.tensors.indexOf(readers[0]), -1]), value)
      const drawn = drawCell(group, at, STORED, value, look, { "data-storage": number, "data-cell": cell }, STORED_ROOM)
      if (!looks.has(cell)) drawn.group.classList.add("unread")
      make(group, "text", { x: at[0] + STORED / 2, y: at[1] + STORED + 8, class: "count", "text-anchor": "middle" }, cell)
      board.stored[number][cell] = drawn
    })
    line = Math.max(line, 20 + Math.max(1, Math.ceil(slots.length / across)) * (STORED + 13) + 10)
    left += wide + 28
  })
  return y + line
}

// ---- Cells under way

// Input cells are numbered from 1 on through all inputs.
function inputOf(board, numbered) {
  let left = numbered - 1
  for (let number = 0; number < board.data.tensors.length; number++) {
    const count = board.data.tensors[number].values.length
    if (left < count) return [number, left]
    left -= count
  }
  return [0, 0]
}

const outputsOf = board => board.data.tensors.flatMap((tensor, number) => (tensor.role === "out" ? [number] : []))

function prepare(board) {
  const outputs = outputsOf(board)
  const total = outputs.reduce((sum, number) => sum + board.cells[number].length, 0)
  const most = Math.max(1, Math.floor(MOST_MOVING / Math.max(1, total)))
  let order = 0
  board.moves = []
  outputs.forEach((number, output) => {
    board.cells[number].forEach((target, cell) => {
      const begin = (0.5 * order++) / Math.max(1, total)
      const sources = board.data.origins[output][cell].slice(0, board.data.moved ? 1 : most).map(numbered => {
        const [tensor, from] = inputOf(board, numbered)
        return board.cells[tensor][from]
      })
      board.moves.push({ target, begin, sources })
    })
  })
}

const eased = share => (share < 0.5 ? 4 * share ** 3 : 1 - (-2 * share + 2) ** 3 / 2)

function place(board, at) {
  const { root, pen } = board
  board.at = at
  board.scrub.value = Math.round(1000 * at)
  pen.clearRect(0, 0, board.canvas.width, board.canvas.height)
  let [moving, ahead] = [0, ""]
  if (at >= 1) board.moves = null
  else if (!board.moves) prepare(board)
  board.svg.classList.toggle("moving", Boolean(board.moves)) // what comes out is drawn here as long as it comes
  const underWay = []
  for (const { target, begin, sources } of board.moves ?? []) {
    const share = Math.min(1, Math.max(0, (at - begin) / 0.5))
    pen.globalAlpha = share >= 1 ? 1 : sources.length ? 0.1 : 0.1 + 0.9 * share
    drawMoving(board, target, target.x, target.y)
    if (share > 0 && share < 1) underWay.push([target, eased(share), sources])
  }
  pen.globalAlpha = 1
  for (const [target, along, sources] of underWay) {
    for (const source of sources) {
      const x = source.x + along * (target.x - source.x)
      const y = source.y + along * (target.y - source.y) - Math.sin(Math.PI * along) * 16
      drawMoving(board, source, x, y)
      moving++
      ahead ||= `${x.toFixed(1)} ${y.toFixed(1)}`
    }
  }
  Object.assign(root.dataset, { at: at.toFixed(3), moving, ahead })
}

function drawMoving(board, cell, x, y) {
  cell.sprite ??= spriteOf(board, cell)
  board.pen.drawImage(cell.sprite, x, y, cell.size, cell.size)
}

// A cell as a picture: letters are drawn once, not in each frame.
function spriteOf({ font, root }, cell) {
  const fine = window.devicePixelRatio || 1
  const sprite = document.createElement("canvas")
  Object.assign(sprite, { width: Math.ceil(cell.size * fine), height: Math.ceil(cell.size * fine) })
  const pen = sprite.getContext("2d")
  pen.scale(fine, fine)
  const plain = cell.fill.startsWith("rgb")
  pen.fillStyle = plain ? cell.fill : "rgba(128, 128, 128, 0.4)"
  pen.beginPath()
  pen.roundRect(1.5, 1.5, cell.size - 3, cell.size - 3, 5)
  pen.fill()
  pen.fillStyle = plain ? cell.ink : getComputedStyle(root).color
  pen.font = `${cell.font.toFixed(1)}px ${font}`
  pen.textAlign = "center"
  pen.fillText(cell.text, cell.size / 2, cell.size / 2 + cell.font * 0.36)
  return sprite
}

function play(board) {
  clearTimeout(board.waiting)
  cancelAnimationFrame(board.frame)
  board.playing = true
  board.button.textContent = board.data.words.pause
  const begun = performance.now()
  const next = now => {
    const at = Math.max(0, (now - begun) / LASTS)
    board.root.dataset.frames = ++board.frames
    place(board, Math.min(1, at))
    if (at >= 1) rest(board)
    else board.frame = requestAnimationFrame(next)
  }
  place(board, 0)
  board.frame = requestAnimationFrame(next)
}

function rest(board) {
  clearTimeout(board.waiting)
  cancelAnimationFrame(board.frame)
  board.playing = false
  board.button.textContent = board.data.words.play
}

// ---- What is looked at

function point(board, cell) {
  if (!cell) return
  const { tensor, storage, cell: number } = cell.dataset
  board.look = { tensor: tensor === undefined ? null : Number(tensor), storage: storage === undefined ? null : Number(storage), cell: Number(number) }
  mark(board)
}

function step(board, event) {
  const outputs = outputsOf(board)
  const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 0, ArrowDown: 0 }[event.key]
  if (move === undefined || !outputs.length) return
  event.preventDefault()
  const looked = board.look && outputs.includes(board.look.tensor) ? board.look : { tensor: outputs[0], storage: null, cell: -1 }
  const { shape, values } = board.data.tensors[looked.tensor]
  const far = shape.at(-1) ?? 1
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -far, ArrowDown: far }[event.key]
  const cell = looked.cell < 0 ? 0 : looked.cell + by
  if (cell < 0 || cell >= values.length) return
  board.look = { ...looked, cell }
  mark(board)
}

function mark(board) {
  const { data, look, svg } = board
  for (const lit of svg.querySelectorAll(".lit, .at")) lit.classList.remove("lit", "at")
  board.lines.replaceChildren()
  board.root.dataset.lit = "[]"
  board.root.dataset.stored = "[]"
  if (!look) {
    board.said.textContent = data.words.point
    return
  }
  const outputs = outputsOf(board)
  if (look.tensor === null) {
    board.stored[look.storage]?.[look.cell]?.group.classList.add("at")
    const reading = data.tensors.flatMap((tensor, number) =>
      tensor.storage !== look.storage ? [] : tensor.cells.flatMap((cell, place) => (cell === look.cell ? [[number, place]] : [])))
    for (const [number, place] of reading) light(board, number, place, "lit")
    board.said.textContent = data.words.read.replace("{cell}", look.cell).replace("{names}", reading.map(([number, place]) => nameOf(board, number, place)).join(", ") || "–")
    return
  }
  const tensor = data.tensors[look.tensor]
  if (!tensor || look.cell >= tensor.values.length) return
  light(board, look.tensor, look.cell, "at")
  const output = outputs.indexOf(look.tensor)
  if (output < 0) {
    const first = data.tensors.slice(0, look.tensor).reduce((sum, each) => sum + each.values.length, 1)
    outputs.forEach((number, place) => data.origins[place].forEach((cells, cell) => cells.includes(first + look.cell) && light(board, number, cell, "lit")))
    board.said.textContent = `${nameOf(board, look.tensor, look.cell)} = ${full(tensor.values[look.cell])}${storedAt(board, look.tensor, look.cell)}`
    return
  }
  const origins = data.origins[output][look.cell].map(numbered => inputOf(board, numbered))
  for (const [number, cell] of origins) light(board, number, cell, "lit")
  if (origins.length <= MOST_LINES) for (const [number, cell] of origins) line(board, board.cells[number][cell], board.cells[look.tensor][look.cell])
  board.root.dataset.lit = JSON.stringify(data.origins[output][look.cell])
  board.said.textContent = sentence(board, look, origins)
}

function light(board, number, cell, className) {
  board.cells[number][cell]?.group.classList.add(className)
  const tensor = board.data.tensors[number]
  const stored = tensor.cells[cell]
  if (stored === undefined || stored < 0) return
  board.stored[tensor.storage]?.[stored]?.group.classList.add("lit")
  const told = new Set(JSON.parse(board.root.dataset.stored))
  board.root.dataset.stored = JSON.stringify([...told.add(`${tensor.storage}:${stored}`)])
}

function line(board, from, to) {
  const centre = cell => [cell.x + cell.size / 2, cell.y + cell.size / 2]
  const [[x1, y1], [x2, y2]] = [centre(from), centre(to)]
  const far = Math.max(Math.abs(x2 - x1), Math.abs(y2 - y1), 1)
  const edge = cell => cell.size / 2 / far // from the middle to the rim, so that numbers stay readable
  const [begin, end] = [edge(from), 1 - edge(to)]
  const at = share => [x1 + share * (x2 - x1), y1 + share * (y2 - y1)]
  const [[ax, ay], [bx, by]] = [at(begin), at(end)]
  if (begin < end) make(board.lines, "path", { d: `M${ax} ${ay}Q${(ax + bx) / 2} ${Math.min(ay, by) - 14} ${bx} ${by}` })
}

const nameOf = (board, number, cell) => `${board.data.tensors[number].name}${board.data.tensors[number].shape.length ? `[${indexOf(board.data.tensors[number].shape, cell).join(", ")}]` : ""}`

function storedAt(board, number, cell) {
  const { strides, offset, cells, shape } = board.data.tensors[number]
  if (!strides || cells[cell] === undefined || cells[cell] < 0) return ""
  const terms = indexOf(shape, cell).map((place, dim) => `${place}·${strides[dim]}`)
  return ` · ${board.data.words.stored} ${cells[cell]} = ${[offset, ...terms].join(" + ")}`
}

function sentence(board, look, origins) {
  const { data } = board
  const valueOf = ([number, cell]) => full(data.tensors[number].values[cell])
  const bracketed = value => (String(value).startsWith("-") ? `(${value})` : value)
  const named = nameOf(board, look.tensor, look.cell)
  const value = full(data.tensors[look.tensor].values[look.cell])
  const stored = storedAt(board, look.tensor, look.cell)
  if (!origins.length) return `${named} = ${value}${stored}`
  if (data.sign === "pairs") {
    const half = origins.length / 2
    const pairs = Array.from({ length: half }, (_, place) => [origins[place], origins[half + place]])
    const names = pairs.map(pair => pair.map(([number, cell]) => nameOf(board, number, cell)).join("·")).join(" + ")
    const numbers = pairs.map(pair => pair.map(each => bracketed(valueOf(each))).join("·")).join(" + ")
    return `${named} = ${names} = ${numbers} = ${value}${stored}`
  }
  const names = origins.map(([number, cell]) => nameOf(board, number, cell))
  if (data.moved) {
    const own = valueOf(origins[0])
    const told = origins.length > 1 ? ` · ${data.words.told} ${names[1]} = ${valueOf(origins[1])}` : ""
    return own === value ? `${named} = ${names[0]} = ${value}${told}${stored}` : `${named} = ${value} ← ${names[0]} = ${own}${told}${stored}`
  }
  const numbers = origins.map((each, place) => (place && data.sign !== ", " ? bracketed(valueOf(each)) : valueOf(each)))
  const verb = data.verb ? `${data.verb} ` : ""
  const shown = origins.length > 12 ? `${names.slice(0, 12).join(", ")} …` : `${names.join(", ")} (${numbers.join(data.sign)})`
  return `${named} = ${value}: ${verb}${shown}${stored}`
}
