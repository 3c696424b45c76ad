// From what was drawn to what the network gets: found, scaled and put where the pictures lie that it learned
// from (training/drawing.py measured them). Pure functions of arrays.

const FAINT = 0.15 // of the ink: what is less does not count as drawn

// The box around the ink, ends excluded; null where there is none.
function inkBox(amount, width, height) {
  let [left, top, right, bottom] = [width, height, 0, 0]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (amount[y * width + x] <= FAINT) continue
      if (x < left) left = x
      if (x >= right) right = x + 1
      if (y < top) top = y
      bottom = y + 1
    }
  }
  return right > left ? { left, top, right, bottom } : null
}

// The centre of mass; a pixel's own centre lies half a pixel from its corner.
function inkCentre(amount, width, height) {
  let [total, x, y] = [0, 0, 0]
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const ink = amount[row * width + column]
      total += ink
      x += ink * (column + 0.5)
      y += ink * (row + 0.5)
    }
  }
  return { x: x / total, y: y / total }
}

// What each pixel of a coarser picture covers of a finer one, averaged: `columns` x `rows` pixels of `scale`
// fine ones each, the first with its corner at (left, top). Outside there is nothing.
function areaAverage(fine, width, height, left, top, scale, columns, rows) {
  const across = coverage(left, scale, columns, width)
  const down = coverage(top, scale, rows, height)
  const narrow = new Float32Array(height * columns)
  for (let y = 0; y < height; y++) {
    for (let column = 0; column < columns; column++) {
      const { first, shares } = across[column]
      let sum = 0
      for (let n = 0; n < shares.length; n++) sum += shares[n] * fine[y * width + first + n]
      narrow[y * columns + column] = sum
    }
  }
  const coarse = new Float32Array(rows * columns)
  for (let row = 0; row < rows; row++) {
    const { first, shares } = down[row]
    for (let n = 0; n < shares.length; n++) {
      for (let column = 0; column < columns; column++) {
        coarse[row * columns + column] += shares[n] * narrow[(first + n) * columns + column]
      }
    }
  }
  return coarse
}

function coverage(begin, scale, count, limit) {
  return Array.from({ length: count }, (_, place) => {
    const [from, to] = [begin + place * scale, begin + (place + 1) * scale]
    const first = Math.max(0, Math.floor(from))
    const last = Math.min(limit, Math.ceil(to))
    const shares = []
    for (let n = first; n < last; n++) shares.push((Math.min(n + 1, to) - Math.max(n, from)) / scale)
    return { first, shares }
  })
}

// Values from 0 to 1, [channels, rows, columns], or null where nothing was drawn. `layers`: the ink alone
// where pictures are drawings, else red, green and blue.
function preparedPicture(layers, width, height, shape, preparation, centred) {
  const [channels, rows, columns] = shape
  const values = new Float32Array(channels * rows * columns)
  if (!preparation.drawn) {
    const grey = channels === 1 ? [greyOf(layers)] : layers
    for (let channel = 0; channel < channels; channel++) {
      const layer = grey[Math.min(channel, grey.length - 1)]
      values.set(areaAverage(layer, width, height, 0, 0, width / columns, columns, rows), channel * rows * columns)
    }
    return values
  }
  const [ink] = layers
  const box = inkBox(ink, width, height)
  if (!box) return null
  let [left, top, scale] = [0, 0, width / columns]
  if (centred) {
    scale = Math.max(box.right - box.left, box.bottom - box.top) / preparation.box
    const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 }
    const centre = preparation.centre === "mass" ? inkCentre(ink, width, height) : middle
    left = centre.x - preparation.x * scale
    top = centre.y - preparation.y * scale
  }
  const amount = areaAverage(ink, width, height, left, top, scale, columns, rows)
  const { background } = preparation
  for (let place = 0; place < values.length; place++) {
    const value = background + amount[place % amount.length] * (preparation.ink - background)
    values[place] = Math.min(1, Math.max(0, value))
  }
  return values
}

function greyOf([red, green, blue]) {
  return red.map((value, place) => (value + green[place] + blue[place]) / 3) // as the data's own reading averages
}

// A photograph of ink on paper as ink alone: its distance from the paper, which lies along the border.
function inkOfPhotograph([red, green, blue], width, height) {
  const grey = greyOf([red, green, blue])
  const border = []
  for (let x = 0; x < width; x++) border.push(grey[x], grey[(height - 1) * width + x])
  for (let y = 0; y < height; y++) border.push(grey[y * width], grey[y * width + width - 1])
  const paper = border.sort((a, b) => a - b)[border.length >> 1]
  const sorted = Float32Array.from(grey).sort()
  const [dark, bright] = [paper - sorted[Math.floor(sorted.length * 0.01)], sorted[Math.floor(sorted.length * 0.99)] - paper]
  const [sign, range] = bright > dark ? [1, bright] : [-1, dark]
  if (range < 0.05) return new Float32Array(grey.length) // paper alone
  return grey.map(value => Math.min(1, Math.max(0, ((sign * (value - paper)) / range - 0.25) / 0.5)))
}
