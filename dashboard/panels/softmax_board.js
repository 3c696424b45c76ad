// Probabilities under the hand, in three looks: "jacobian" and "gradients" of a softmax, and "entropy" of two
// distributions. Everything is computed here at each movement; tests hold the numbers to PyTorch's autograd.

const boards = new WeakMap()
const REACH = 8 // of a logit's slider
const MOST = 8 // classes

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const root = parentElement.querySelector(".descent-softmax")
  if (!root || !data) return
  const board = boards.get(root) ?? { root, at: null }
  boards.set(root, board)
  if (data.given !== board.data?.given) board.rows = data.rows.map(row => [...row])
  const size = board.rows[0].length
  const same = board.data?.look === data.look && board.size === size
  board.data = data
  board.tell = setStateValue
  if (!same) build(board)
  update(board)
  return () => {
    clearTimeout(board.telling)
    boards.delete(root)
  }
}

function make(parent, name, className = "", text = "") {
  const made = document.createElement(name)
  if (className) made.className = className
  if (text) made.textContent = text
  parent.append(made)
  return made
}

// ---- the mathematics

function softmax(logits, temperature) {
  const most = Math.max(...logits)
  const powers = logits.map(logit => Math.exp((logit - most) / temperature))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map(power => power / sum)
}

function jacobian(p, temperature) {
  return p.map((pi, i) => p.map((pj, j) => (i === j ? pi * (1 - pi) : -pi * pj) / temperature))
}

const shared = weights => {
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map(weight => weight / sum)
}

const bits = (weights, p) => weights.reduce((sum, weight, i) => sum - (weight > 0 ? weight * Math.log2(p[i]) : 0), 0)

function computed({ rows, data }) {
  if (data.look === "entropy") {
    const [q, p] = [shared(rows[0]), shared(rows[1])]
    const [truth, belief, cross] = [bits(q, q), bits(p, p), bits(q, p)]
    return { q, p, truth, belief, cross, divergence: cross - truth, reverse: bits(p, q) - belief }
  }
  const p = softmax(rows[0], data.temperature)
  const y = shared(rows[1])
  const slopes = jacobian(p, data.temperature)
  const wrong = p.map((pi, i) => pi - y[i])
  return {
    p, y, jacobian: slopes,
    cross_entropy: wrong.map(each => each / data.temperature),
    squared: slopes.map(row => 2 * row.reduce((sum, slope, j) => sum + slope * wrong[j], 0)),
  }
}

// ---- what is on the page

function build(board) {
  const { root, data, rows } = board
  board.size = rows[0].length
  root.replaceChildren()
  root.dataset.look = data.look
  const left = make(root, "section", "part")
  board.table = make(left, "div", `rows ${data.look}`)
  for (const title of data.words[`heads_${data.look}`]) make(board.table, "b", "head", title)
  board.lines = rows[0].map((_, i) => (data.look === "entropy" ? entropyLine(board, i) : logitLine(board, i)))
  const buttons = make(left, "div", "buttons")
  button(buttons, data.words.more, () => resize(board, 1), board.size >= MOST)
  button(buttons, data.words.fewer, () => resize(board, -1), board.size <= 2)
  const right = make(root, "section", "part")
  make(right, "b", "title", data.words[`title_${data.look}`])
  if (data.look === "jacobian") buildJacobian(board, right)
  if (data.look === "gradients") buildGradients(board, right)
  if (data.look === "entropy") buildSums(board, right)
  board.said = make(right, "p", "said")
  board.said.setAttribute("aria-live", "polite")
}

function button(parent, text, press, disabled) {
  const made = make(parent, "button", "", text)
  made.type = "button"
  made.disabled = disabled
  made.addEventListener("click", press)
}

function slider(board, row, i, low, high, step, name) {
  const made = make(board.table, "input")
  made.type = "range"
  Object.assign(made, { min: low, max: high, step })
  made.setAttribute("aria-label", name)
  made.addEventListener("input", () => {
    const before = board.rows[row][i]
    board.rows[row][i] = Number(made.value)
    if (row >= lowest(board) && !(board.rows[row].reduce((a, b) => a + b, 0) > 0)) board.rows[row][i] = before || 0.01
    changed(board)
  })
  return made
}

const lowest = board => (board.data.look === "entropy" ? 0 : 1) // the first row that holds shares

function bar(board) {
  const track = make(board.table, "div", "track")
  return { fill: make(track, "i"), number: make(board.table, "span", "number") }
}

function logitLine(board, i) {
  const { words } = board.data
  const chooses = board.data.look === "gradients" // the Jacobian has no right class
  const name = make(board.table, chooses ? "button" : "span", "name", words.class.replace("{n}", i + 1))
  if (chooses) {
    name.type = "button"
    name.title = words.choose
    name.addEventListener("click", () => {
      board.rows[1] = board.rows[1].map((_, j) => Number(i === j))
      changed(board)
    })
  }
  const logit = slider(board, 0, i, -REACH, REACH, 0.1, words.logit.replace("{n}", i + 1))
  return { name, logit, value: make(board.table, "span", "number"), share: bar(board) }
}

function entropyLine(board, i) {
  const { words } = board.data
  make(board.table, "span", "name", words.class.replace("{n}", i + 1))
  const line = { sliders: [], values: [] }
  for (const row of [0, 1]) {
    line.sliders.push(slider(board, row, i, 0, 1, 0.01, words[row ? "belief" : "truth"].replace("{n}", i + 1)))
    line.values.push(make(board.table, "span", "number"))
  }
  line.surprise = bar(board)
  return line
}

function buildJacobian(board, parent) {
  const size = board.size
  const grid = make(parent, "div", "heat")
  grid.style.setProperty("--size", size)
  make(grid, "span")
  for (let j = 0; j < size; j++) make(grid, "span", "axis", `z${sub(j)}`)
  board.cells = Array.from({ length: size }, (_, i) => {
    make(grid, "span", "axis", `p${sub(i)}`)
    return Array.from({ length: size }, (__, j) => {
      const cell = make(grid, "button", "cell")
      cell.type = "button"
      const look = () => {
        board.at = [i, j]
        say(board, computed(board))
      }
      cell.addEventListener("pointerenter", look)
      cell.addEventListener("focus", look)
      return cell
    })
  })
}

function buildGradients(board, parent) {
  const grid = make(parent, "div", "pulls")
  for (const title of board.data.words.pulls) make(grid, "b", "head", title)
  board.pulls = Array.from({ length: board.size }, (_, i) => {
    const name = make(grid, "span", "name", `z${sub(i)}`)
    const each = [0, 1].map(() => {
      const track = make(grid, "div", "track middle")
      return { fill: make(track, "i"), number: make(grid, "span", "number") }
    })
    return { name, each }
  })
}

function buildSums(board, parent) {
  const grid = make(parent, "div", "sums")
  board.sums = ["truth", "divergence", "cross", "belief", "reverse"].map(kind => {
    make(grid, "span", "name", board.data.words.sums[kind])
    const track = make(grid, "div", "track")
    return { kind, fill: make(track, "i", kind), number: make(grid, "span", "number") }
  })
}

function resize(board, by) {
  const size = board.size + by
  board.rows = board.rows.map((row, place) => {
    const next = [...row.slice(0, size)]
    while (next.length < size) next.push(board.data.look === "entropy" ? 0.25 : 0)
    if (place >= lowest(board) && !(next.reduce((a, b) => a + b, 0) > 0)) next[0] = 1
    return next
  })
  board.at = null
  build(board)
  changed(board)
}

function changed(board) {
  update(board)
  clearTimeout(board.telling)
  const row = numbers => numbers.map(number => Number(number.toPrecision(5))).join(",")
  board.telling = setTimeout(() => board.tell("rows", board.rows.map(row).join(";")), 300)
}

// ---- numbers into their places

const DIGITS = "₀₁₂₃₄₅₆₇₈₉"
const sub = i => DIGITS[i + 1]
const fixed = (number, places = 3) => (Object.is(Math.round(number * 10 ** places), -0) ? 0 : number).toFixed(places).replace("-", "−")
const percent = share => `${(100 * share).toFixed(1)}%`

function update(board) {
  const found = computed(board)
  board.root.style.colorScheme = dark(board.root) ? "dark" : "light" // of the browser's own sliders
  board.root.dataset.found = JSON.stringify(found, (_, value) => (value === Infinity ? "inf" : value))
  board.lines.forEach((line, i) => (board.data.look === "entropy" ? entropyUpdate(board, line, i, found) : logitUpdate(board, line, i, found)))
  if (board.data.look === "jacobian") paint(board, found)
  if (board.data.look === "gradients") pull(board, found)
  if (board.data.look === "entropy") sum(board, found)
  say(board, found)
}

function put(input, value) {
  if (Number(input.value) !== value) input.value = value
}

function logitUpdate({ rows }, line, i, { p, y }) {
  put(line.logit, rows[0][i])
  line.value.textContent = fixed(rows[0][i], 1)
  if (line.name.type) line.name.setAttribute("aria-pressed", String(y[i] > 0.5))
  line.share.fill.style.width = percent(p[i])
  line.share.number.textContent = p[i] < 0.0005 ? p[i].toExponential(0) : percent(p[i])
}

function entropyUpdate({ rows }, line, i, { q, p }) {
  ;[q, p].forEach((shares, row) => {
    put(line.sliders[row], rows[row][i])
    line.values[row].textContent = percent(shares[i])
  })
  const surprise = -Math.log2(p[i])
  line.surprise.fill.style.width = `${Math.min(100, 12.5 * surprise)}%`
  line.surprise.number.textContent = Number.isFinite(surprise) ? fixed(surprise, 2) : "∞"
}

// The page's own colours say whether it is dark.
function dark(root) {
  const [r, g, b] = getComputedStyle(root).color.match(/[\d.]+/g).map(Number)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 128
}

function paint(board, found) {
  const scale = board.data.palettes[dark(board.root) ? "dark" : "light"]
  const most = 0.25 / board.data.temperature
  board.cells.forEach((row, i) =>
    row.forEach((cell, j) => {
      const value = found.jacobian[i][j]
      const place = Math.min(1, Math.max(0, (value / most + 1) / 2))
      const strong = Math.abs(value) > 0.5 * most
      cell.style.background = scale[Math.min(scale.length - 1, Math.floor(place * scale.length))]
      cell.style.color = strong ? "var(--st-background-color)" : "inherit"
      cell.textContent = fixed(value)
    }),
  )
}

function pull(board, found) {
  const most = Math.max(1, ...found.cross_entropy.map(Math.abs), ...found.squared.map(Math.abs))
  board.pulls.forEach(({ name, each }, i) => {
    name.classList.toggle("right", found.y[i] > 0.5)
    ;[found.cross_entropy[i], found.squared[i]].forEach((value, which) => {
      const { fill, number } = each[which]
      const width = (50 * Math.abs(value)) / most
      fill.style.width = `${width}%`
      fill.style.left = `${value < 0 ? 50 - width : 50}%`
      fill.className = value < 0 ? "negative" : "positive"
      number.textContent = fixed(value)
    })
  })
}

function sum(board, found) {
  const finite = board.sums.map(({ kind }) => found[kind]).filter(Number.isFinite)
  const most = Math.max(1, ...finite)
  for (const { kind, fill, number } of board.sums) {
    const value = found[kind]
    fill.style.width = `${(100 * Math.min(most, Math.max(0, value))) / most}%`
    fill.style.marginLeft = kind === "divergence" ? `${(100 * found.truth) / most}%` : "0"
    if (kind === "divergence") fill.style.width = `${(100 * Math.min(most - found.truth, Math.max(0, value))) / most}%`
    number.textContent = Number.isFinite(value) ? fixed(value, 3) : "∞"
  }
}

function say(board, found) {
  const { words, look, temperature } = board.data
  if (look === "entropy") {
    board.said.textContent = words.said_entropy
      .replace("{truth}", fixed(found.truth)).replace("{divergence}", Number.isFinite(found.divergence) ? fixed(found.divergence) : "∞")
      .replace("{cross}", Number.isFinite(found.cross) ? fixed(found.cross) : "∞")
    return
  }
  const right = found.y.indexOf(Math.max(...found.y))
  if (look === "gradients") {
    board.said.textContent = words.said_gradients
      .replace("{n}", right + 1).replace("{p}", percent(found.p[right]))
      .replace("{cross}", fixed(found.cross_entropy[right])).replace("{squared}", fixed(found.squared[right]))
    return
  }
  const [i, j] = board.at ?? [0, 0]
  const [pi, pj] = [fixed(found.p[i]), fixed(found.p[j])]
  const over = temperature === 1 ? "" : ` / ${temperature}`
  const formula = i === j ? `p${sub(i)} (1 − p${sub(i)})${over} = ${pi} · (1 − ${pi})${over}` : `−p${sub(i)} p${sub(j)}${over} = −${pi} · ${pj}${over}`
  board.said.textContent = `∂p${sub(i)} / ∂z${sub(j)} = ${formula} = ${fixed(found.jacobian[i][j], 4)}`
}
