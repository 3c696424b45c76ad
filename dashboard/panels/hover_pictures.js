// Shows the picture of the point under the pointer. The chart is another component: it is found by its label,
// and listened to once Plotly has drawn it.

const instances = new WeakMap() // one per place on the page

export default function (component) {
  const { data, parentElement } = component
  const place = parentElement.querySelector(".descent-hover-pictures")
  if (!place || !data) return

  const instance = instances.get(place) ?? { figure: null, picture: null, timer: 0 }
  instances.set(place, instance)
  instance.data = data
  if (!instance.timer) {
    instance.timer = setInterval(() => attach(instance), 300)
    attach(instance)
  }
  return () => {
    clearInterval(instance.timer)
    hide(instance)
    instances.delete(place)
  }
}

// The chart may be drawn after this component, or be replaced by a new one.
function attach(instance) {
  const found = [...document.querySelectorAll('[role="figure"]')].find(
    figure => figure.getAttribute("aria-label") === instance.data.chart
  )
  const drawn = found?.querySelector(".js-plotly-plot") ?? found?.querySelector(".descent-figure")
  if (!drawn?.on || drawn === instance.figure) return
  instance.figure = drawn
  drawn.on("plotly_hover", event => show(instance, event))
  drawn.on("plotly_unhover", () => hide(instance))
  drawn.addEventListener("mouseleave", () => hide(instance))
}

function show(instance, event) {
  const number = Number(event.points?.[0]?.customdata)
  if (!Number.isInteger(number)) return hide(instance)
  const { atlas, height, width, columns, factor } = instance.data
  if (!instance.picture) {
    instance.picture = document.createElement("div")
    instance.picture.className = "descent-hover-picture"
    document.body.append(instance.picture)
  }
  const style = instance.picture.style
  const pointer = event.event ?? { clientX: 0, clientY: 0 }
  style.backgroundImage = `url(${atlas})`
  style.backgroundSize = `${columns * width * factor}px auto`
  style.backgroundPosition = `${-(number % columns) * width * factor}px ${-Math.floor(number / columns) * height * factor}px`
  style.width = `${width * factor}px`
  style.height = `${height * factor}px`
  const right = pointer.clientX + 18 + width * factor < window.innerWidth
  style.left = `${right ? pointer.clientX + 18 : pointer.clientX - 18 - width * factor}px`
  style.top = `${Math.min(pointer.clientY + 14, window.innerHeight - height * factor - 8)}px`
  style.display = "block"
  instance.picture.dataset.sample = String(number)
}

function hide(instance) {
  instance.picture?.remove()
  instance.picture = null
}
