/** The tools, and the settings of the one in hand. */

import { VOID } from "./labels.js";
import { classSelect } from "./palette.js";
import { button, byId, h, slider } from "./ui.js";

/** @import { ToolName } from "./state.js" */
/** @import { Store } from "./store.js" */
/** @import { Tools } from "./tools.js" */
/** @import { Shortcuts } from "./shortcuts.js" */

/** @type {ReadonlyArray<readonly [ToolName, string, string]>} name, label, what it does */
export const TOOLS = [
  ["brush", "Brush", "Paint freely"],
  ["eraser", "Eraser", "Take away what is painted"],
  ["line", "Line", "Drag from end to end; Shift: steps of 45°"],
  ["rectangle", "Rectangle", "Drag from corner to corner; Shift: a square"],
  ["ellipse", "Ellipse", "Drag from corner to corner; Shift: a circle"],
  ["polygon", "Polygon", "Click corners and close with a double click or Enter; or drag a lasso"],
  ["fill", "Fill", "Click a region; Shift: everywhere"],
  ["picker", "Pick", "Take the class under the pointer (with any tool: Alt and click)"],
  ["object", "Object", "Click an object to restyle, move or delete it"],
  ["hand", "Hand", "Drag to move around (with any tool: hold Space)"],
];

export class Toolbar {
  /**
   * @param {Store} store
   * @param {Tools} tools
   * @param {Shortcuts} shortcuts
   */
  constructor(store, tools, shortcuts) {
    this.store = store;
    this.tools = tools;
    this.options = byId("options");
    this.shown = "";
    /** @type {Map<"separate" | "fillEverywhere", HTMLInputElement>} */
    this.checks = new Map();
    byId("tools").replaceChildren(
      ...TOOLS.map(([name, label, does]) => {
        const key = shortcuts.label(`tool.${name}`);
        const title = `${label}${key ? ` (${key})` : ""}: ${does}`;
        const choose = () => this.choose(name);
        return button(label, name, choose, { quiet: true, class: "tool", "data-tool": name, title });
      }),
    );
    store.on(["brush", "model"], () => this.#update());
    this.#update();
  }

  /** @param {ToolName} name */
  choose(name) {
    if (this.tools.busy || this.tools.open) this.tools.cancel();
    this.store.paintWith({ tool: name });
  }

  #update() {
    const { model, painting } = this.store;
    for (const one of byId("tools").children) {
      one.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (one).dataset["tool"] === painting.tool));
    }
    // Built anew only when another tool needs others: a slider must not vanish while it is dragged.
    const { tool, only, eraseTo, brush } = painting;
    const wanted = [tool, model.id, only, eraseTo, brush.shape].join(" ");
    if (wanted !== this.shown) this.#build();
    this.shown = wanted;
    for (const [field, input] of this.checks) input.checked = painting[field];
    this.size?.set(brush.size);
  }

  #build() {
    const { store } = this;
    const { tool, brush, eraseTo, only } = store.painting;
    const tools = TOOLS.find(([name]) => name === tool);
    this.size = undefined;
    this.checks.clear();
    const parts = [h("strong", {}, tools?.[1] ?? "")];
    if (["brush", "eraser", "line"].includes(tool)) {
      this.size = slider("Size", { min: 1, max: 120, step: 1, value: brush.size }, (size) =>
        store.setBrush({ size }),
      );
      parts.push(this.size.element, this.#shape());
    }
    const paints = !["picker", "object", "hand"].includes(tool);
    if (tool === "eraser") {
      const set = (/** @type {number | null} */ id) => store.paintWith({ eraseTo: id ?? VOID });
      parts.push(classSelect(store, "Leaves", "nothing", eraseTo, set));
    }
    if (tool === "fill") parts.push(this.#check("Everywhere", "fillEverywhere", "All regions of the class at once"));
    if (paints) {
      const set = (/** @type {number | null} */ id) => store.paintWith({ only: id });
      parts.push(classSelect(store, "Only over", "anything", only, set));
    }
    if (paints && tool !== "eraser") {
      parts.push(this.#check("New object", "separate", "Keep it apart from an object of its class that it touches"));
    }
    if (!paints || tool === "polygon") parts.push(h("span", { class: "faint" }, tools?.[2] ?? ""));
    this.options.replaceChildren(...parts);
  }

  #shape() {
    const { brush } = this.store.painting;
    const one = (/** @type {"round" | "square"} */ shape, /** @type {"ellipse" | "rectangle"} */ symbol) =>
      button(shape === "round" ? "Round brush" : "Square brush", symbol, () => this.store.setBrush({ shape }), {
        quiet: true,
        class: "small",
        "aria-pressed": String(brush.shape === shape),
      });
    return h(
      "span",
      { class: "segmented", role: "group", "aria-label": "Brush shape" },
      one("round", "ellipse"),
      one("square", "rectangle"),
    );
  }

  /** @param {string} label @param {"separate" | "fillEverywhere"} field @param {string} title */
  #check(label, field, title) {
    const input = h("input", { type: "checkbox" });
    input.checked = this.store.painting[field];
    this.checks.set(field, input);
    input.addEventListener("change", () => this.store.paintWith({ [field]: input.checked }));
    return h("label", { class: "check", title }, input, h("span", {}, label));
  }
}
