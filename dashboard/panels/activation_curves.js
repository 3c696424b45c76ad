// Curves and their derivatives, one above the other, with a point that follows the pointer or the arrow keys. Every
// number at the point is interpolated here: Python sends the curves once and hears where the point was left.

const SVG = "http://www.w3.org/2000/svg"
const MARGIN = { left: 46, right: 14, top: 20, between: 34, bottom: 36 }
const SHARE = 0.58 // of the height for f, the rest for f'
const instances = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-curves")
  if (!root || !data) return
  const instance = instances.get(root) ?? create(root)
  instances.set(root, instance)
  instance.data = data
  instance.tell = setStateValue
  // An answer may be older than the hand: what was told from here comes back late, and moves nothing.
  const echo = instance.told.indexOf(data.at)
  if (echo >= 0) instance.told.splice(0, echo + 1)
  else if (instance.seen !== data.at) instance.at = data.at // a link or "try this" has moved it
  instance.seen = data.at
  const heard = instance.toldFocus.indexOf(data.focus)
  if (heard >= 0) instance.toldFocus.splice(0, heard + 1)
  else if (instance.seenFocus !== data.focus) instance.focus = data.focus
  instance.seenFocus = data.focus
  if (!data.curves.some(curve => curve.name === instance.focus)) instance.focus = data.curves[0]?.name
  draw(instance)
  return () => {
    instance.observer.disconnect()
    instances.delete(root)
  }
}

function create(root) {
  const instance = { root, at: 0, seen: null, told: [], focus: null, seenFocus: null, toldFocus: [] }
  instance.svg = document.createElementNS(SVG, "svg")
  instance.svg.setAttribute("tabindex", "0")
  instance.svg.setAttribute("role", "slider")
  instance.table = document.createElement("table")
  instance.table.className = "curve-table"
  root.append(instance.svg, instance.table)
  const { svg } = instance
  const follow = event => {
    const place = event.clientX - svg.getBoundingClientRect().left
    move(instance, instance.scale.value(place))
  }
  svg.addEventListener("pointerdown", event => {
    svg.setPointerCapture(event.pointerId)
    instance.dragging = true
    follow(event)
  })
  svg.addEventListener("pointermove", event => instance.dragging && follow(event))
  for (const name of ["pointerup", "pointercancel"]) {
    svg.addEventListener(name, () => {
      if (!instance.dragging) return
      instance.dragging = false
      tell(instance)
    })
  }
  svg.addEventListener("keydown", event => {
    const { low, high } = instance.data
    const step = (high - low) / (event.shiftKey ? 20 : 200)
    const places = { ArrowLeft: instance.at - step, ArrowRight: instance.at + step, Home: low, End: high }
    if (!(event.key in places)) return
    event.preventDefault()
    move(instance, places[event.key])
  })
  svg.addEventListener("keyup", event => event.key.startsWith("Arrow") && tell(instance))
  instance.observer = new ResizeObserver(() => instance.data && draw(instance))
  instance.observer.observe(root)
  return instance
}

function move(instance, x) {
  instance.at = Math.min(instance.data.high, Math.max(instance.data.low, x))
  point(instance)
}

function tell(instance) {
  const at = Number(instance.at.toFixed(2))
  if (at === (instance.told.at(-1) ?? instance.seen)) return
  instance.told.push(at)
  instance.tell("at", at)
}

function make(parent, name, attributes = {}, text = null) {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  if (text !== null) made.textContent = text
  parent.append(made)
  return made
}

// The page's own colours say whether it is dark; the point and the lines take the palette that goes with it.
function palette(instance) {
  const probe = document.createElement("canvas").getContext("2d")
  probe.fillStyle = getComputedStyle(instance.root).getPropertyValue("--st-background-color").trim() || "#fff"
  const shades = probe.fillStyle.startsWith("#")
    ? [1, 3, 5].map(start => parseInt(probe.fillStyle.slice(start, start + 2), 16))
    : probe.fillStyle.match(/[\d.]+/g).map(Number)
  const bright = 0.2126 * shades[0] + 0.7152 * shades[1] + 0.0722 * shades[2]
  return instance.data.palettes[bright < 102 ? "dark" : "light"]
}

function draw(instance) {
  const { svg, data, root } = instance
  const width = root.clientWidth
  if (!width) return
  const height = data.height
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`)
  svg.style.height = `${height}px`
  svg.replaceChildren()
  const inner = width - MARGIN.left - MARGIN.right
  const room = height - MARGIN.top - MARGIN.between - MARGIN.bottom
  const x = value => MARGIN.left + ((value - data.low) / (data.high - data.low)) * inner
  instance.scale = { x, value: place => data.low + ((place - MARGIN.left) / inner) * (data.high - data.low) }
  instance.colors = palette(instance)
  const upper = panel(instance, "values", MARGIN.top, room * SHARE, data.words.value)
  const lower = panel(instance, "slopes", MARGIN.top + room * SHARE + MARGIN.between, room * (1 - SHARE), data.words.slope)
  make(svg, "text", { x: MARGIN.left + inner / 2, y: height - 2, "text-anchor": "middle", class: "quiet" }, data.words.x)
  instance.panels = [upper, lower]
  const movable = make(svg, "g")
  instance.cursor = make(movable, "g") // a line in each panel, and none through the title between
  for (const { top, height: tall } of instance.panels) make(instance.cursor, "line", { class: "cursor", x1: 0, x2: 0, y1: top, y2: top + tall })
  instance.marks = data.curves.map((curve, place) => ({
    tangent: make(movable, "line", { class: "tangent", stroke: color(instance, place) }),
    value: make(movable, "circle", { class: "dot", r: 5.5, fill: color(instance, place) }),
    slope: make(movable, "circle", { class: "dot", r: 4.5, fill: color(instance, place) }),
  }))
  table(instance)
  point(instance)
}

const color = (instance, place) => instance.colors[place % instance.colors.length]

function panel(instance, name, top, height, title) {
  const { svg, data } = instance
  const every = data.curves.flatMap(curve => curve[name])
  let [low, high] = [Math.min(0, ...every), Math.max(name === "slopes" ? 1 : 0.5, ...every)]
  const [least, most] = data.limits?.[name] ?? [low, high]
  ;[low, high] = [Math.max(low, least), Math.min(high, most)]
  const air = 0.06 * (high - low || 1)
  ;[low, high] = [low - air, high + air]
  const { x } = instance.scale
  const y = value => top + (1 - (value - low) / (high - low)) * height
  const focus = data.curves.find(curve => curve.name === instance.focus)
  for (const [begin, end] of focus?.flat ?? []) {
    make(svg, "rect", { class: "flat", x: x(begin), width: Math.max(0, x(end) - x(begin)), y: top, height })
  }
  for (const tick of ticks(low, high, height < 130 ? 3 : 5)) {
    make(svg, "line", { class: tick === 0 ? "zero" : "grid", x1: x(data.low), x2: x(data.high), y1: y(tick), y2: y(tick) })
    make(svg, "text", { x: MARGIN.left - 6, y: y(tick) + 4, "text-anchor": "end", class: "quiet" }, said(tick))
  }
  for (const tick of ticks(data.low, data.high, 9)) {
    make(svg, "line", { class: tick === 0 ? "zero" : "grid", x1: x(tick), x2: x(tick), y1: top, y2: top + height })
    if (name === "slopes") {
      make(svg, "text", { x: x(tick), y: top + height + 16, "text-anchor": "middle", class: "quiet" }, said(tick))
    }
  }
  for (const { x: place, text } of data.marks ?? []) {
    make(svg, "line", { class: "mark", x1: x(place), x2: x(place), y1: top, y2: top + height })
    if (name === "values") make(svg, "text", { x: x(place) + 6, y: top + 14, class: "quiet" }, text)
  }
  make(svg, "text", { x: MARGIN.left, y: top - 7 }, title)
  const step = (data.high - data.low) / (data.curves[0]?.values.length - 1)
  data.curves.forEach((curve, place) => {
    const d = path(curve[name], index => x(data.low + index * step), y, (high - low) / 3)
    const faint = data.curves.length > 1 && curve.name !== instance.focus ? " faint" : ""
    const drawn = make(svg, "path", { class: `curve${faint}`, d, stroke: color(instance, place) })
    if (data.limits?.[name]) drawn.setAttribute("clip-path", `url(#${clip(svg, name, x, data, top, height)})`)
  })
  const inside = value => y(Math.min(high, Math.max(low, value)))
  return { y, inside, low, high, top, height }
}

// What lies above or below a panel isn't drawn into its neighbour.
function clip(svg, name, x, data, top, height) {
  const id = `curve-clip-${name}`
  svg.querySelector(`#${id}`)?.remove()
  const width = x(data.high) - x(data.low)
  make(make(svg, "clipPath", { id }), "rect", { x: x(data.low), y: top, width, height })
  return id
}

// A jump between two neighbours is a gap, not a steep line.
function path(numbers, x, y, jump) {
  return numbers
    .map((value, place) => {
      const gap = place === 0 || Math.abs(value - numbers[place - 1]) > jump
      return `${gap ? "M" : "L"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`
    })
    .join("")
}

function ticks(low, high, count) {
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map(times => times * power).find(size => size >= rough)
  const found = []
  for (let number = Math.ceil(low / step); number * step <= high; number++) found.push(number * step || 0)
  return found
}

const said = number => String(Number(number.toPrecision(6)))

function at(instance, numbers) {
  const { low, high } = instance.data
  const place = ((instance.at - low) / (high - low)) * (numbers.length - 1)
  const before = Math.min(numbers.length - 2, Math.max(0, Math.floor(place)))
  return numbers[before] + (place - before) * (numbers[before + 1] - numbers[before])
}

function point(instance) {
  const { data, svg, marks } = instance
  const [upper, lower] = instance.panels
  const { x } = instance.scale
  const place = x(instance.at)
  instance.cursor.setAttribute("transform", `translate(${place} 0)`)
  const reach = (data.high - data.low) * 0.11
  data.curves.forEach((curve, row) => {
    const value = at(instance, curve.values)
    const slope = at(instance, curve.slopes)
    const { tangent, value: dot, slope: other } = marks[row]
    set(dot, { cx: place, cy: upper.inside(value) })
    set(other, { cx: place, cy: lower.inside(slope) })
    // The tangent is as long whatever its slope: on the screen, not in units
    const dx = x(instance.at + reach) - place
    const dy = upper.y(value + slope * reach) - upper.y(value)
    const shorter = dx / Math.hypot(dx, dy)
    set(tangent, { x1: place - dx * shorter, x2: place + dx * shorter, y1: upper.y(value) - dy * shorter, y2: upper.y(value) + dy * shorter })
    tangent.style.display = data.curves.length === 1 || curve.name === instance.focus ? "" : "none"
    const cells = instance.rows[row]
    cells[1].textContent = value.toFixed(4)
    cells[2].textContent = slope.toFixed(4)
    if (data.layers) cells[3].textContent = small(slope ** data.layers)
  })
  const words = data.words.point.replace("{x}", instance.at.toFixed(2))
  instance.head.textContent = words
  set(svg, { "aria-label": data.words.drag, "aria-valuemin": data.low, "aria-valuemax": data.high })
  set(svg, { "aria-valuenow": instance.at.toFixed(2), "aria-valuetext": words })
  instance.root.dataset.at = instance.at.toFixed(3)
}

function small(number) {
  if (number === 0 || !Number.isFinite(number)) return String(number)
  const size = Math.abs(number)
  return size < 1e-3 || size >= 1e4 ? number.toExponential(1) : number.toFixed(4)
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
}

function table(instance) {
  const { table: root, data } = instance
  root.replaceChildren()
  const head = root.createTHead().insertRow()
  const titles = ["", data.words.value, data.words.slope]
  if (data.layers) titles.push(data.words.layers.replace("{n}", data.layers))
  titles.forEach((title, place) => {
    const cell = document.createElement("th")
    cell.textContent = title
    head.append(cell)
    if (place === 0) instance.head = cell
  })
  const body = root.createTBody()
  instance.rows = data.curves.map((curve, place) => {
    const row = body.insertRow()
    row.setAttribute("aria-selected", String(curve.name === instance.focus))
    const cells = titles.map(() => row.insertCell())
    const button = document.createElement("button")
    button.type = "button"
    button.title = data.words.focus
    const line = document.createElement("i")
    line.style.setProperty("--line", color(instance, place))
    button.append(line, curve.title)
    button.addEventListener("click", () => {
      const isNew = instance.focus !== curve.name
      instance.focus = curve.name
      draw(instance)
      if (!isNew) return
      instance.toldFocus.push(curve.name)
      instance.tell("focus", curve.name)
    })
    cells[0].append(button)
    return cells
  })
}
