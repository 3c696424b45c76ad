// A new element, with a class unless that is empty, at the end of a parent where there is one.
function element(name, className, parent) {
  const made = document.createElement(name)
  if (className) made.className = className
  parent?.append(made)
  return made
}
