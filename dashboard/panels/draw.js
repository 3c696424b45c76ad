// Draw, and the network answers: a square to draw into, what the network gets of it, and what it says, at each
// move of the pen. draw_prepare.js, draw_strokes.js, draw_runtime.js and draw_show.js stand above this in one
// module. Without ONNX Runtime, or before the network has come, the page's server answers.

const REST = 250 // milliseconds without a change until the page is told what was drawn
const APART = 7 // steps of 1023 between the points of a stroke
const boards = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-draw")
  if (!root || !data) return
  const board = boards.get(root) ?? newBoard(root, data)
  boards.set(root, board)
  const before = board.data
  board.data = data
  board.tell = setStateValue
  board.theme = drawTheme(root, data.palettes)
  // Only what did not come from here replaces what is drawn: an answer may be older than the hand.
  if (before && data.given !== before.given) {
    board.strokes = unpackStrokes(data.strokes)
    board.base = null
    board.touched = performance.now()
  }
  if (data.brush !== before?.brush && !board.toldBrush) board.brush.value = data.brush
  if (data.chosen !== before?.chosen && data.chosen !== board.toldChosen) board.chosen = data.chosen
  if (data.network !== before?.network) loadNetwork(board)
  takePictures(board)
  label(board)
  paint(board)
  if (data.answer?.id === board.asked) answered(board, data.answer)
  if (!before || changes(before, data)) look(board)
  if (data.check && data.check !== board.checked) check(board)
  return () => {
    board.gone = true
    board.observer.disconnect()
    stopCamera(board)
    drawStore().listeners.delete(board.listener)
    clearTimeout(board.telling)
    boards.delete(root)
  }
}

const changes = (before, data) =>
  ["network", "given", "chosen", "centred", "runtime"].some(name => before[name] !== data[name])

function newBoard(root, data) {
  const board = {
    root, strokes: unpackStrokes(data.strokes), chosen: data.chosen, base: null,
    erasing: false, colour: 0, cursor: null, serial: 0, asked: null, ink: document.createElement("canvas"), number: 0,
  }
  root.replaceChildren()
  const grid = drawElement("div", "grid", root)
  const drawn = drawElement("div", "drawn", grid)
  board.tools = drawElement("div", "tools", drawn)
  board.frame = drawElement("div", "frame", drawn)
  board.sheet = drawElement("canvas", "sheet", board.frame)
  board.sheet.tabIndex = 0
  board.video = drawElement("video", "video", board.frame)
  board.video.hidden = board.video.muted = true
  board.video.playsInline = true
  board.mark = drawElement("i", "mark", board.frame)
  board.mark.hidden = true
  board.hint = drawElement("p", "hint", drawn)
  board.hint.setAttribute("aria-live", "polite")
  const says = drawElement("div", "says", grid)
  board.bars = drawElement("div", "bars", says)
  board.bars.setAttribute("role", "group")
  const views = drawElement("div", "views", says)
  for (const name of ["seen", "why"]) {
    const figure = drawElement("figure", name, views)
    board[name] = drawElement("canvas", "", figure)
    board[name].setAttribute("role", "img")
    board[`${name}Words`] = drawElement("figcaption", "", figure)
  }
  board.legend = drawElement("p", "legend", grid)
  board.layers = drawElement("div", "layers", grid)
  buildTools(board)
  listen(board)
  board.listener = about => {
    if (about.kind === "network" && about.id === board.data.network) loadNetwork(board)
    if (about.kind === "pictures") {
      takePictures(board)
      label(board)
      if (board.data.check && board.data.check !== board.checked) check(board)
    }
  }
  drawStore().listeners.add(board.listener)
  board.observer = new ResizeObserver(() => {
    if (Math.abs(root.clientWidth - (board.width ?? 0)) < 2) return
    board.width = root.clientWidth
    paint(board)
    showLayers(board, board.outputs)
  })
  board.observer.observe(root)
  return board
}

function buildTools(board) {
  const button = (name, act) => {
    const made = drawElement("button", `tool ${name}`, board.tools)
    made.type = "button"
    made.addEventListener("click", act)
    board[name] = made
    return made
  }
  button("pen", () => pick(board, false))
  button("eraser", () => pick(board, true))
  const brush = drawElement("label", "brush", board.tools)
  board.brushWords = drawElement("span", "", brush)
  board.brush = drawElement("input", "", brush)
  Object.assign(board.brush, { type: "range", min: 8, max: 200, step: 4 })
  board.brush.addEventListener("input", () => {
    board.toldBrush = true
    later(board)
  })
  board.paint = drawElement("input", "paint", board.tools)
  board.paint.type = "color"
  board.paint.value = "#1b2430"
  button("undo", () => undo(board))
  button("clear", () => clear(board))
  button("file", () => board.chooser.click())
  button("camera", () => (board.stream ? takePicture(board) : startCamera(board)))
  button("previous", () => showTest(board, board.number - 1))
  button("next", () => showTest(board, board.number + 1))
  board.chooser = drawElement("input", "", board.tools)
  Object.assign(board.chooser, { type: "file", accept: "image/*", hidden: true })
  board.chooser.addEventListener("change", () => board.chooser.files[0] && takeFile(board, board.chooser.files[0]))
}

function label(board) {
  const { data } = board
  for (const name of ["pen", "eraser", "undo", "clear", "file", "previous", "next"]) board[name].textContent = data.words[name]
  board.camera.textContent = board.stream ? data.words.shoot : data.words.camera
  board.pen.setAttribute("aria-pressed", String(!board.erasing))
  board.eraser.setAttribute("aria-pressed", String(board.erasing))
  board.brushWords.textContent = data.words.brush
  board.brush.setAttribute("aria-label", data.words.brush)
  board.paint.hidden = data.preparation.drawn
  board.paint.setAttribute("aria-label", data.words.colour)
  board.paint.title = data.words.colour
  board.undo.disabled = !board.strokes.length
  board.clear.disabled = !board.strokes.length && !board.base
  board.previous.hidden = board.next.hidden = !board.pictures
  board.sheet.setAttribute("role", "application")
  board.sheet.setAttribute("aria-label", data.words.sheet)
  board.bars.setAttribute("aria-label", data.words.bars)
  board.seen.setAttribute("aria-label", data.words.seen)
  board.why.setAttribute("aria-label", data.words.why)
  const size = `${data.shape[2]} × ${data.shape[1]}`
  board.seenWords.textContent = `${data.words.seen} (${size})`
  board.file.title = data.words.stays
  board.legend.textContent = data.words.legend
}

// --- the pen

function listen(board) {
  const { sheet } = board
  const place = event => {
    const box = sheet.getBoundingClientRect()
    const side = Math.max(box.width, box.height)
    const at = value => Math.min(STEPS, Math.max(0, (value / side) * STEPS))
    return [at(event.clientX - box.left), at(event.clientY - box.top)]
  }
  sheet.addEventListener("pointerdown", event => {
    if (event.button || board.stream) return
    sheet.setPointerCapture(event.pointerId)
    board.pressed = true
    begin(board, place(event))
  })
  sheet.addEventListener("pointermove", event => {
    if (!board.pressed) return
    for (const each of event.getCoalescedEvents?.() ?? [event]) extend(board, place(each))
    if (!event.getCoalescedEvents?.().length) extend(board, place(event))
  })
  for (const name of ["pointerup", "pointercancel"]) {
    sheet.addEventListener(name, () => {
      board.pressed = false
    })
  }
  sheet.addEventListener("keydown", event => onKey(board, event))
  sheet.addEventListener("blur", () => {
    board.mark.hidden = true
    board.down = false
  })
}

function begin(board, point) {
  const colour = board.erasing ? ERASER : board.data.preparation.drawn ? 0 : nearestPaint(board.paint.value)
  board.strokes.push({ width: Number(board.brush.value), colour, points: [point] })
  strokeOn(board, 0)
}

function extend(board, point) {
  const { points } = board.strokes[board.strokes.length - 1]
  const last = points[points.length - 1]
  if (Math.hypot(point[0] - last[0], point[1] - last[1]) < APART) return
  points.push(point)
  strokeOn(board, points.length - 1)
}

function strokeOn(board, from) {
  const stroke = board.strokes[board.strokes.length - 1]
  for (const [canvas, colours] of [[board.ink, PAINTS], [board.sheet, sheetColours(board)]]) {
    paintStroke(canvas.getContext("2d", { willReadFrequently: canvas === board.ink }), stroke, canvas.width, colours, from)
  }
  changed(board)
}

// Arrow keys move a mark, Space puts the pen down and lifts it; with Shift the steps are fine.
function onKey(board, event) {
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  const move = moves[event.key]
  if (move) {
    const step = event.shiftKey ? 8 : 36
    const from = board.cursor ?? [STEPS / 2, STEPS / 2]
    board.cursor = from.map((value, axis) => Math.min(STEPS, Math.max(0, value + step * move[axis])))
    if (board.down) extend(board, board.cursor)
    showMark(board)
  } else if (event.key === " ") {
    board.cursor ??= [STEPS / 2, STEPS / 2]
    board.down = !board.down
    if (board.down) begin(board, board.cursor)
    showMark(board)
  } else if (event.key === "Escape") {
    board.down = false
    showMark(board)
  } else if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) undo(board)
  else if (event.key === "Delete" || event.key === "Backspace") clear(board)
  else return
  event.preventDefault()
}

function showMark(board) {
  board.mark.hidden = false
  board.mark.classList.toggle("down", Boolean(board.down))
  const side = Math.max(board.sheet.clientWidth, board.sheet.clientHeight)
  board.mark.style.left = `${(board.cursor[0] / STEPS) * side}px`
  board.mark.style.top = `${(board.cursor[1] / STEPS) * side}px`
}

function pick(board, erasing) {
  board.erasing = erasing
  label(board)
}

function undo(board) {
  board.strokes.pop()
  paint(board)
  changed(board)
}

function clear(board) {
  board.strokes = []
  board.base = null
  board.number = 0
  board.down = false
  paint(board)
  changed(board)
}

function choose(board, chosen) {
  board.chosen = board.chosen === chosen ? -1 : chosen
  changed(board)
}

// --- pictures from elsewhere: a file, the camera, the test data

async function takeFile(board, file) {
  board.chooser.value = ""
  try {
    if (file.size > 30e6) throw new Error("large")
    const picture = await createImageBitmap(file)
    await takeImage(board, picture, picture.width, picture.height)
  } catch {
    say(board, board.data.words.bad_file)
  }
}

async function startCamera(board) {
  try {
    board.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } })
    board.video.srcObject = board.stream
    board.video.hidden = false
    await board.video.play()
    label(board)
  } catch {
    stopCamera(board)
    say(board, board.data.words.no_camera)
  }
}

function takePicture(board) {
  takeImage(board, board.video, board.video.videoWidth, board.video.videoHeight)
  stopCamera(board)
  label(board)
}

function stopCamera(board) {
  for (const track of board.stream?.getTracks() ?? []) track.stop()
  board.stream = null
  board.video.hidden = true
}

// The middle of an image, as large as fits: as ink where the data are drawings, else as it is.
function takeImage(board, image, width, height) {
  if (!width || !height) return
  const [wide, high] = inkSize(board)
  const canvas = new OffscreenCanvas(wide, high)
  const scale = Math.max(wide / width, high / height)
  const context = canvas.getContext("2d")
  context.fillStyle = "#ffffff"
  context.fillRect(0, 0, wide, high)
  context.drawImage(image, (wide - width * scale) / 2, (high - height * scale) / 2, width * scale, height * scale)
  if (board.data.preparation.drawn) {
    const pixels = context.getImageData(0, 0, wide, high)
    const ink = inkOfPhotograph(coloursOf(pixels), wide, high)
    ink.forEach((amount, place) => pixels.data.set([255, 255, 255, Math.round(255 * amount)], place * 4))
    context.putImageData(pixels, 0, 0)
  }
  setBase(board, { canvas })
}

function setBase(board, base) {
  board.strokes = []
  board.base = base
  paint(board)
  changed(board)
}

function takePictures(board) {
  const found = drawStore().pictures.get(board.data.pictures) ?? null
  if (found !== board.pictures && board.base?.values) board.base = null // of another data set
  board.pictures = found
  if (board.pictures && board.data.number && !board.number && !board.strokes.length) showTest(board, board.data.number)
}

// The n-th picture of the test data, from 1, pixel by pixel: what stands on the sheet is what the network gets.
function showTest(board, wanted) {
  const { pictures, data } = board
  const number = ((wanted - 1 + pictures.count) % pictures.count) + 1
  const [channels, rows, columns] = data.shape
  const size = channels * rows * columns
  const values = Float32Array.from(pictures.content.subarray((number - 1) * size, number * size), value => value / 255)
  const small = new OffscreenCanvas(columns, rows)
  const image = new ImageData(columns, rows)
  const { drawn, background, ink } = data.preparation
  for (let place = 0; place < rows * columns; place++) {
    const parts = [0, 1, 2].map(part => values[Math.min(part, channels - 1) * rows * columns + place])
    const amount = (parts[0] - background) / (ink - background || 1)
    const pixel = drawn ? [255, 255, 255, Math.min(255, Math.max(0, Math.round(255 * amount)))] : [...parts.map(v => v * 255), 255]
    image.data.set(pixel, place * 4)
  }
  small.getContext("2d").putImageData(image, 0, 0)
  const canvas = new OffscreenCanvas(...inkSize(board))
  const context = canvas.getContext("2d")
  context.imageSmoothingEnabled = false
  context.drawImage(small, 0, 0, canvas.width, canvas.height)
  board.number = number
  setBase(board, { canvas, values, label: pictures.labels[number - 1] })
}

// --- painting

const PAINTS = ["#ffffff"] // of the ink; colours for pictures that are no drawings are added as they are used

function nearestPaint(colour) {
  const place = PAINTS.indexOf(colour, 1)
  if (place > 0) return place
  if (PAINTS.length < 200) PAINTS.push(colour)
  return PAINTS.length - 1
}

function sheetColours(board) {
  return board.data.preparation.drawn ? [board.theme.text] : PAINTS
}

// A multiple of the network's own pixels, so that a test picture can be shown exactly.
function inkSize(board) {
  const [, rows, columns] = board.data.shape
  const zoom = Math.max(1, Math.round(320 / Math.max(rows, columns)))
  return [columns * zoom, rows * zoom]
}

function paint(board) {
  const { sheet, ink, data } = board
  const [, rows, columns] = data.shape
  const room = Math.min(board.frame.clientWidth || 336, 384)
  const ratio = window.devicePixelRatio || 1
  const long = Math.max(rows, columns)
  sheet.width = Math.round((room * ratio * columns) / long)
  sheet.height = Math.round((room * ratio * rows) / long)
  sheet.style.width = `${(room * columns) / long}px`
  sheet.style.height = `${(room * rows) / long}px`
  ;[ink.width, ink.height] = inkSize(board)
  for (const canvas of [ink, sheet]) {
    const context = canvas.getContext("2d", { willReadFrequently: canvas === ink })
    if (!data.preparation.drawn) {
      context.fillStyle = "#ffffff"
      context.fillRect(0, 0, canvas.width, canvas.height)
    }
    context.imageSmoothingEnabled = !board.base?.values
    if (board.base) context.drawImage(board.base.canvas, 0, 0, canvas.width, canvas.height)
    if (canvas === sheet && data.preparation.drawn && board.base) tint(context, canvas, board.theme.text)
    const colours = canvas === sheet ? sheetColours(board) : PAINTS
    for (const stroke of board.strokes) paintStroke(context, stroke, Math.max(canvas.width, canvas.height), colours)
  }
}

function tint(context, canvas, colour) {
  context.globalCompositeOperation = "source-in"
  context.fillStyle = colour
  context.fillRect(0, 0, canvas.width, canvas.height)
  context.globalCompositeOperation = "source-over"
}

function drawTheme(root, palettes) {
  const style = getComputedStyle(root)
  const read = name => style.getPropertyValue(name).trim()
  const probe = new OffscreenCanvas(1, 1).getContext("2d")
  probe.fillStyle = read("--st-background-color") || "#ffffff"
  probe.fillRect(0, 0, 1, 1)
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data
  const palette = palettes[0.2126 * red + 0.7152 * green + 0.0722 * blue < 102 ? "dark" : "light"]
  const diverging = colourTable(palette.diverging)
  return {
    text: read("--st-text-color") || "#1b2430",
    diverging,
    sequential: colourTable(palette.sequential),
    neutral: `rgb(${diverging.slice(127 * 3, 127 * 3 + 3).join(",")})`,
  }
}

// --- what the network gets and says

function coloursOf({ data, width, height }) {
  const layers = [0, 1, 2].map(() => new Float32Array(width * height))
  for (let place = 0; place < width * height; place++) {
    for (let part = 0; part < 3; part++) layers[part][place] = data[place * 4 + part] / 255
  }
  return layers
}

function current(board) {
  const { ink, data, base, strokes } = board
  if (base?.values && !strokes.length) return base.values
  if (!base && !strokes.length) return null
  const pixels = ink.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, ink.width, ink.height)
  let layers
  if (data.preparation.drawn) {
    const amount = new Float32Array(ink.width * ink.height)
    for (let place = 0; place < amount.length; place++) amount[place] = pixels.data[place * 4 + 3] / 255
    layers = [amount]
  } else layers = coloursOf(pixels)
  return preparedPicture(layers, ink.width, ink.height, data.shape, data.preparation, data.centred && !base?.values)
}

async function loadNetwork(board) {
  const { network, runtime } = board.data
  board.run = null
  try {
    const run = await networkOf(network, runtime)
    if (board.gone || board.data.network !== network) return
    board.run = run
  } catch (problem) {
    board.problem = problem.message
  }
  look(board)
}

function changed(board) {
  board.touched = performance.now()
  board.serial++
  board.undo.disabled = !board.strokes.length
  board.clear.disabled = !board.strokes.length && !board.base
  look(board)
}

// One answer at a time; of several changes that wait, only the newest is looked at.
async function look(board) {
  if (board.looking) {
    board.again = true
    return
  }
  board.looking = true
  do {
    board.again = false
    const { serial, touched } = board
    board.picture = current(board)
    showPicture(board, board.picture)
    if (!board.picture) {
      board.outputs = null
      show(board, null)
    } else if (board.run) {
      const chosen = new Float32Array(board.data.classes.length)
      if (board.chosen >= 0) chosen[board.chosen] = 1
      const before = performance.now()
      try {
        board.outputs = await board.run(board.picture, board.data.shape, chosen, chosen.length)
      } catch (problem) {
        board.problem = problem.message
        board.run = null
        continue
      }
      board.milliseconds = performance.now() - before
      if (board.gone) return
      show(board, board.outputs)
      board.root.dataset.serial = serial
      if (touched) board.root.dataset.latency = (performance.now() - touched).toFixed(1)
    }
  } while (board.again)
  board.looking = false
  later(board)
}

function answered(board, answer) {
  if (board.run || !board.picture) return
  board.outputs = Object.fromEntries(Object.entries(answer.outputs).map(([name, text]) => [name, fromText(text)]))
  show(board, board.outputs)
  board.root.dataset.serial = board.serial
  if (board.touched) board.root.dataset.latency = (performance.now() - board.touched).toFixed(1)
}

function show(board, outputs) {
  const { data, root } = board
  showBars(board, outputs?.probabilities ?? null)
  showContributions(board, board.picture, outputs?.contributions ?? null)
  showLayers(board, outputs)
  const said = outputs ? outputs.probabilities.indexOf(Math.max(...outputs.probabilities)) : -1
  root.dataset.said = said < 0 ? "" : data.classes[said]
  root.dataset.where = outputs ? (board.run ? "browser" : "server") : ""
  const explained = board.chosen < 0 ? said : board.chosen
  board.whyWords.textContent = explained < 0 ? data.words.why : data.words.why_class.replace("{name}", data.classes[explained])
}

function say(board, words) {
  board.hint.textContent = words
}

function hint(board) {
  const { data, base, picture } = board
  if (board.problem) return `${data.words.no_browser} (${board.problem})`
  if (!board.strokes.length && !base) return data.words.empty
  if (!picture) return data.words.faint
  if (base?.label !== undefined) return data.words.test.replace("{n}", board.number).replace("{name}", base.label)
  return board.root.dataset.said ? data.words.said.replace("{name}", board.root.dataset.said) : data.words.thinking
}

// After a rest the page is told; while the server answers it is told as soon as it has answered the last time.
function later(board) {
  say(board, hint(board))
  clearTimeout(board.telling)
  const waiting = board.asked !== null && board.data.answer?.id !== board.asked
  const rest = board.run || waiting ? REST : 30
  board.telling = setTimeout(() => tell(board), rest)
}

function tell(board) {
  if (board.gone || board.looking) return
  const strokes = packStrokes(board.strokes)
  const outputs = board.run && board.outputs
  const said = {
    strokes,
    chosen: board.chosen,
    brush: Number(board.brush.value),
    number: board.base?.values ? board.number : 0,
    picture: board.picture ? toText(board.picture) : "",
    network: board.data.network,
    outputs: outputs ? Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, toText(values)])) : {},
    milliseconds: outputs ? board.milliseconds : 0,
  }
  const sign = JSON.stringify([said.strokes, said.chosen, said.brush, said.number, said.picture, said.network, Boolean(outputs), board.data.centred])
  if (sign === board.sign) return
  board.sign = sign
  board.toldChosen = board.chosen
  board.asked = said.id = `${Date.now()}-${board.serial}`
  board.tell("drawn", JSON.stringify(said))
}

// --- many pictures, to compare with PyTorch

async function check(board) {
  const { data, pictures, run } = board
  if (!pictures || !run) return // what is missing calls again when it comes
  board.checked = data.check
  const size = data.shape.reduce((product, each) => product * each, 1)
  const found = { logits: [], probabilities: [], contributions: [] }
  const began = performance.now()
  for (let start = 0; start < pictures.count; start += 50) {
    const end = Math.min(pictures.count, start + 50)
    const values = Float32Array.from(pictures.content.subarray(start * size, end * size), value => value / 255)
    const outputs = await run(values, data.shape, new Float32Array((end - start) * data.classes.length), data.classes.length)
    if (board.gone) return
    for (const name of Object.keys(found)) found[name].push(outputs[name])
    await new Promise(done => setTimeout(done)) // the page stays usable meanwhile
  }
  const seconds = (performance.now() - began) / 1000
  const joined = Object.fromEntries(
    Object.entries(found).map(([name, parts]) => [name, toText(Float32Array.from(parts.flatMap(part => [...part])))]),
  )
  board.tell("checked", JSON.stringify({ check: data.check, count: pictures.count, seconds, outputs: joined }))
}
