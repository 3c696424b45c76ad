// Draw, and the network answers: a square to draw into, what the network gets of it, and what it says, at each
// move of the pen. The other draw_*.js stand above this in one module. Without ONNX Runtime, or before the network has come, the page's server answers.

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
    if (board.data.check && board.data.check !== board.checked) check(board)
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
