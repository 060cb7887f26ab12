/** The classes: what to paint with. A radio group with names, colours and patterns, searched and grouped. */

import { VOID } from "./labels.js";
import { patternOf } from "./render.js";
import { byId, h } from "./ui.js";

/** @import { LabelClass } from "./api.js" */
/** @import { Store } from "./store.js" */

const SWATCH = 24;

/**
 * @param {LabelClass} item
 * @param {number} index  its place in the class set
 * @param {boolean} patterned
 */
function swatch(item, index, patterned) {
  const canvas = h("canvas", { class: "swatch", width: SWATCH, height: SWATCH, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  context.fillStyle = `rgb(${item.color.join(" ")})`;
  context.fillRect(0, 0, SWATCH, SWATCH);
  if (!patterned) return canvas;
  const [r, g, b] = item.color;
  context.fillStyle = 0.3 * r + 0.6 * g + 0.1 * b > 128 ? "#000" : "#fff";
  const has = patternOf(index);
  for (let y = 0; y < SWATCH; y++) for (let x = 0; x < SWATCH; x++) if (has(x, y)) context.fillRect(x, y, 1, 1);
  return canvas;
}

export class Palette {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.search = /** @type {HTMLInputElement} */ (byId("class-search"));
    this.list = byId("classes");
    this.recent = byId("recent");
    this.search.addEventListener("input", () => this.#build());
    this.search.addEventListener("keydown", (event) => {
      if (event.code !== "Enter") return;
      /** @type {HTMLButtonElement | null} */ (this.list.querySelector("button"))?.click();
    });
    this.list.addEventListener("keydown", (event) => this.#keys(event));
    store.on("model", () => ((this.search.value = ""), this.#build()));
    store.on("brush", () => this.#mark());
    store.on("view", () => store.view.patterns !== this.patterned && this.#build());
    this.#build();
  }

  #build() {
    const { store } = this;
    this.patterned = store.view.patterns;
    const wanted = this.search.value.trim().toLowerCase();
    const all = store.model.classes.classes;
    this.search.parentElement?.toggleAttribute("hidden", all.length <= 12);
    /** @type {Map<string, HTMLElement[]>} */
    const groups = new Map();
    all.forEach((item, index) => {
      if (wanted && !`${item.name} ${item.group}`.toLowerCase().includes(wanted)) return;
      groups.set(item.group, [...(groups.get(item.group) ?? []), this.#entry(item, index)]);
    });
    const parts = [...groups].flatMap(([group, entries]) => (group ? [h("h3", {}, group), ...entries] : entries));
    this.list.replaceChildren(...(parts.length ? parts : [h("p", { class: "faint" }, "No class of this name.")]));
    this.#mark();
  }

  /** @param {LabelClass} item @param {number} index */
  #entry(item, index) {
    const key = index < 9 ? h("kbd", {}, String(index + 1)) : index === 9 ? h("kbd", {}, "0") : null;
    const choose = () => this.store.chooseClass(item.id);
    const names = { type: "button", role: "radio", class: "class", "data-id": item.id, onclick: choose };
    return h("button", names, swatch(item, index, this.store.view.patterns), h("span", {}, item.name), key);
  }

  #mark() {
    const { store } = this;
    const buttons = /** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll("[role=radio]"));
    let any = false;
    for (const button of buttons) {
      const chosen = Number(button.dataset["id"]) === store.painting.classId;
      any ||= chosen;
      button.setAttribute("aria-checked", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
      if (chosen && !button.matches(":hover")) button.scrollIntoView({ block: "nearest" });
    }
    if (!any && buttons[0]) buttons[0].tabIndex = 0;
    const all = store.model.classes.classes;
    const items = store.painting.recent.flatMap((id) => store.classOf(id) ?? []);
    this.recent.replaceChildren(
      ...(all.length > 12 ? items : []).map((item) => {
        const names = { type: "button", title: item.name, "aria-label": `Paint ${item.name}` };
        const picture = swatch(item, all.indexOf(item), store.view.patterns);
        return h("button", { ...names, onclick: () => store.chooseClass(item.id) }, picture);
      }),
    );
  }

  /** Arrows go through the radio group. @param {KeyboardEvent} event */
  #keys(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.code];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const buttons = [.../** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll("[role=radio]"))];
    const at = buttons.findIndex((button) => button === document.activeElement);
    const next = buttons[(at + step + buttons.length) % buttons.length];
    next?.focus();
    next?.click();
  }
}

/**
 * A choice of a class, or of none.
 * @param {Store} store
 * @param {string} label
 * @param {string} none  what choosing no class is called
 * @param {number | null} value
 * @param {(id: number | null) => void} change
 */
export function classSelect(store, label, none, value, change) {
  const options = store.model.classes.classes.map(({ id, name }) => h("option", { value: id }, name));
  const select = h("select", { "aria-label": label }, h("option", { value: "" }, none), ...options);
  select.value = value === null || value === VOID ? "" : String(value);
  select.addEventListener("change", () => change(select.value === "" ? null : Number(select.value)));
  return h("label", { class: "field" }, h("span", {}, label), select);
}
