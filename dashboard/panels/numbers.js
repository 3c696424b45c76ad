// Writes a row of numbers; what stays the same is not touched.

export default function (component) {
  const list = component.parentElement.querySelector(".descent-numbers")
  const rows = component.data?.numbers
  if (!list || !rows) return
  while (list.children.length > rows.length) list.lastElementChild.remove()
  while (list.children.length < rows.length) {
    const group = document.createElement("div")
    group.append(document.createElement("dt"), document.createElement("dd"))
    list.append(group)
  }
  rows.forEach(({ label, value, about }, place) => {
    const group = list.children[place]
    write(group.children[0], label)
    write(group.children[1], value)
    if (group.title !== about) group.title = about
    group.classList.toggle("told", Boolean(about))
  })
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}
