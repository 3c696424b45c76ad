// One tensor as a cube of cells for each normalisation: samples go back, channels go right, places go down. The cell
// that is pointed at lights up with every cell that shares its mean, in all cubes at once. Means, variances and what
// the number becomes are computed here; a browser test holds them to PyTorch.

const SVG = "http://www.w3.org/2000/svg"
const cubes = new WeakMap()
const SHADES = [1, 0.86, 0.72] // of a cell's three visible sides: top, front, side
const FILLED = 0.84 // of a cell's share of room
const CLICK = 5 // pixels that a pointer may move and still have clicked

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-cubes")
  if (!root || !data) return
  const board = cubes.get(root) ?? newBoard(root)
  cubes.set(root, board)
  // An answer may be older than the hand: what was told from here comes back late, and moves nothing.
  const echo = board.told.indexOf(data.at)
  if (echo >= 0) board.told.splice(0, echo + 1)
  else if (board.seen !== data.at) board.at = placed(data.at, data.shape)
  board.seen = data.at
  board.at = placed(board.at.map(number => number + 1).join("-"), data.shape) // a smaller tensor has no such cell
  board.data = data
  board.tell = setStateValue
  board.colors = palette(board)
  build(board)
  return () => {
    board.observer.disconnect()
    cubes.delete(root)
  }
}

function newBoard(root) {
  const board = { root, at: [0, 0, 0], yaw: 0.6, pitch: 0.5, after: false, views: [], seen: null, told: [] }
  root.replaceChildren()
  const bar = element("div", "cube-bar", root)
  board.buttons = [false, true].map(after => {
    const button = element("button", "", bar)
    button.type = "button"
    button.addEventListener("click", () => {
      board.after = after
      build(board)
    })
    return button
  })
  board.legend = element("span", "cube-legend", bar)
  board.chosen = element("strong", "cube-chosen", bar)
  board.chosen.setAttribute("aria-live", "polite")
  board.grid = element("div", "cube-grid", root)
  board.grid.tabIndex = 0
  board.grid.setAttribute("role", "application")
  board.grid.addEventListener("keydown", event => stepped(board, event))
  board.grid.addEventListener("keyup", event => event.key.startsWith("Arrow") && tell(board))
  for (const [name, act] of [["pointerdown", grabbed], ["pointermove", moved], ["pointerup", released], ["pointercancel", released]]) {
    board.grid.addEventListener(name, event => act(board, event))
  }
  board.observer = new ResizeObserver(() => {
    const width = board.grid.clientWidth
    if (board.data && width !== board.width) build(board)
    board.width = width
  })
  board.observer.observe(root)
  return board
}

function element(name, className, parent) {
  const made = document.createElement(name)
  if (className) made.className = className
  parent.append(made)
  return made
}

function drawn(name, parent, attributes = {}) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  parent.append(made)
  return made
}

// "2-3-1" counts from 1, as readers do.
function placed(text, shape) {
  const said = String(text).split("-").map(Number)
  return shape.map((size, axis) => Math.min(size, Math.max(1, said[axis] || 1)) - 1)
}

const flat = ({ shape }, [sample, channel, place]) => (sample * shape[1] + channel) * shape[2] + place

// ---- numbers ------------------------------------------------------------------------------------------------------

function averages(data, kind) {
  const count = Math.max(...kind.sets) + 1
  const totals = new Array(count).fill(0)
  const members = new Array(count).fill(0)
  kind.sets.forEach((set, cell) => {
    totals[set] += data.values[cell]
    members[set] += 1
  })
  const means = totals.map((total, set) => (kind.centred ? total / members[set] : 0))
  const squares = new Array(count).fill(0)
  kind.sets.forEach((set, cell) => (squares[set] += (data.values[cell] - means[set]) ** 2))
  const variances = squares.map((square, set) => square / members[set])
  const after = data.values.map((value, cell) => {
    const set = kind.sets[cell]
    return (data.scale * (value - means[set])) / Math.sqrt(variances[set] + data.epsilon) + data.shift
  })
  return { means, variances, members, after }
}

// ---- colours ------------------------------------------------------------------------------------------------------

// The page's own colours say whether it is dark.
function palette(board) {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = getComputedStyle(board.root).getPropertyValue("--st-background-color").trim() || "#fff"
  const bright = channels(probe.fillStyle).reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0)
  return board.data.palettes[bright < 102 ? "dark" : "light"].map(channels)
}

function channels(color) {
  if (!color.startsWith("#")) return color.match(/[\d.]+/g).slice(0, 3).map(Number)
  return [1, 3, 5].map(start => parseInt(color.slice(start, start + 2), 16))
}

function colorOf(colors, share, shade) {
  const place = Math.min(1, Math.max(0, (share + 1) / 2)) * (colors.length - 1)
  const low = Math.min(colors.length - 2, Math.floor(place))
  const mixed = colors[low].map((part, axis) => (part + (place - low) * (colors[low + 1][axis] - part)) * shade)
  return `rgb(${mixed.map(Math.round).join(",")})`
}

// ---- drawing ------------------------------------------------------------------------------------------------------

function build(board) {
  const { data } = board
  const { words } = data
  board.buttons.forEach((button, after) => {
    button.textContent = after ? words.after : words.before
    button.setAttribute("aria-pressed", String(board.after === Boolean(after)))
  })
  board.grid.setAttribute("aria-label", words.keys)
  const largest = Math.max(...data.values.map(Math.abs), 1e-9)
  board.limit = board.after ? 2.5 * Math.max(0.1, Math.abs(data.scale)) : largest
  board.legend.replaceChildren()
  const scale = [-1, -0.5, 0, 0.5, 1].map(share => colorOf(board.colors, share, 1)).join(",")
  element("span", "", board.legend).textContent = said(-board.limit)
  element("i", "", board.legend).style.background = `linear-gradient(90deg, ${scale})`
  element("span", "", board.legend).textContent = said(board.limit)
  while (board.views.length > data.kinds.length) board.views.pop().figure.remove()
  data.kinds.forEach((kind, place) => {
    const view = (board.views[place] ??= newView(board))
    view.kind = kind
    view.found = kind.problem ? null : averages(data, kind)
    view.title.textContent = kind.title
    cellsOf(board, view)
  })
  board.octant = null
  turn(board)
  look(board)
}

function newView(board) {
  const figure = element("figure", "cube", board.grid)
  const title = element("figcaption", "", figure)
  const svg = drawn("svg", figure)
  const axes = drawn("g", svg, { class: "cube-axes" })
  const body = drawn("g", svg)
  const outline = drawn("path", svg, { class: "cube-outline" })
  return { figure, title, svg, axes, body, outline, cells: [], set: element("p", "", figure), sum: element("p", "cube-sum", figure) }
}

function cellsOf(board, view) {
  const { shape, values } = board.data
  while (view.cells.length > values.length) view.cells.pop().group.remove()
  for (let cell = 0; cell < values.length; cell++) {
    if (!view.cells[cell]) {
      const group = drawn("g", view.body, { "data-cell": cell })
      view.cells[cell] = { group, sides: SHADES.map(() => drawn("polygon", group)) }
    }
    const numbers = [Math.floor(cell / shape[1] / shape[2]), Math.floor(cell / shape[2]) % shape[1], cell % shape[2]]
    Object.assign(view.cells[cell], { numbers, shown: view.found && board.after ? view.found.after[cell] : values[cell] })
  }
}

// Axes of the picture: x right (channels), y down (places), z back (samples). Turned by yaw, then tilted by pitch.
function projection(board) {
  const [samples, channelCount, places] = board.data.shape
  const [cosYaw, sinYaw] = [Math.cos(board.yaw), Math.sin(board.yaw)]
  const [cosPitch, sinPitch] = [Math.cos(board.pitch), Math.sin(board.pitch)]
  const middle = [channelCount / 2, places / 2, samples / 2]
  return (x, y, z) => {
    const [a, b, c] = [x - middle[0], y - middle[1], z - middle[2]]
    const across = a * cosYaw + c * sinYaw
    const back = c * cosYaw - a * sinYaw
    return [across, b * cosPitch - back * sinPitch, b * sinPitch + back * cosPitch]
  }
}

function turn(board) {
  const [samples, channelCount, places] = board.data.shape
  const project = projection(board)
  // Which sides are seen, and in which order cells are drawn, depends on the signs of these alone.
  const towards = [project(1, 0, 0), project(0, 1, 0), project(0, 0, 1)].map((tip, axis) => {
    const origin = project(0, 0, 0)
    return tip[2] - origin[2] > 0 ? 1 : -1
  })
  const octant = towards.join()
  const room = Math.hypot(samples, channelCount, places) / 2 + 0.5
  for (const view of board.views) {
    const width = view.svg.clientWidth || 220
    const height = 190
    const unit = Math.min(width, height) / 2 / room
    const at = (x, y, z) => {
      const [across, down] = project(x, y, z)
      return [width / 2 + across * unit, height / 2 + down * unit]
    }
    view.at = at
    view.svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
    if (octant !== board.octant) {
      const order = [...view.cells].sort((one, other) => rank(other, towards) - rank(one, towards))
      view.body.append(...order.map(cell => cell.group))
    }
    for (const cell of view.cells) sides(cell, towards).forEach((corners, place) => {
      cell.sides[place].setAttribute("points", corners.map(corner => at(...corner).map(part => part.toFixed(1)).join()).join(" "))
    })
    axes(board, view, towards)
    outline(board, view, towards)
  }
  board.octant = octant
}

// How far back: along each axis on which a step leads away from the eye.
function rank({ numbers: [sample, channel, place] }, [x, y, z]) {
  return x * channel + y * place + z * sample
}

function sides({ numbers: [sample, channel, place] }, towards) {
  const edge = (1 - FILLED) / 2
  const [x, y, z] = [channel, place, sample].map(number => [number + edge, number + 1 - edge])
  const near = [x, y, z].map((ends, axis) => ends[towards[axis] > 0 ? 0 : 1])
  return [
    [[x[0], near[1], z[0]], [x[1], near[1], z[0]], [x[1], near[1], z[1]], [x[0], near[1], z[1]]],
    [[x[0], y[0], near[2]], [x[1], y[0], near[2]], [x[1], y[1], near[2]], [x[0], y[1], near[2]]],
    [[near[0], y[0], z[0]], [near[0], y[1], z[0]], [near[0], y[1], z[1]], [near[0], y[0], z[1]]],
  ]
}

// An arrow along each axis, on the edges below that are nearest.
function axes(board, view, towards) {
  const [samples, channelCount, places] = board.data.shape
  const { words } = board.data
  view.axes.replaceChildren()
  const front = towards[2] > 0 ? -0.3 : samples + 0.3
  const left = towards[0] > 0 ? -0.3 : channelCount + 0.3
  const other = towards[0] > 0 ? channelCount + 0.3 : -0.3
  const lines = [
    [words.channels, [0, places + 0.25, front], [channelCount, places + 0.25, front]],
    [words.samples, [other, places + 0.25, 0], [other, places + 0.25, samples]],
    [words.places, [left, 0, front], [left, places, front]],
  ]
  for (const [name, from, to] of lines) {
    const [[x1, y1], [x2, y2]] = [view.at(...from), view.at(...to)]
    drawn("line", view.axes, { x1, y1, x2, y2 })
    const along = Math.hypot(x2 - x1, y2 - y1)
    if (along < 14) continue
    const middle = view.at(...[0, 1, 2].map(axis => [board.data.shape[1], board.data.shape[2], board.data.shape[0]][axis] / 2))
    const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2]
    const away = Math.hypot(mx - middle[0], my - middle[1]) || 1
    const label = drawn("text", view.axes, { x: mx + ((mx - middle[0]) / away) * 11, y: my + ((my - middle[1]) / away) * 11 + 4 })
    label.textContent = name
    label.setAttribute("text-anchor", mx - middle[0] > 12 ? "start" : mx - middle[0] < -12 ? "end" : "middle")
  }
}

function outline(board, view, towards) {
  const cell = view.cells[flat(board.data, board.at)]
  const d = sides(cell, towards).map(corners => `M${corners.map(corner => view.at(...corner).join(" ")).join("L")}Z`)
  view.outline.setAttribute("d", d.join(""))
}

function look(board) {
  const { data, at, limit, colors } = board
  const chosen = flat(data, at)
  const value = data.values[chosen]
  for (const view of board.views) {
    const { kind, found } = view
    const set = kind.sets[chosen]
    view.cells.forEach((cell, place) => {
      const inside = found && kind.sets[place] === set
      cell.group.setAttribute("class", inside ? "in" : "out")
      cell.sides.forEach((side, number) => (side.style.fill = inside ? colorOf(colors, cell.shown / limit, SHADES[number]) : ""))
    })
    if (!found) {
      view.set.textContent = kind.problem
      view.sum.textContent = ""
      continue
    }
    const [mean, variance] = [found.means[set], found.variances[set]]
    const words = kind.centred ? data.words.set : data.words.squares
    view.set.textContent = words.replace("{n}", found.members[set]).replace("{mean}", said(mean)).replace("{variance}", said(variance))
    view.sum.textContent = written(data, kind, value, mean, variance, found.after[chosen])
    view.figure.dataset.after = found.after[chosen]
  }
  const [sample, channel, place] = at
  const [row, column] = [Math.floor(place / data.side) + 1, (place % data.side) + 1]
  const names = { sample: sample + 1, channel: channel + 1, row, column, value: said(value) }
  board.chosen.textContent = data.words.chosen.replace(/\{(\w+)\}/g, (_, name) => names[name])
  board.root.dataset.at = at.map(number => number + 1).join("-")
  const project = projection(board)
  const origin = project(0, 0, 0)
  const towards = [project(1, 0, 0), project(0, 1, 0), project(0, 0, 1)].map(tip => (tip[2] - origin[2] > 0 ? 1 : -1))
  board.views.forEach(view => outline(board, view, towards))
}

function written({ scale, shift, epsilon }, kind, value, mean, variance, after) {
  const top = !kind.centred ? said(value) : `(${said(value)} ${mean < 0 ? "+" : "−"} ${said(Math.abs(mean))})`
  const plain = `${top} / ${said(Math.sqrt(variance + epsilon))}`
  const scaled = scale === 1 ? plain : `${said(scale)} · ${plain}`
  const shifted = shift === 0 ? scaled : `${scaled} ${shift < 0 ? "−" : "+"} ${said(Math.abs(shift))}`
  return `${shifted} = ${said(after)}`
}

function said(number) {
  const short = Math.abs(number) >= 1000 ? number.toPrecision(4) : number.toFixed(2)
  return short.replace("-", "−").replace(/^−(0\.00)$/, "$1")
}

// ---- hands --------------------------------------------------------------------------------------------------------

function grabbed(board, event) {
  if (!event.target.closest("svg")) return
  board.held = { x: event.clientX, y: event.clientY, yaw: board.yaw, pitch: board.pitch, turned: false }
  board.grid.setPointerCapture(event.pointerId)
}

function moved(board, event) {
  const { held } = board
  if (!held) return pointed(board, event.target)
  const [dx, dy] = [event.clientX - held.x, event.clientY - held.y]
  held.turned ||= Math.hypot(dx, dy) > CLICK
  if (!held.turned) return
  board.yaw = held.yaw + dx / 120
  board.pitch = Math.min(1.45, Math.max(-1.45, held.pitch + dy / 120))
  turn(board)
}

function released(board, event) {
  const { held } = board
  board.held = null
  if (!held || held.turned) return
  const root = board.root.getRootNode()
  pointed(board, root.elementFromPoint(event.clientX, event.clientY))
  tell(board)
}

function pointed(board, target) {
  const group = target?.closest?.("g[data-cell]")
  if (!group) return
  const view = board.views.find(each => each.body.contains(group))
  const { numbers } = view.cells[Number(group.dataset.cell)]
  if (String(numbers) === String(board.at)) return
  board.at = numbers
  look(board)
}

function stepped(board, event) {
  const moves = { ArrowRight: [1, 1], ArrowLeft: [1, -1], ArrowDown: [2, 1], ArrowUp: [2, -1] }
  const move = moves[event.key]
  if (!move) return
  event.preventDefault()
  const axis = event.shiftKey && move[0] === 2 ? 0 : move[0] // with Shift, up and down go back and forth
  const size = board.data.shape[axis]
  board.at = board.at.map((number, place) => (place === axis ? Math.min(size - 1, Math.max(0, number + move[1])) : number))
  look(board)
}

function tell(board) {
  const at = board.at.map(number => number + 1).join("-")
  if (at === (board.told.at(-1) ?? board.seen)) return
  board.told.push(at)
  board.tell("at", at)
}
