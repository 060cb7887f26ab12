/** What can be done with the chosen object: pictured styles, another class, a copy, forward, away. */

import { ApiError, styleChoices } from "./api.js";
import { idsFile, instancesFile } from "./files.js";
import { duplicate, relabel, remove, wholeShape } from "./objects.js";
import { cells } from "./photo.js";
import { classSelect } from "./palette.js";
import { announce, button, byId, h, toast } from "./ui.js";

/** @import { Store } from "./store.js" */
/** @import { Tools } from "./tools.js" */
/** @import { Shape } from "./objects.js" */

export class ObjectCard {
  /**
   * @param {Store} store
   * @param {Tools} tools
   */
  constructor(store, tools) {
    this.store = store;
    this.tools = tools;
    this.card = byId("object-card");
    store.on(["selection", "model", "layer"], () => this.#build());
    this.#build();
  }

  #build() {
    const { store, tools, card } = this;
    const shape = tools.selected();
    card.hidden = shape === null;
    if (!shape) return;
    const item = store.classOf(shape.id);
    const modes = store.model.abilities.object_styles ? (item?.modes ?? 0) : 0;
    const set = (/** @type {number | null} */ id) => id !== null && this.relabel(id);
    card.replaceChildren(
      h("header", {}, h("strong", {}, store.nameOf(shape.id)), h("span", { class: "faint" }, this.#measures(shape))),
      h(
        "div",
        { class: "actions" },
        modes ? button("Restyle", "wand", () => this.restyle(), { class: "primary" }) : null,
        button("Duplicate", "copy", () => this.duplicate()),
        button("Forward", "forward", () => this.forward(), { title: "Paint it over what covers it" }),
        button("Delete", "trash", () => this.remove(), { class: "danger" }),
      ),
      classSelect(store, "Make it", `a ${store.nameOf(shape.id)} (now)`, null, set),
      h("p", { class: "faint" }, "Drag it, or move it with the arrow keys."),
      h("div", { class: "choices", id: "style-choices" }),
    );
  }

  /** @param {Shape} shape */
  #measures({ box, places }) {
    return `${box.x1 - box.x0} × ${box.y1 - box.y0}, ${places.length} pixels`;
  }

  /** @param {(shape: Shape) => void} act */
  #with(act) {
    const shape = this.tools.selected();
    if (!shape) return announce("No object is chosen.");
    this.tools.release();
    return act(shape);
  }

  remove() {
    this.#with((shape) => {
      const { store } = this;
      remove(store.layer, shape, store.model.classes.classes);
      store.commit(`Delete ${store.nameOf(shape.id)}`, { selection: null });
      announce(`${store.nameOf(shape.id)} deleted`);
    });
  }

  duplicate() {
    this.#with((shape) => {
      const { store } = this;
      const { box } = shape;
      const [w, tall] = [box.x1 - box.x0, box.y1 - box.y0];
      // Beside it where there is room, else below, else a little off.
      const places = [
        [w + 2, 0],
        [-w - 2, 0],
        [0, tall + 2],
        [0, -tall - 2],
      ];
      const fits = (/** @type {number[]} */ [dx, dy]) =>
        store.layer.has(box.x0 + dx, box.y0 + dy) && store.layer.has(box.x1 - 1 + dx, box.y1 - 1 + dy);
      const [dx, dy] = places.find(fits) ?? [8, 8];
      const copy = duplicate(store.layer, shape, store.model.classes.classes, dx, dy);
      if (copy === null) return;
      const { style } = store;
      const mode = style.objects[shape.instance];
      const same = mode === undefined ? style : { ...style, objects: { ...style.objects, [copy]: mode } };
      store.commit(`Duplicate ${store.nameOf(shape.id)}`, { style: same, selection: copy });
      announce(`${store.nameOf(shape.id)} duplicated`);
    });
  }

  forward() {
    this.#with((shape) => {
      const { store } = this;
      const whole = wholeShape(
        store.history.done.map(({ runs }) => runs),
        shape,
      );
      store.layer.write(whole, shape.id, shape.instance);
      if (!store.commit(`Bring ${store.nameOf(shape.id)} forward`))
        toast("Nothing that was painted covers this object.");
    });
  }

  /** @param {number} id */
  relabel(id) {
    this.#with((shape) => {
      const { store } = this;
      const selection = relabel(store.layer, shape, store.model.classes.classes, id);
      store.commit(`${store.nameOf(shape.id)} becomes ${store.nameOf(id)}`, { selection });
    });
  }

  /** Show the object in every style of its class. */
  restyle() {
    this.#with(async (shape) => {
      const { store } = this;
      if (!store.model.abilities.object_styles) {
        toast("This model has one style for the whole picture: try another look, or variations.");
        return;
      }
      const place = byId("style-choices");
      place.replaceChildren(h("p", { class: "faint busy" }, "Making pictures of the styles …"));
      const { layer, model, style } = store;
      const files = { label: await idsFile(layer, model.classes), instances: await instancesFile(layer) };
      try {
        const options = { object: shape.instance, seed: style.seed, object_styles: style.objects };
        const sheet = await styleChoices(model.id, files, options);
        if (sheet && store.selection === shape.instance) this.#show(shape, await cells(sheet));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        place.replaceChildren(h("p", { class: "error" }, error.message));
      }
    });
  }

  /** @param {Shape} shape @param {HTMLCanvasElement[]} pictures */
  #show(shape, pictures) {
    const { store } = this;
    const choices = pictures.map((picture, mode) => {
      const chosen = store.style.objects[shape.instance] === mode;
      const names = { type: "button", "aria-label": `Style ${mode + 1}`, "aria-pressed": String(chosen) };
      const take = () => {
        store.restyle(`Restyle ${store.nameOf(shape.id)}`, {
          objects: { ...store.style.objects, [shape.instance]: mode },
        });
        for (const other of choices) other.setAttribute("aria-pressed", String(other === choices[mode]));
      };
      return h("button", { ...names, onclick: take }, picture);
    });
    byId("style-choices").replaceChildren(...choices);
    choices[0]?.focus();
  }
}
