// A race of optimizers: the surface from above and as a relief, the losses, and a table, all at one step. Play,
// pause, scrubbing, turning and the start under the hand happen here; Python is told where the start was left,
// and sends the paths from there.

const WHOLE_RACE = 7 // seconds, at speed 1
const SPEEDS = [0.25, 0.5, 1, 2, 4]
const NARROW = 620 // pixels, below which the relief goes under the map
const instances = new WeakMap()
const seenBy = new WeakMap() // what each picture was last drawn from

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-race")
  if (!root || !data) return
  const instance = instances.get(root) ?? create(root)
  instances.set(root, instance)
  instance.tell = setStateValue
  instance.words = data.words
  instance.palettes = data.palettes
  take(instance, data)
  return () => {
    instance.observer.disconnect()
    cancelAnimationFrame(instance.frame)
    instances.delete(root)
  }
}

function take(instance, data) {
  const { state } = instance
  const atEnd = !instance.race || state.step >= instance.race.steps
  const other = instance.race?.surface.given !== data.surface.given
  instance.race = { ...data, ...unpackRace(data, instance.race?.surface) }
  if (other) {
    instance.relief = reliefOf(instance.race.surface)
    instance.groundOf = null
  }
  instance.lossOf = null
  instance.paths = null
  instance.given = (instance.given ?? 0) + 1 // how often Python has sent something
  if (other) instance.told.length = 0
  // An answer may be older than the hand: what was told from here comes back late, and moves nothing
  const echo = instance.told.indexOf(String(data.start))
  if (echo >= 0) instance.told.splice(0, echo + 1)
  if (!instance.dragging && !instance.told.length) state.start = data.start
  if (instance.dragging && instance.waiting) tell(instance)
  if (!instance.race.racers.some(racer => racer.name === state.focus)) state.focus = null
  const { scrub } = instance
  scrub.max = data.steps
  state.step = atEnd ? data.steps : Math.min(state.step, data.steps)
  name(instance)
  table(instance)
  draw(instance)
}

function make(parent, tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  Object.assign(made, properties)
  made.append(...children)
  parent.append(made)
  return made
}

function create(root) {
  const state = { step: 0, start: [0, 0], focus: null, view: { turn: -0.5, pitch: 0.95 } }
  const instance = { root, state, told: [], waiting: false, speed: 1, dragging: false, race: null, groundOf: null }
  const bar = make(root, "div", { className: "race-bar" })
  instance.play = make(bar, "button", { type: "button", className: "play" })
  instance.scrub = make(bar, "input", { type: "range", min: 0, step: 1 })
  instance.counter = make(bar, "output", { className: "counter" })
  instance.pace = make(bar, "select")
  for (const speed of SPEEDS) make(instance.pace, "option", { value: speed, textContent: `${speed}×`, selected: speed === 1 })
  instance.pictures = make(root, "div", { className: "race-pictures" })
  instance.map = make(instance.pictures, "canvas", { className: "map", tabIndex: 0 })
  instance.hill = make(instance.pictures, "canvas", { className: "hill", tabIndex: 0 })
  instance.readout = make(root, "p", { className: "readout" })
  instance.lossTitle = make(root, "p", { className: "race-title" })
  instance.loss = make(root, "canvas", { className: "loss" })
  instance.table = make(root, "table")
  instance.ground = document.createElement("canvas")
  instance.lossGround = document.createElement("canvas")
  instance.reliefGround = document.createElement("canvas")
  instance.play.addEventListener("click", () => playing(instance, !instance.running))
  instance.scrub.addEventListener("input", () => at(instance, Number(instance.scrub.value)))
  instance.pace.addEventListener("change", () => (instance.speed = Number(instance.pace.value)))
  followMap(instance)
  followHill(instance)
  const scrubbed = event => at(instance, Math.round(instance.lossScale.step(event.offsetX)))
  drags(instance.loss, event => (playing(instance, false), scrubbed(event)), scrubbed)
  instance.observer = new ResizeObserver(() => instance.race && root.clientWidth !== instance.width && draw(instance))
  instance.observer.observe(root)
  return instance
}

function drags(element, begin, move, end = () => {}) {
  let held = false
  element.addEventListener("pointerdown", event => {
    held = true
    element.setPointerCapture(event.pointerId)
    begin(event)
  })
  element.addEventListener("pointermove", event => held && move(event))
  for (const type of ["pointerup", "pointercancel"]) {
    element.addEventListener(type, event => {
      if (held) end(event)
      held = false
    })
  }
}

function followMap(instance) {
  const { map, state } = instance
  const follow = event => {
    state.start = instance.scale.at(event.offsetX, event.offsetY)
    instance.dragging = true
    instance.waiting = true
    tell(instance, true)
    soon(instance)
  }
  drags(map, follow, follow, () => {
    instance.dragging = false
    tell(instance)
  })
  map.addEventListener("pointermove", event => instance.race && readout(instance, instance.scale.at(event.offsetX, event.offsetY)))
  map.addEventListener("pointerleave", () => readout(instance, null))
  map.addEventListener("keydown", event => {
    const { window: [left, right, bottom, top] } = instance.race.surface
    const step = event.shiftKey ? 0.1 : 0.01
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }
    if (!(event.key in moves)) return
    event.preventDefault()
    const [across, up] = moves[event.key]
    const [x, y] = [state.start[0] + across * (right - left), state.start[1] + up * (top - bottom)]
    state.start = [Math.min(right, Math.max(left, x)), Math.min(top, Math.max(bottom, y))]
    soon(instance)
  })
  map.addEventListener("keyup", event => event.key.startsWith("Arrow") && tell(instance))
}

// While the hand moves a new start is sent only when the paths from the last one are here.
function tell(instance, onlyIfFree = false) {
  if (onlyIfFree && instance.told.length) return
  const start = instance.state.start.map(value => Number(value.toPrecision(4)))
  instance.waiting = false
  if (String(start) === (instance.told.at(-1) ?? String(instance.race.start))) return
  instance.told.push(String(start))
  instance.tell("start", start.join(","))
}

function followHill(instance) {
  const { hill, state: { view } } = instance
  let [x, y] = [0, 0]
  const turned = (across, down) => {
    view.turn -= across
    view.pitch = Math.min(PITCHES[1], Math.max(PITCHES[0], view.pitch + down))
    soon(instance)
  }
  drags(hill, event => ([x, y] = [event.clientX, event.clientY]), event => {
    turned((event.clientX - x) / 140, (event.clientY - y) / 160)
    ;[x, y] = [event.clientX, event.clientY]
  })
  hill.addEventListener("keydown", event => {
    const moves = { ArrowLeft: [0.12, 0], ArrowRight: [-0.12, 0], ArrowUp: [0, 0.08], ArrowDown: [0, -0.08] }
    if (!(event.key in moves)) return
    event.preventDefault()
    turned(...moves[event.key])
  })
}

function playing(instance, on) {
  instance.running = on
  name(instance)
  cancelAnimationFrame(instance.frame)
  if (!on) return draw(instance)
  if (instance.state.step >= instance.race.steps) instance.state.step = 0
  let before = performance.now()
  const tick = now => {
    const pace = (instance.race.steps / WHOLE_RACE) * instance.speed
    instance.state.step = Math.min(instance.race.steps, instance.state.step + (Math.max(0, now - before) / 1000) * pace)
    before = now
    draw(instance)
    if (instance.state.step >= instance.race.steps) return playing(instance, false)
    instance.frame = requestAnimationFrame(tick)
  }
  instance.frame = requestAnimationFrame(tick)
}

function at(instance, step) {
  if (instance.running) playing(instance, false)
  instance.state.step = step
  soon(instance)
}

// At most one drawing a frame, however often the hand moves.
function soon(instance) {
  if (instance.running || instance.drawing) return
  instance.drawing = requestAnimationFrame(() => {
    instance.drawing = null
    draw(instance)
  })
}

function name(instance) {
  const { words, play, scrub, pace, map, hill, loss } = instance
  play.textContent = instance.running ? "❚❚" : "▶"
  const said = { [words.scrub]: scrub, [words.speed]: pace, [words.map]: map, [words.relief]: hill, [words.loss]: loss }
  for (const [label, element] of Object.entries(said)) element.setAttribute("aria-label", label)
  play.setAttribute("aria-label", instance.running ? words.pause : words.play)
  for (const canvas of [map, hill, loss]) canvas.setAttribute("role", "img")
  map.title = words.map_help
  hill.title = words.relief_help
  instance.lossTitle.textContent = words.loss
}

function themeOf(instance) {
  const style = getComputedStyle(instance.root)
  const read = variable => style.getPropertyValue(variable).trim()
  const given = ["--st-background-color", "--st-text-color", "--st-border-color", "--st-font"].map(read).join()
  if (instance.theme?.given === given) return instance.theme
  const probe = document.createElement("canvas").getContext("2d")
  const hex = color => {
    probe.fillStyle = color
    return probe.fillStyle
  }
  const background = hex(read("--st-background-color") || "#fff")
  const rgb = background.startsWith("#") ? rgbOf(background) : background.match(/[\d.]+/g).slice(0, 3).map(Number)
  const which = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2] < 102 ? "dark" : "light"
  const palette = instance.palettes[which]
  return (instance.theme = {
    given, background: `rgb(${rgb})`, backgroundRgb: rgb, text: hex(read("--st-text-color") || "#000"),
    border: read("--st-border-color") || "#ccc", font: read("--st-font") || "sans-serif",
    tones: tonesOf(palette.sequential.map(rgbOf)), categorical: palette.categorical, star: palette.star, which,
  })
}

function draw(instance) {
  const { race, state, root } = instance
  const width = root.clientWidth
  if (!width || !race) return
  instance.width = width
  const theme = themeOf(instance)
  for (const racer of race.racers) racer.color = theme.categorical[racer.palette % theme.categorical.length]
  const stacked = width < NARROW
  instance.pictures.classList.toggle("stacked", stacked)
  const side = stacked ? width : Math.floor((width - 16) / 2)
  const high = Math.round(Math.min(side * 0.86, 440))
  instance.scale = mapScale(race.surface, side, high)
  const given = `${side} ${high} ${theme.which} ${theme.background} ${race.surface.given} ${window.devicePixelRatio}`
  if (instance.groundOf !== given) drawGround(instance.ground, race.surface, theme, side, high)
  instance.groundOf = given
  const moment = `${instance.given} ${state.step} ${state.focus} ${width}`
  changed(instance.map, `${given} ${moment} ${state.start}`, () => drawMap(instance.map, instance.ground, race, state, theme, side, high))
  const seen = `${given} ${state.view.turn} ${state.view.pitch}`
  if (instance.reliefOf !== seen) drawReliefGround(instance.reliefGround, instance.relief, state.view, theme, side, high)
  if (instance.reliefOf !== seen || !instance.paths) instance.paths = reliefPaths(race, instance.relief, state.view, side, high)
  instance.reliefOf = seen
  changed(instance.hill, `${seen} ${moment}`, () => drawRelief(instance.hill, instance.reliefGround, race, instance.paths, state, theme, side, high))
  const lossHigh = 210
  instance.lossScale = lossScale(race, width, lossHigh)
  const lossGiven = `${width} ${theme.which} ${theme.background}`
  if (instance.lossOf !== lossGiven) drawLossGround(instance.lossGround, race, theme, width, lossHigh, instance.words)
  instance.lossOf = lossGiven
  changed(instance.loss, `${lossGiven} ${moment}`, () => drawLoss(instance.loss, instance.lossGround, race, state, theme, width, lossHigh))
  const step = Math.floor(state.step)
  instance.scrub.value = step
  instance.counter.textContent = instance.words.counter.replace("{step}", step).replace("{steps}", race.steps)
  root.dataset.step = step
  root.dataset.start = state.start.map(value => value.toFixed(4)).join(",")
  root.dataset.frames = Number(root.dataset.frames ?? 0) + 1
  changed(instance.table, `${lossGiven} ${moment}`, () => fill(instance, theme))
}

// What a hand moves is one of four pictures, mostly: the others stay as they are.
function changed(picture, by, redraw) {
  if (seenBy.get(picture) === by) return
  seenBy.set(picture, by)
  redraw()
}

function readout(instance, place) {
  const { words, race } = instance
  if (!place) return (instance.readout.textContent = words.map_help)
  const [x, y] = place
  const [left, right, bottom, top] = race.surface.window
  const shade = shadeAt(race.surface.shades, race.surface.side, (y - bottom) / (top - bottom), (x - left) / (right - left))
  // The shade is log(1 + gap / scale) / log(1 + top / scale): undone here (dashboard/race_picture.py)
  const gap = race.surface.scale * (Math.exp(shade * race.surface.reach) - 1)
  const value = race.surface.lowest + gap
  instance.readout.textContent = `x = ${x.toFixed(2)}, y = ${y.toFixed(2)}: ${words.value} ${value.toPrecision(3)}`
}

// Built anew only where others race; what is said of each is filled in.
function table(instance) {
  const { table: root, race, words, state } = instance
  const who = race.racers.map(racer => `${racer.name} ${racer.title}`).join()
  if (instance.who === who) return race.racers.forEach((racer, place) => (instance.rows[place].cells[1].textContent = racer.rate))
  instance.who = who
  root.replaceChildren()
  const head = root.createTHead().insertRow()
  for (const title of [words.optimizer, words.rate, words.place, words.gap, words.reached]) make(head, "th", { textContent: title })
  const body = root.createTBody()
  instance.rows = race.racers.map(racer => {
    const row = body.insertRow()
    const cells = [0, 1, 2, 3, 4].map(() => row.insertCell())
    const button = make(cells[0], "button", { type: "button", title: words.focus }, racer.title)
    button.prepend(document.createElement("i"))
    if (racer.dashed) button.firstChild.className = "dashed"
    button.addEventListener("click", () => {
      state.focus = state.focus === racer.name ? null : racer.name
      draw(instance)
    })
    cells[1].textContent = racer.rate
    return { row, cells }
  })
  readout(instance, null)
}

const rounded = value => (Math.abs(value) < 0.0005 ? 0 : value).toFixed(3)
const small = value => (value < 1e-3 ? value.toExponential(2) : value.toPrecision(3))

function fill(instance, theme) {
  const { race, state, words } = instance
  race.racers.forEach((racer, place) => {
    const { row, cells } = instance.rows[place]
    row.setAttribute("aria-selected", String(state.focus === racer.name))
    cells[0].querySelector("i").style.setProperty("--line", racer.color)
    const [x, y] = positionAt(racer, Math.floor(state.step), race.stride)
    const gap = racer.gaps[placeAt(racer, Math.floor(state.step), race.stride).place]
    const gone = racer.left !== null && state.step >= racer.left
    cells[2].textContent = gone ? "–" : `(${rounded(x)}, ${rounded(y)})`
    cells[3].textContent = gone ? "–" : gap <= LOWEST ? words.below : small(10 ** gap)
    const there = racer.reached_step !== null && state.step >= racer.reached_step
    cells[4].textContent = gone ? words.left.replace("{step}", racer.left) : there ? racer.reached : words.not_yet
    cells[4].className = gone ? "gone" : there ? "" : "quiet"
  })
}
