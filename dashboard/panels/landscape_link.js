// Links the pictures of a landscape: a place under the pointer is marked in all of them and the cuts go through
// it, a turned surface turns the others, a zoomed contour zooms the others. Nothing of it asks the server.
// Events are listened to once a pointer first comes over a picture: by then it is drawn.

const groups = new WeakMap()

export default function (component) {
  const { data, parentElement } = component
  const button = parentElement.querySelector(".descent-picture")
  if (!button || !data) return
  const group = groups.get(button) ?? begun(button)
  group.data = data
  button.textContent = data.words.save
  return () => {
    document.removeEventListener("pointerover", group.over)
    groups.delete(button)
  }
}

function begun(button) {
  const group = { button, heard: new WeakSet(), wanted: undefined, busy: false }
  groups.set(button, group)
  group.over = event => {
    const figure = event.target instanceof Element ? event.target.closest(".descent-figure") : null
    if (!figure || group.heard.has(figure) || !figure.on) return
    const { surfaces, contours } = group.data
    const name = nameOf(figure)
    if (!surfaces.includes(name) && !contours.includes(name)) return
    group.heard.add(figure)
    listen(group, figure, surfaces.includes(name))
  }
  document.addEventListener("pointerover", group.over)
  button.addEventListener("click", () => save(group))
  return group
}

const nameOf = figure => figure.parentElement?.getAttribute("aria-label")

function found(name) {
  for (const place of document.querySelectorAll('.descent-plot[role="figure"]')) {
    const figure = place.querySelector(".descent-figure")
    if (place.getAttribute("aria-label") === name && figure?._fullLayout && place.isConnected) return figure
  }
  return null
}

const every = (group, names) => names.map(name => found(name)).filter(Boolean)

function listen(group, figure, isSurface) {
  figure.on("plotly_hover", event => {
    const point = event.points?.[0]
    if (point && Number.isFinite(Number(point.x)) && Number.isFinite(Number(point.y))) {
      wish(group, [Number(point.x), Number(point.y)])
    }
  })
  figure.addEventListener("pointerleave", () => wish(group, null))
  const follow = change => {
    if (group.following) return
    const update = isSurface ? turned(change) : zoomed(change)
    if (!update) return
    group.following = true
    const others = every(group, isSurface ? group.data.surfaces : group.data.contours).filter(each => each !== figure)
    Promise.all(others.map(each => window.Plotly.relayout(each, update)))
      .catch(() => {}) // a picture that went away meanwhile
      .finally(() => { group.following = false })
  }
  figure.on("plotly_relayout", follow)
  if (isSurface) figure.on("plotly_relayouting", follow)
}

function turned(change) {
  const camera = change["scene.camera"]
  return camera ? { "scene.camera": camera } : null
}

function zoomed(change) {
  const kept = Object.entries(change).filter(([name]) => /^[xy]axis\.(range|autorange)/.test(name))
  return kept.length ? Object.fromEntries(kept) : null
}

// Of several places that were wished for while one was drawn, only the newest is drawn.
function wish(group, at) {
  group.wanted = at
  if (group.busy) return
  group.busy = true
  requestAnimationFrame(async () => {
    try {
      while (group.wanted !== undefined) {
        const now = group.wanted
        group.wanted = undefined
        await show(group, now)
      }
    } catch {
      // a picture that went away while it was drawn; the next move finds the new ones
    } finally {
      group.busy = false
    }
  })
}

async function show(group, at) {
  const { surfaces, contours, cut, log } = group.data
  const planes = contours.map(found)
  planes.forEach(plane => plane && cross(plane, at))
  const drawings = surfaces.map((name, number) => {
    const surface = found(name)
    const plane = planes[number]
    return surface && plane ? window.Plotly.restyle(surface, mark(plane, at), [cursorOf(surface)]) : null
  })
  const slices = cut ? found(cut) : null
  if (slices) drawings.push(cutAt(slices, planes, at ?? group.data.at, log))
  await Promise.all(drawings)
}

const cursorOf = surface => surface.data.findIndex(trace => trace.name === "cursor")

function mark(plane, at) {
  const field = fieldOf(plane)
  if (!at || !field || !holds(field, at)) return { x: [[null]], y: [[null]], z: [[null]] }
  const height = field.z[nearest(field.y, at[1])]?.[nearest(field.x, at[0])]
  return { x: [[at[0]]], y: [[at[1]]], z: [[height ?? null]] }
}

const within = (ticks, value) => (value - ticks[0]) * (value - ticks[ticks.length - 1]) <= 0
const holds = (field, at) => within(field.x, at[0]) && within(field.y, at[1]) // two planes need not reach as far

const fieldOf = plane => plane._fullData?.find(trace => trace.type === "contour")

function nearest(ticks, value) {
  let best = 0
  for (let place = 1; place < ticks.length; place++) {
    if (Math.abs(ticks[place] - value) < Math.abs(ticks[best] - value)) best = place
  }
  return best
}

// Two fine lines over the contours: moved without drawing the picture again.
function cross(plane, at) {
  const layout = plane._fullLayout
  let lines = plane.querySelector(".descent-cross")
  if (!at || !holds(fieldOf(plane) ?? { x: [0], y: [0] }, at)) return lines?.remove()
  if (!lines) {
    lines = document.createElement("div")
    lines.className = "descent-cross"
    lines.style.cssText = "position:absolute;inset:0;pointer-events:none;overflow:hidden"
    lines.append(document.createElement("div"), document.createElement("div"))
    plane.style.position = "relative"
    plane.append(lines)
  }
  const { xaxis, yaxis } = layout
  const left = xaxis._offset + xaxis.l2p(at[0])
  const top = yaxis._offset + yaxis.l2p(at[1])
  const color = getComputedStyle(plane).getPropertyValue("--st-text-color") || "#1b2430"
  const common = `position:absolute;background:${color};opacity:0.65;`
  lines.children[0].style.cssText = `${common}width:1px;left:${left}px;top:${yaxis._offset}px;height:${yaxis._length}px`
  lines.children[1].style.cssText = `${common}height:1px;top:${top}px;left:${xaxis._offset}px;width:${xaxis._length}px`
}

function cutAt(slices, planes, at, log) {
  const update = { x: [], y: [], name: [] }
  const traces = []
  slices.data.forEach((trace, index) => {
    const field = trace.meta ? planes[trace.meta.picture] && fieldOf(planes[trace.meta.picture]) : null
    if (!field || !holds(field, at)) return
    const row = nearest(field.y, at[1])
    const column = nearest(field.x, at[0])
    const alongA = trace.meta.along === "a"
    const values = alongA ? Array.from(field.customdata[row]) : Array.from(field.customdata, each => each[column])
    const where = alongA ? `along a, at b = ${said(field.y[row])}` : `along b, at a = ${said(field.x[column])}`
    update.x.push(Array.from(alongA ? field.x : field.y))
    update.y.push(log ? values.map(value => (value > 0 ? value : null)) : values)
    update.name.push(where + trace.meta.which)
    traces.push(index)
  })
  return traces.length ? window.Plotly.restyle(slices, update, traces) : null
}

const said = value => String(Number(Number(value).toPrecision(3)))

// All pictures side by side, a landscape a row, with the title above: one PNG at twice the size.
async function save(group) {
  const { surfaces, contours, words, filename, title } = group.data
  const { button } = group
  button.disabled = true
  button.textContent = words.saving
  try {
    const rows = contours.map((name, number) => [surfaces[number] && found(surfaces[number]), found(name)].filter(Boolean))
    const images = await Promise.all(rows.map(row => Promise.all(row.map(imageOf))))
    const sheet = laidOut(images, title, getComputedStyle(button))
    const link = document.createElement("a")
    link.download = `${filename}.png`
    link.href = sheet.toDataURL("image/png")
    link.click()
  } finally {
    button.disabled = false
    button.textContent = words.save
  }
}

async function imageOf(figure) {
  const address = await window.Plotly.toImage(figure, {
    format: "png", scale: 2, width: figure.clientWidth, height: figure.clientHeight,
  })
  const image = new Image()
  image.src = address
  await image.decode()
  return image
}

function laidOut(rows, title, style) {
  const lines = title.split("\n")
  const head = 40 * lines.length + 24
  const width = Math.max(...rows.map(row => row.reduce((sum, image) => sum + image.width, 0)))
  const height = rows.reduce((sum, row) => sum + Math.max(...row.map(image => image.height)), head)
  const sheet = document.createElement("canvas")
  Object.assign(sheet, { width, height })
  const pen = sheet.getContext("2d")
  pen.fillStyle = style.getPropertyValue("--st-background-color").trim() || "#ffffff"
  pen.fillRect(0, 0, width, height)
  pen.fillStyle = style.getPropertyValue("--st-text-color").trim() || "#1b2430"
  pen.textBaseline = "middle"
  lines.forEach((line, number) => {
    const size = number ? 22 : 26
    pen.font = `${size}px ${style.fontFamily}`
    const smaller = Math.min(1, (width - 48) / pen.measureText(line).width)
    pen.font = `${size * smaller}px ${style.fontFamily}`
    pen.fillText(line, 24, 12 + 40 * (number + 0.5))
  })
  let top = head
  for (const row of rows) {
    let left = 0
    for (const image of row) {
      pen.drawImage(image, left, top)
      left += image.width
    }
    top += Math.max(...row.map(image => image.height))
  }
  return sheet
}
