/** The header: projects, history, models; and the menu of layers. */

import { button, byId, h, icon, menu, slider } from "./ui.js";

/** @import { App } from "./main.js" */
/** @import { Store } from "./store.js" */

/** @param {App} app */
export function buildHeader(app) {
  const { menus, store } = app;
  const on = (/** @type {string} */ id, /** @type {() => void} */ act) => byId(id).addEventListener("click", act);
  const symbols = /** @type {const} */ ({
    new: "new",
    open: "open",
    export: "export",
    layers: "layers",
    undo: "undo",
    redo: "redo",
    keys: "keyboard",
    theme: "theme",
  });
  for (const [id, name] of Object.entries(symbols)) byId(id).prepend(icon(/** @type {"new"} */ (name)));
  on("new", () => menus.new());
  on("undo", () => app.undo());
  on("redo", () => app.redo());
  on("theme", () => app.toggleTheme());
  on("keys", () => app.shortcuts.show());
  on("zoom", () => app.stage.fit());
  const opening = () => [
    button("A file: label map, photo, project …", "open", () => menus.open()),
    button("An example …", "grid", () => menus.new()),
    button("An instance map for this layout …", "object", () => menus.instances()),
  ];
  menu(/** @type {HTMLButtonElement} */ (byId("open")), opening);
  menu(/** @type {HTMLButtonElement} */ (byId("export")), () => app.exports.entries());
  menu(/** @type {HTMLButtonElement} */ (byId("layers")), () => layers(store));
  const select = /** @type {HTMLSelectElement} */ (byId("model"));
  select.replaceChildren(...store.models.map(({ id, name }) => h("option", { value: id }, name)));
  select.addEventListener("change", () => {
    const model = store.models.find(({ id }) => id === select.value);
    if (model && model.classes.name !== store.model.classes.name) app.leaving();
    if (model) store.useModel(model);
  });
  store.on("model", () => (select.value = store.model.id));
  select.hidden = store.models.length < 2;
  const title = /** @type {HTMLInputElement} */ (byId("title"));
  title.addEventListener("change", () => store.rename(title.value));
  store.on(["title", "layer"], () => (title.value = store.title));
  const before = byId("before");
  for (const [type, on] of /** @type {const} */ ([
    ["pointerdown", true],
    ["pointerup", false],
    ["pointerleave", false],
    ["blur", false],
  ])) {
    before.addEventListener(type, () => app.before(on, null));
  }
  window.addEventListener("keyup", () => app.before(false, null));
}

/**
 * What can be seen, and how strongly.
 * @param {Store} store
 */
function layers(store) {
  const percent = (/** @type {number} */ value) => `${Math.round(100 * value)} %`;
  const one = (/** @type {string} */ label, /** @type {keyof Store["view"]["opacity"]} */ field) =>
    slider(
      label,
      { min: 0, max: 1, step: 0.05, value: store.view.opacity[field] },
      (value) => {
        store.look({ opacity: { ...store.view.opacity, [field]: value } });
      },
      percent,
    ).element;
  const check = (/** @type {string} */ label, /** @type {"patterns" | "live"} */ field) => {
    const input = h("input", { type: "checkbox" });
    input.checked = store.view[field];
    input.addEventListener("change", () => store.look({ [field]: input.checked }));
    return h("label", { class: "check" }, input, h("span", {}, label));
  };
  const { reference } = store;
  const margin = !reference?.base
    ? null
    : slider("Margin of edits", { min: 0, max: 40, step: 1, value: reference.margin }, (value) =>
        store.refer({ ...reference, margin: value }),
      ).element;
  return [
    one("Labels", "label"),
    one("Photo", "photo"),
    reference && one("Reference photo", "reference"),
    one("Object outlines", "outlines"),
    margin,
    check("Patterns of classes", "patterns"),
    check("Photo follows while painting", "live"),
    reference &&
      button("Remove the reference photo", "trash", () => store.refer(null)),
  ];
}
