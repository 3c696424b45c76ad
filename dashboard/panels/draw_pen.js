// The pen of the drawing board, by pointer and by keys, and how the sheet is painted. draw_strokes.js stands above in
// one module.

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
