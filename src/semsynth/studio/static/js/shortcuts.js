/** Keys for every action, by their place on the keyboard (event.code), so that other layouts lose none. */

import { button, dialog, h } from "./ui.js";

/**
 * @typedef {object} Command
 * @property {string} id
 * @property {string} group
 * @property {string} label
 * @property {string[]} keys  such as "Ctrl+KeyZ"; Ctrl stands for Command on Apple's keyboards
 * @property {(event: KeyboardEvent | null) => void} run
 * @property {boolean} [canvas]  only while a canvas has the focus
 */

const STORED = "semsynth-keys";
const APPLE = /Mac|iP(hone|ad)/.test(navigator.userAgent);

/** @param {KeyboardEvent} event */
function keyOf(event) {
  const held = [
    event.ctrlKey || event.metaKey ? "Ctrl+" : "",
    event.altKey ? "Alt+" : "",
    event.shiftKey ? "Shift+" : "",
  ];
  return held.join("") + event.code;
}

const NAMES = /** @type {Record<string, string>} */ ({
  BracketLeft: "[",
  BracketRight: "]",
  Slash: "/",
  Equal: "+",
  Minus: "−",
  Comma: ",",
  Period: ".",
  Escape: "Esc",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Backspace: "⌫",
  Delete: "Del",
});

/** What people call a key. @param {string} key */
function keyName(key) {
  if (key === "Shift+Slash") return "?";
  const parts = key.split("+");
  const code = /** @type {string} */ (parts.pop());
  const name = NAMES[code] ?? code.replace(/^(Key|Digit)/, "");
  const held = parts.map((part) => (APPLE && part === "Ctrl" ? "⌘" : part));
  return [...held, name].join(APPLE ? "" : "+");
}

export class Shortcuts {
  /**
   * @param {() => Command[]} commands
   * @param {(id: string) => boolean} allowed  whether a command may run now
   */
  constructor(commands, allowed) {
    this.commands = commands;
    this.allowed = allowed;
    /** @type {Record<string, string[]>} */
    this.changed = {};
    try {
      this.changed = JSON.parse(localStorage.getItem(STORED) ?? "{}");
    } catch {
      // Keys that cannot be read are the usual ones.
    }
    window.addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** @param {Command} command */
  keys(command) {
    return this.changed[command.id] ?? command.keys;
  }

  /** The first key of a command, as people call it. @param {string} id */
  label(id) {
    const command = this.commands().find((one) => one.id === id);
    const [key] = command ? this.keys(command) : [];
    return key ? keyName(key) : "";
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("dialog[open]") || event.defaultPrevented || event.isComposing) return;
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && target.closest("input:not([type=checkbox], [type=range]), textarea, select")) return;
    const onCanvas = target.matches("canvas, body");
    // Buttons, sliders and menus keep the keys that work them.
    const own = ["Enter", "Space", "Tab", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
    if (!onCanvas && plain && own.includes(event.code)) return;
    const key = keyOf(event);
    const command = this.commands().find((one) => this.keys(one).includes(key) && (!one.canvas || onCanvas));
    if (!command) return;
    event.preventDefault();
    if (this.allowed(command.id)) command.run(event);
  }

  /** Show all keys; each can be changed. */
  show() {
    /** @type {Map<string, Command[]>} */
    const groups = new Map();
    for (const command of this.commands()) {
      groups.set(command.group, [...(groups.get(command.group) ?? []), command]);
    }
    const sections = [...groups].map(([group, commands]) =>
      h("section", {}, h("h3", {}, group), ...commands.map((command) => this.#row(command))),
    );
    const reset = button("Back to the usual keys", null, () => this.#reset(), { class: "link" });
    const note = h("p", { class: "faint" }, "Choose a key to change it: then press the new one.");
    dialog("Keyboard", [h("div", { class: "keys" }, ...sections), h("footer", {}, note, reset)], "wide");
  }

  /** @param {Command} command */
  #row(command) {
    const names = () => this.keys(command).map(keyName).join("  ") || "–";
    const change = button(
      names(),
      null,
      () => {
        change.textContent = "press a key …";
        change.addEventListener(
          "keydown",
          (event) => {
            if (["Shift", "Control", "Alt", "Meta"].includes(event.key) || event.code === "Tab") return;
            event.preventDefault();
            event.stopPropagation();
            if (event.code !== "Escape") this.#set(command, keyOf(event));
            change.textContent = names();
          },
          { once: true },
        );
      },
      { class: "key", "aria-label": `${names()}: change the key of ${command.label}` },
    );
    return h("div", { class: "row" }, h("span", {}, command.label), change);
  }

  /** @param {Command} command @param {string} key */
  #set(command, key) {
    for (const other of this.commands()) {
      const keys = this.keys(other);
      if (other !== command && keys.includes(key)) this.changed[other.id] = keys.filter((one) => one !== key);
    }
    this.changed[command.id] = [key];
    localStorage.setItem(STORED, JSON.stringify(this.changed));
  }

  #reset() {
    this.changed = {};
    localStorage.removeItem(STORED);
    /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog[open]"))?.close();
    this.show();
  }
}
