// Pictures for the drawing board that no hand drew: a file, the camera, the test data.

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
