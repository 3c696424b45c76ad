// Plays films: the plane, the network and the curves of one or two, at the same epoch. Streamlit calls the
// default export again whenever the data or the page's theme changes; new parts of a film come through the
// store. film_network.js, film_store.js, film_picture.js, film_diagram.js and film_curves.js stand above this
// in one module.

const SECONDS = 8 // that a whole film takes at speed 1
const REST = 140 // milliseconds without a change until the picture is computed finely
const TELL = 500 // milliseconds at rest until the page is told the epoch, for its address
const SPEEDS = [0.25, 0.5, 1, 2, 4]
// Drawn here: not every machine's fonts have these signs. In a square of 24.
const SIGNS = {
  first: "M6 5h2v14H6zM19 5v14L9 12z",
  back: "M16 5v14L6 12z",
  play: "M7 4v16l13-8z",
  pause: "M6 5h4v14H6zM14 5h4v14h-4z",
  forward: "M8 5v14l10-7z",
  last: "M16 5h2v14h-2zM5 5v14l10-7z",
}
const players = new WeakMap() // one per place on the page

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".descent-film")
  if (!root || !data) return
  const player = players.get(root) ?? newPlayer(root)
  players.set(root, player)
  const changed = player.data?.current !== data.current
  player.data = data
  player.tell = setTriggerValue
  player.theme = filmTheme(root, data.palettes)
  if (changed) begin(player)
  refresh(player)
  return () => {
    player.gone = true
    player.observer.disconnect()
    filmStore().listeners.delete(player.listener)
    clearTimeout(player.resting)
    clearTimeout(player.telling)
    players.delete(root)
  }
}

function newPlayer(root) {
  const player = { root, epoch: null, playing: false, speed: 1, pins: [null, null], grids: new Map(), panels: [], told: undefined }
  buildBar(player)
  player.films = element("div", "films", root)
  player.curves = element("div", "curves", root)
  player.legend = element("div", "legend", player.curves)
  player.chart = element("canvas", "chart", player.curves)
  player.tip = element("div", "tip", root)
  player.tip.hidden = true
  player.listener = id => {
    if (id === player.data.current || id === player.data.reference) arrived(player, id)
  }
  filmStore().listeners.add(player.listener)
  player.observer = new ResizeObserver(() => {
    if (Math.abs(root.clientWidth - (player.width ?? 0)) > 1) refresh(player)
  })
  player.observer.observe(root)
  root.addEventListener("keydown", event => onKey(player, event))
  scrubOnChart(player)
  return player
}

function buildBar(player) {
  const bar = element("div", "bar", player.root)
  const button = (name, act) => {
    const made = element("button", name, bar)
    made.type = "button"
    made.addEventListener("click", act)
    sign(made, name)
    return made
  }
  player.buttons = {
    first: button("first", () => goTo(player, 0)),
    back: button("back", () => step(player, -1)),
    play: button("play", () => toggle(player)),
    forward: button("forward", () => step(player, 1)),
    last: button("last", () => goTo(player, Infinity)),
  }
  player.slider = element("input", "slider", bar)
  player.slider.type = "range"
  player.slider.min = "0"
  player.slider.addEventListener("input", () => goTo(player, Number(player.slider.value)))
  player.counter = element("output", "counter", bar)
  player.rate = element("select", "rate", bar)
  for (const speed of SPEEDS) {
    const option = element("option", "", player.rate)
    option.value = String(speed)
    option.textContent = `${speed}×`
  }
  player.rate.value = "1"
  player.rate.addEventListener("change", () => (player.speed = Number(player.rate.value)))
}

function sign(button, name) {
  if (button.dataset.sign === name) return
  button.dataset.sign = name
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg")
  picture.setAttribute("viewBox", "0 0 24 24")
  picture.setAttribute("aria-hidden", "true")
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path")
  path.setAttribute("d", SIGNS[name])
  picture.append(path)
  button.replaceChildren(picture)
}

// A film has become the current one: it plays from its beginning where the page says so, else it rests where
// the address says, or at its end.
function begin(player) {
  const { data } = player
  player.pins = [null, null]
  player.playing = data.play
  player.follow = false
  player.epoch = data.play ? 0 : data.epoch ?? Infinity
  if (data.play && window.matchMedia("(prefers-reduced-motion: reduce)").matches) {
    player.playing = false
    player.follow = true // what is new is shown as it comes, without a film running
    player.epoch = Infinity
  }
  player.told = data.epoch ?? null
}

function arrived(player, id) {
  if (player.follow && id === player.data.current) player.epoch = Infinity
  refresh(player)
}

function shownFilms(player) {
  const { films } = filmStore()
  return [player.data.current, player.data.reference].map(id => films.get(id)).filter(film => film?.frames)
}

// Everything anew: after data, films, theme or width have changed.
function refresh(player) {
  const films = shownFilms(player)
  player.root.hidden = !films.length
  if (!films.length || player.root.clientWidth === 0) return
  player.width = player.root.clientWidth
  player.timeline = [...new Set(films.flatMap(film => [...film.epochs]))].sort((a, b) => a - b)
  player.end = player.timeline.at(-1)
  if (player.epoch > player.end && !player.playing) player.settled = player.end
  sayWords(player, films)
  layOut(player, films)
  draw(player)
  if (player.playing) play(player)
}

function sayWords(player, films) {
  const { words } = player.data
  player.root.setAttribute("aria-label", words.film)
  for (const name of ["first", "back", "forward", "last"]) {
    player.buttons[name].title = words[name]
    player.buttons[name].setAttribute("aria-label", words[name])
  }
  player.slider.setAttribute("aria-label", words.epoch)
  player.rate.setAttribute("aria-label", words.speed)
  player.rate.title = words.speed
  player.slider.max = String(films[0].state === "running" ? Math.max(player.end, films[0].about.epochs) : player.end)
  player.root.dataset.frames = String(films[0].frames)
  player.root.dataset.state = films[0].state
  player.chart.setAttribute("role", "img")
  player.chart.setAttribute("aria-label", words.curves)
  player.legend.replaceChildren()
  const item = (className, text) => {
    const made = element("span", `key ${className}`, player.legend)
    element("i", "", made)
    made.append(text)
  }
  item("train", words.train)
  item("validation", words.validation)
  if (films[0].seeds > 1) item("band", words.band)
  if (films.length > 1) item("before", words.before)
  player.legend.style.setProperty("--train", player.theme.train)
  player.legend.style.setProperty("--validation", player.theme.validation)
}

function layOut(player, films) {
  while (player.panels.length > films.length) player.panels.pop().place.remove()
  while (player.panels.length < films.length) player.panels.push(newPanel(player, player.panels.length))
  const gap = 20
  const room = (player.width - gap * (films.length - 1)) / films.length
  films.forEach((film, number) => {
    const panel = player.panels[number]
    const beside = room >= 600
    const side = Math.round(beside ? Math.min(room * 0.44, 430) : Math.min(room, 430))
    panel.film = film
    panel.plane = { width: side, height: Math.round(side * 0.97) }
    panel.net = { width: Math.floor(beside ? room - side - 18 : room), height: beside ? panel.plane.height : 300 }
    panel.place.classList.toggle("beside", beside)
    panel.place.style.width = `${room}px`
    const titles = player.data.titles
    panel.title.textContent = number ? titles.reference : titles.current
    panel.note.textContent = number ? titles.difference : ""
    panel.title.hidden = panel.note.hidden = films.length === 1
    panel.planeCanvas.setAttribute("aria-label", player.data.words.plane)
    panel.netCanvas.setAttribute("aria-label", player.data.words.network)
  })
}

function newPanel(player, number) {
  const place = element("section", "panel", player.films)
  const panel = { number, place }
  const head = element("header", "", place)
  panel.title = element("strong", "title", head)
  panel.note = element("span", "note", head)
  const pictures = element("div", "pictures", place)
  panel.planeCanvas = element("canvas", "plane", pictures)
  panel.netCanvas = element("canvas", "network", pictures)
  for (const canvas of [panel.planeCanvas, panel.netCanvas]) canvas.setAttribute("role", "img")
  panel.numbers = element("p", "numbers", place)
  panel.ending = element("p", "ending", place)
  watchPlane(player, panel)
  watchNetwork(player, panel)
  return panel
}

function gridFor(player, film, side) {
  const sign = `${film.id}|${side}`
  if (!player.grids.has(sign)) {
    if (player.grids.size > 12) player.grids.clear()
    player.grids.set(sign, gridOf(film.about, side))
  }
  return player.grids.get(sign)
}

function now(player) {
  return Math.min(player.epoch ?? Infinity, player.end)
}

function draw(player) {
  clearTimeout(player.resting)
  drawAll(player, player.playing || player.scrubbing ? RESOLUTION.moving : RESOLUTION.resting)
}

// Soon, and coarsely; finely once nothing has changed for a moment.
function drawSoon(player) {
  if (player.waiting) return
  player.waiting = true
  requestAnimationFrame(() => {
    player.waiting = false
    if (player.gone) return
    drawAll(player, RESOLUTION.moving)
    clearTimeout(player.resting)
    if (!player.playing) player.resting = setTimeout(() => drawAll(player, RESOLUTION.resting), REST)
  })
}

function drawAll(player, side) {
  const films = shownFilms(player)
  if (!films.length || player.gone) return
  const begun = performance.now()
  const epoch = now(player)
  const { words, seed } = player.data
  player.panels.forEach(panel => drawPanel(player, panel, epoch, side))
  player.scale = drawCurves(
    player.chart, films, player.data.metric, seed, player.data.log, epoch, player.theme, player.width, 190, words)
  player.slider.value = String(epoch)
  const all = films[0].about.epochs
  player.counter.textContent = words.counter.replace("{epoch}", epoch.toLocaleString()).replace("{epochs}", all.toLocaleString())
  player.slider.setAttribute("aria-valuetext", player.counter.textContent)
  const { play } = player.buttons
  sign(play, player.playing ? "pause" : "play")
  play.setAttribute("aria-label", player.playing ? words.pause : words.play)
  play.title = player.playing ? words.pause : words.play
  player.root.dataset.epoch = String(epoch)
  player.root.dataset.run = films[0].id
  player.root.dataset.last = String(films[0].epochs[films[0].frames - 1])
  player.root.dataset.drawn = (performance.now() - begun).toFixed(2) // milliseconds
  player.root.dataset.playing = String(player.playing)
  player.root.dataset.side = String(side)
}

// The seed whose network is drawn: the chosen one, else the first that goes on.
function networkSeed(player, film, frame) {
  if (player.data.seed !== null) return Math.min(player.data.seed, film.seeds - 1)
  for (let seed = 0; seed < film.seeds; seed++) {
    if (!Number.isNaN(numbersOf(film, frame, seed)[0])) return seed
  }
  return 0
}

function drawPanel(player, panel, epoch, side) {
  const { film } = panel
  const { data, theme } = player
  const frame = frameAt(film, epoch)
  const seed = networkSeed(player, film, frame)
  const grid = gridFor(player, film, side)
  const unit = panel.hover?.unit !== undefined && panel.hover.place !== undefined ? panel.hover : player.pins[panel.number]
  const of = data.seed === null && film.seeds > 1 && !unit ? null : seed
  const picture = { ...surfaceOf(film, frame, of, grid), side }
  let shown = { kind: data.show }
  if (unit && unit.place <= film.about.layers.length) {
    const values = layerOutputs(film.about, numbersOf(film, frame, seed), grid)[unit.place]
    shown = { kind: "unit", values, unit: unit.unit }
  }
  const { width, height } = panel.plane
  panel.scale = drawPlane(panel.planeCanvas, film, picture, shown, theme, width, height, data.validation)
  const small = gridFor(player, film, UNIT_SIDE)
  panel.drawn = drawDiagram(
    panel.netCanvas, film, frame, seed, small, theme, panel.net.width, panel.net.height, panel.hover ?? player.pins[panel.number], data.words)
  panel.frame = frame
  panel.seed = seed
  sayNumbers(player, panel, frame, seed)
}

function sayNumbers(player, panel, frame, seed) {
  const { film } = panel
  const { words } = player.data
  const mean = player.data.seed === null && film.seeds > 1
  const parts = []
  for (const metric of ["loss", "accuracy"]) {
    const said = [0, 1].map(split => {
      const values = Array.from({ length: film.seeds }, (_, each) => film[metric][(frame * film.seeds + each) * 2 + split])
      const alive = values.filter(Number.isFinite)
      const value = mean ? alive.reduce((sum, each) => sum + each, 0) / alive.length : values[seed]
      const spread = mean && alive.length > 1 ? ` (${numberText(metric, Math.min(...alive))}\u00a0–\u00a0${numberText(metric, Math.max(...alive))})` : ""
      return `${split ? words.validation : words.train} ${numberText(metric, value)}${spread}`
    })
    parts.push(`${words.metrics[metric]}: ${said.join(", ")}`)
  }
  if (mean) parts.push(words.drawn.replace("{seed}", film.about.seeds[seed]))
  panel.numbers.replaceChildren(...parts.map(text => Object.assign(document.createElement("span"), { textContent: text })))
  const endings = Object.entries(film.endings).map(([each, said]) =>
    words.ending.replace("{seed}", film.about.seeds[each]).replace("{said}", said))
  panel.ending.textContent = endings.join(" ")
  panel.ending.hidden = !endings.length
  panel.place.dataset.network = String(film.about.seeds[seed])
}

function numberText(metric, value) {
  if (!Number.isFinite(value)) return "–"
  if (metric === "accuracy") return `${(value * 100).toFixed(value === 1 ? 0 : 1)}%`
  return value >= 100 ? value.toPrecision(4) : value >= 0.001 || value === 0 ? value.toFixed(3) : value.toExponential(1)
}

// ---- moving

function play(player) {
  if (player.running) return
  player.running = true
  player.rest = 0
  let before = null // the time of a frame may lie before this moment
  const tick = at => {
    if (player.gone || !player.playing) {
      player.running = false
      return
    }
    const [film] = shownFilms(player)
    if (!film) return requestAnimationFrame(tick)
    const frames = Math.min(film.about.epochs + 1, 600)
    player.rest += ((at - (before ?? at)) / 1000) * (frames / SECONDS) * player.speed
    before = at
    const steps = Math.floor(player.rest)
    if (steps) {
      player.rest -= steps
      const index = indexOf(player, now(player))
      player.epoch = player.timeline[Math.min(index + steps, player.timeline.length - 1)]
      const atEnd = index + steps >= player.timeline.length - 1
      if (atEnd && film.state !== "running") {
        player.playing = false
        player.running = false
        player.epoch = Infinity
        draw(player)
        tellSoon(player)
        return
      }
      drawAll(player, RESOLUTION.moving)
    }
    requestAnimationFrame(tick)
  }
  requestAnimationFrame(tick)
}

function indexOf(player, epoch) {
  return frameAt({ epochs: player.timeline, frames: player.timeline.length }, epoch)
}

function toggle(player) {
  player.playing = !player.playing
  player.follow = false
  if (player.playing) {
    if (now(player) >= player.end && shownFilms(player)[0]?.state !== "running") player.epoch = 0
    drawAll(player, RESOLUTION.moving)
    play(player)
  } else {
    player.epoch = now(player)
    draw(player)
    tellSoon(player)
  }
}

function goTo(player, epoch) {
  player.playing = false
  player.follow = epoch === Infinity
  player.epoch = epoch >= player.end ? Infinity : player.timeline[indexOf(player, epoch)]
  drawSoon(player)
  tellSoon(player)
}

function step(player, count) {
  const index = indexOf(player, now(player)) + count
  goTo(player, player.timeline[Math.max(0, Math.min(index, player.timeline.length - 1))])
}

// The address holds where the film rests; the end needs no word.
function tellSoon(player) {
  clearTimeout(player.telling)
  player.telling = setTimeout(() => {
    const epoch = player.epoch >= player.end ? null : player.epoch
    if (player.gone || player.playing || epoch === player.told) return
    player.told = epoch
    player.tell("rested", { film: player.data.current, epoch })
  }, TELL)
}

function onKey(player, event) {
  if (event.target === player.rate || event.ctrlKey || event.metaKey || event.altKey) return
  const fast = event.shiftKey ? 10 : 1
  const acts = {
    " ": () => toggle(player),
    ArrowLeft: () => step(player, -fast),
    ArrowRight: () => step(player, fast),
    Home: () => goTo(player, 0),
    End: () => goTo(player, Infinity),
    Escape: () => {
      player.pins = [null, null]
      drawSoon(player)
    },
  }
  if (event.key === " " && event.target.tagName === "BUTTON") return // it is pressed by itself
  if (!acts[event.key]) return
  event.preventDefault()
  acts[event.key]()
}

function scrubOnChart(player) {
  const to = event => goTo(player, player.scale.epochAt(event.offsetX))
  player.chart.addEventListener("pointerdown", event => {
    player.chart.setPointerCapture(event.pointerId)
    player.scrubbing = true
    to(event)
  })
  player.chart.addEventListener("pointermove", event => {
    if (player.scrubbing) to(event)
  })
  for (const name of ["pointerup", "pointercancel"]) player.chart.addEventListener(name, () => (player.scrubbing = false))
}

// ---- numbers under the pointer

function watchPlane(player, panel) {
  panel.planeCanvas.addEventListener("pointermove", event => {
    const { offsetX: px, offsetY: py } = event
    if (!panel.scale?.holds(px, py)) return hideTip(player)
    showTip(player, event, planeWords(player, panel, px, py))
  })
  panel.planeCanvas.addEventListener("pointerleave", () => hideTip(player))
}

function planeWords(player, panel, px, py) {
  const { film, frame, seed, scale } = panel
  const { words } = player.data
  const [x, y] = scale.at(px, py)
  const grid = featuresOf(film.about, [x], [y])
  const of = player.data.seed === null && film.seeds > 1 ? null : seed
  const { mean, spread } = surfaceOf(film, frame, of, grid)
  const lines = [`${film.about.columns[0]} ${x.toPrecision(3)}, ${film.about.columns[1]} ${y.toPrecision(3)}`]
  const shares = film.about.outputs === 1 ? [1 - mean[0], mean[0]] : [...mean]
  shares.forEach((share, unit) => lines.push(`${film.about.classes[unit]}: ${(share * 100).toFixed(1)}%`))
  if (spread) lines.push(words.deviation.replace("{points}", (spread[0] * 100).toFixed(1)))
  const near = nearestPoint(film, scale, px, py, player.data.validation)
  if (near !== null) {
    const split = film.points_split[near] ? words.validation : words.train
    lines.push(words.point.replace("{class}", film.about.classes[film.points_label[near]]).replace("{split}", split))
  }
  return lines
}

function nearestPoint(film, scale, px, py, validation) {
  let [found, least] = [null, 7]
  for (let point = 0; point < film.points_x.length; point++) {
    if (film.points_split[point] && !validation) continue
    const distance = Math.hypot(scale.x(film.points_x[point]) - px, scale.y(film.points_y[point]) - py)
    if (distance < least) [found, least] = [point, distance]
  }
  return found
}

function watchNetwork(player, panel) {
  const canvas = panel.netCanvas
  canvas.addEventListener("pointermove", event => {
    const found = panel.drawn && underPointer(panel.drawn, event.offsetX, event.offsetY)
    const same = JSON.stringify(signOf(found)) === JSON.stringify(signOf(panel.hover))
    panel.hover = found
    canvas.style.cursor = found?.place !== undefined ? "pointer" : "default"
    if (!same) drawSoon(player)
    if (found) showTip(player, event, networkWords(player, panel, found))
    else hideTip(player)
  })
  canvas.addEventListener("pointerleave", () => {
    panel.hover = null
    hideTip(player)
    drawSoon(player)
  })
  canvas.addEventListener("click", event => {
    const found = panel.drawn && underPointer(panel.drawn, event.offsetX, event.offsetY)
    const pinned = player.pins[panel.number]
    const isUnit = found?.place !== undefined && found.place <= panel.film.about.layers.length
    const again = isUnit && pinned && pinned.place === found.place && pinned.unit === found.unit
    player.pins[panel.number] = isUnit && !again ? { place: found.place, unit: found.unit } : null
    drawSoon(player)
  })
}

function signOf(found) {
  return found && [found.place, found.layer, found.unit, found.from, found.to]
}

function networkWords(player, panel, found) {
  const { film, frame, seed } = panel
  const { words } = player.data
  const { about } = film
  if (found.place === undefined) {
    return [`${words.weight} ${found.value.toFixed(4)}`, `${unitName(about, found.layer - 1, found.from, words)} → ${unitName(about, found.layer, found.to, words)}`]
  }
  const lines = [unitName(about, found.place, found.unit, words)]
  if (found.place > 0) {
    lines.push(`${words.bias} ${biasOf(film, frame, seed, found.place, found.unit).toFixed(4)}`)
    const isOutput = found.place === about.layers.length + 1
    if (!isOutput || about.outputs > 1) {
      lines.push(found.most > 0 ? words.largest.replace("{value}", found.most.toPrecision(3)) : words.silent)
    }
    const metric = player.data.metric
    const value = film[metric][(frame * film.seeds + seed) * 2]
    lines.push(`${words.metrics[metric]} (${words.train}) ${numberText(metric, value)}`)
  }
  return lines
}

function unitName(about, layer, unit, words) {
  if (layer === 0) return `${words.input} ${LABELS[about.features[unit]]}`
  if (layer === about.layers.length + 1) return about.outputs === 1 ? words.output : `${words.output} ${about.classes[unit]}`
  return words.neuron.replace("{unit}", unit + 1).replace("{layer}", layer)
}

function showTip(player, event, lines) {
  const { tip, root } = player
  tip.replaceChildren(...lines.map(text => Object.assign(document.createElement("div"), { textContent: text })))
  tip.hidden = false
  const box = root.getBoundingClientRect()
  const x = event.clientX - box.left
  const left = x + 16 + tip.offsetWidth > root.clientWidth ? x - tip.offsetWidth - 12 : x + 16
  tip.style.left = `${Math.max(0, left)}px`
  tip.style.top = `${event.clientY - box.top + 14}px`
}

function hideTip(player) {
  player.tip.hidden = true
}
