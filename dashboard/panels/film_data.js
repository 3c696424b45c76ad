// Brings a film to the page; it shows nothing itself. film_store.js stands above in one module.

export default function (component) {
  if (component.data instanceof Uint8Array) bringFilm(component.data)
}
