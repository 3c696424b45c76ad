// Two pictures in one place, with a border between them that follows the pointer or the arrow keys, and what the pixel
// under the pointer was and has become. Everything happens here; the server sends the pictures and hears nothing.

const wipes = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".descent-wipe")
  if (!root || !data) return
  const wipe = wipes.get(root) ?? newWipe(root)
  wipes.set(root, wipe)
  const turn = (wipe.turn = (wipe.turn ?? 0) + 1)
  const known = wipe.pictures ?? []
  const same = ({ url }) => known.find(each => each.url === url)
  Promise.all([data.before, data.after].map(each => same(each) ?? picture(each))).then(pictures => {
    if (turn !== wipe.turn) return // a newer pair has come since
    wipe.data = data
    wipe.pictures = pictures
    more(wipe)
    fit(wipe)
  })
  return () => {
    wipe.observer.disconnect()
    wipes.delete(root)
  }
}

async function picture({ url }) {
  const image = new Image()
  image.src = url
  await image.decode()
  const canvas = document.createElement("canvas")
  canvas.width = image.naturalWidth
  canvas.height = image.naturalHeight
  const pen = canvas.getContext("2d", { willReadFrequently: true })
  pen.drawImage(image, 0, 0)
  return { url, canvas, pen }
}

function newWipe(root) {
  const wipe = { root, at: 0.5 }
  root.replaceChildren()
  const stage = element("div", "wipe-stage", root)
  wipe.canvas = element("canvas", "", stage)
  wipe.canvas.tabIndex = 0
  wipe.canvas.setAttribute("role", "slider")
  wipe.names = [element("span", "wipe-name", stage), element("span", "wipe-name right", stage)]
  wipe.said = element("p", "wipe-said", root)
  wipe.more = element("div", "wipe-more", root)
  const { canvas } = wipe
  const follow = event => {
    const box = canvas.getBoundingClientRect()
    wipe.pointer = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height]
    if (wipe.held) wipe.at = Math.min(1, Math.max(0, wipe.pointer[0]))
    draw(wipe)
  }
  canvas.addEventListener("pointerdown", event => {
    canvas.setPointerCapture(event.pointerId)
    wipe.held = true
    follow(event)
  })
  canvas.addEventListener("pointermove", follow)
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, () => (wipe.held = false))
  canvas.addEventListener("pointerleave", () => {
    wipe.pointer = null
    draw(wipe)
  })
  canvas.addEventListener("keydown", event => {
    const step = event.shiftKey ? 0.1 : 0.02
    const places = { ArrowLeft: wipe.at - step, ArrowRight: wipe.at + step, Home: 0, End: 1 }
    if (!(event.key in places)) return
    event.preventDefault()
    wipe.at = Math.min(1, Math.max(0, places[event.key]))
    draw(wipe)
  })
  wipe.observer = new ResizeObserver(() => wipe.pictures && fit(wipe))
  wipe.observer.observe(root)
  return wipe
}

// As large as its place allows, each pixel of the picture several of the screen's.
function fit(wipe) {
  const { canvas, pictures, root } = wipe
  const [first] = pictures
  const width = Math.min(root.clientWidth, first.canvas.width * 2.6)
  if (!width) return
  const sharp = window.devicePixelRatio || 1
  canvas.width = Math.round(width * sharp)
  canvas.height = Math.round((width * sharp * first.canvas.height) / first.canvas.width)
  canvas.style.width = `${width}px`
  draw(wipe)
}

function draw(wipe) {
  const { canvas, pictures, at, data, names, root } = wipe
  if (!pictures) return
  const pen = canvas.getContext("2d")
  pen.imageSmoothingEnabled = false
  const { width, height } = canvas
  const border = at * width
  pictures.forEach(({ canvas: from }, place) => {
    pen.save()
    pen.beginPath()
    pen.rect(place ? border : 0, 0, place ? width - border : border, height)
    pen.clip()
    pen.drawImage(from, 0, 0, width, height)
    pen.restore()
  })
  pen.fillStyle = "rgba(0, 0, 0, 0.6)"
  pen.fillRect(border - 2, 0, 4, height)
  pen.fillStyle = "#fff"
  pen.fillRect(border - 1, 0, 2, height)
  names.forEach((name, place) => {
    name.textContent = [data.before, data.after][place].title
    name.style.visibility = (place ? 1 - at : at) > 0.12 ? "" : "hidden"
  })
  canvas.setAttribute("aria-label", data.words.keys)
  canvas.setAttribute("aria-valuemin", 0)
  canvas.setAttribute("aria-valuemax", 100)
  canvas.setAttribute("aria-valuenow", Math.round(100 * at))
  root.dataset.at = at.toFixed(2)
  root.dataset.turn = wipe.turn
  wipe.said.textContent = pixel(wipe) ?? data.words.keys
}

function pixel({ pointer, pictures, data }) {
  if (!pointer) return null
  const { width, height } = pictures[0].canvas
  const [column, row] = [Math.floor(pointer[0] * width), Math.floor(pointer[1] * height)]
  if (column < 0 || row < 0 || column >= width || row >= height) return null
  const [before, after] = pictures.map(({ pen }) => [...pen.getImageData(column, row, 1, 1).data].slice(0, 3))
  const grey = parts => (parts[0] === parts[1] && parts[1] === parts[2] ? `${parts[0]}` : parts.join(", "))
  return data.words.pixel.replace("{row}", row + 1).replace("{column}", column + 1).replace("{before}", grey(before)).replace("{after}", grey(after))
}

// Smaller ones below: the pictures on the way there. Those that are there stay, so that nothing flickers.
function more({ data, more: place }) {
  while (place.children.length > data.more.length) place.lastChild.remove()
  data.more.forEach(({ title, url }, number) => {
    const figure = place.children[number] ?? element("figure", "", place)
    const image = figure.querySelector("img") ?? element("img", "", figure)
    const caption = figure.querySelector("figcaption") ?? element("figcaption", "", figure)
    if (image.src !== url) image.src = url
    image.alt = title
    caption.textContent = title
  })
}
