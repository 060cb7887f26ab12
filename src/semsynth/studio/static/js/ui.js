/** Small things that all panels are made of: elements, icons, messages, dialogs, menus. */

import { ICONS } from "./icons.js";

/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Properties */

/**
 * Make an element. Names that begin with "on" are listeners; true is an attribute without a value, false is none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Properties} [properties]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * An element that the page has.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return /** @type {T} */ (element);
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * @param {string} label
 * @param {keyof typeof ICONS | null} symbol
 * @param {(event: MouseEvent) => void} click
 * @param {Properties} [properties]  `quiet: true` shows the icon alone
 */
export function button(label, symbol, click, properties = {}) {
  const { quiet, ...others } = properties;
  const text = quiet ? null : h("span", {}, label);
  const named = quiet ? { "aria-label": label, title: label } : {};
  return h("button", { type: "button", onclick: click, ...named, ...others }, symbol ? icon(symbol) : null, text);
}

/**
 * A slider with its name and value.
 * @param {string} label
 * @param {{min: number, max: number, step: number, value: number}} range
 * @param {(value: number) => void} change
 * @param {(value: number) => string} [words]
 */
export function slider(label, range, change, words = (value) => String(value)) {
  const output = h("output", {}, words(range.value));
  const input = h("input", { type: "range", ...range, "aria-label": label });
  input.value = String(range.value);
  input.addEventListener("input", () => {
    output.textContent = words(Number(input.value));
    change(Number(input.value));
  });
  const element = h("label", { class: "slider" }, h("span", {}, label), input, output);
  return {
    element,
    /** @param {number} value */
    set(value) {
      input.value = String(value);
      output.textContent = words(value);
    },
  };
}

/** Say something to people who cannot see it happen. @param {string} words */
export function announce(words) {
  byId("live").textContent = words;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let fading;

/**
 * Show a message for a while.
 * @param {string} words
 * @param {{kind?: "info" | "error", action?: [string, () => void], lasts?: number}} [how]
 */
export function toast(words, { kind = "info", action, lasts = 6000 } = {}) {
  const place = byId("toast");
  clearTimeout(fading);
  const hide = () => place.replaceChildren();
  const extra = action && button(action[0], null, () => (hide(), action[1]()), { class: "link" });
  const close = button("Close message", "close", hide, { quiet: true, class: "plain" });
  place.replaceChildren(h("div", { class: `toast ${kind}` }, h("span", {}, words), extra, close));
  fading = setTimeout(hide, lasts);
}

/** Take the message away. */
export function hideToast() {
  byId("toast").replaceChildren();
}

/**
 * A window over the page; Escape closes it.
 * @param {string} title
 * @param {Array<Node | string>} content
 * @param {string} [style]  a class
 * @returns {HTMLDialogElement} already open; it removes itself
 */
export function dialog(title, content, style = "") {
  const id = `dialog-${Math.random().toString(36).slice(2)}`;
  const close = button("Close", "close", () => element.close(), { quiet: true, class: "plain" });
  const header = h("header", {}, h("h2", { id }, title), close);
  const element = h("dialog", { class: style, "aria-labelledby": id }, header, ...content);
  element.addEventListener("close", () => element.remove());
  element.addEventListener("click", (event) => {
    if (event.target === element) element.close();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/**
 * A button that opens a menu.
 * @param {HTMLButtonElement} opener
 * @param {() => Array<HTMLElement | null>} items  buttons, or anything else to show
 */
export function menu(opener, items) {
  const popover = h("div", { class: "menu", popover: "auto", role: "group", "aria-label": opener.innerText });
  opener.after(popover);
  opener.setAttribute("aria-haspopup", "true");
  opener.setAttribute("aria-expanded", "false");
  opener.addEventListener("click", () => popover.togglePopover());
  popover.addEventListener("beforetoggle", (event) => {
    const opening = /** @type {ToggleEvent} */ (event).newState === "open";
    opener.setAttribute("aria-expanded", String(opening));
    if (!opening) return;
    popover.replaceChildren(...items().filter((item) => item !== null));
    const box = opener.getBoundingClientRect();
    popover.style.top = `${box.bottom + 6}px`;
    popover.style.left = `${box.left}px`;
  });
  popover.addEventListener("toggle", (event) => {
    if (/** @type {ToggleEvent} */ (event).newState === "open") {
      const room = document.documentElement.clientWidth - popover.offsetWidth - 8;
      popover.style.left = `${Math.max(8, Math.min(popover.offsetLeft, room))}px`;
      /** @type {HTMLElement | null} */ (popover.querySelector("button, input, select"))?.focus();
    }
  });
  popover.addEventListener("click", (event) => {
    const target = /** @type {HTMLElement} */ (event.target).closest("button");
    if (target && !target.dataset["stay"]) popover.hidePopover();
  });
  popover.addEventListener("keydown", (event) => {
    if (event.code !== "ArrowDown" && event.code !== "ArrowUp") return;
    const buttons = [...popover.querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    if (at < 0) return;
    event.preventDefault();
    buttons[(at + (event.code === "ArrowDown" ? 1 : -1) + buttons.length) % buttons.length].focus();
  });
  return popover;
}

/**
 * Let the person choose a file.
 * @param {string} accept
 * @returns {Promise<File | null>}
 */
export function chooseFile(accept) {
  return new Promise((resolve) => {
    const input = h("input", { type: "file", accept, hidden: true, "aria-label": "File" });
    input.addEventListener("change", () => (input.remove(), resolve(input.files?.[0] ?? null)));
    input.addEventListener("cancel", () => (input.remove(), resolve(null)));
    document.body.append(input);
    input.click();
  });
}

/**
 * Hand a file to the person.
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
