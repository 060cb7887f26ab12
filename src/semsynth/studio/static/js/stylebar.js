/** Under the photo: seeds, style photo, variations, comparison, what was made before. */

import { ApiError, examplePath, examples, exampleFile, styleOf, synthesize } from "./api.js";
import { idsFile, instancesFile } from "./files.js";
import { cells, styleRequest } from "./photo.js";
import { announce, button, byId, chooseFile, dialog, h, menu, toast } from "./ui.js";

/** @import { Store } from "./store.js" */

const VARIATIONS = 9;
const SEEDS = 1_000_000;

/** A seed that was not asked for. */
export const anySeed = () => Math.floor(Math.random() * SEEDS);

export class StyleBar {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.bar = byId("style-bar");
    this.seed = h("input", { type: "number", min: 0, max: 2 ** 53 - 1, step: 1, id: "seed", "aria-label": "Seed" });
    this.seed.addEventListener("change", () => {
      const seed = Math.floor(Number(this.seed.value));
      if (seed >= 0 && Number.isSafeInteger(seed)) this.take(seed);
    });
    this.dice = button("Another look", "dice", () => this.roll(), { class: "primary", id: "dice" });
    this.variations = button("Variations", "grid", () => this.grid(anySeed()), { id: "variations" });
    this.photo = button("Style photo", "image", () => {}, { id: "style-photo" });
    this.compare = button("Compare", "compare", () => {}, { id: "compare" });
    /** The style photo on the chip. @type {Blob | null} */
    this.shown = null;
    this.chip = h("span", { class: "chip", hidden: true });
    const seed = h("label", { class: "field" }, h("span", {}, "Seed"), this.seed);
    this.bar.replaceChildren(this.dice, seed, this.variations, this.photo, this.chip, this.compare);
    menu(this.photo, () => this.#styles());
    menu(this.compare, () => this.#models());
    store.on(["style", "model"], () => this.#update());
    this.#update();
  }

  #update() {
    const { style, model, models } = this.store;
    const { abilities } = model;
    this.seed.value = String(style.seed);
    const several = abilities.styles || abilities.images_per_layout > 1;
    for (const one of [this.dice, this.seed.parentElement]) one?.toggleAttribute("hidden", !abilities.styles);
    this.variations.hidden = !several;
    this.photo.hidden = !abilities.reads_photos;
    this.compare.hidden = models.filter(({ classes }) => classes.name === model.classes.name).length < 2;
    this.chip.hidden = !style.photo;
    if (style.photo && style.photo !== this.shown) {
      const url = URL.createObjectURL(style.photo);
      const picture = h("img", { src: url, alt: "Style photo", onload: () => URL.revokeObjectURL(url) });
      const away = () => this.store.restyle("Style without a photo", { photo: null, vector: null });
      this.chip.replaceChildren(picture, button("Remove style photo", "close", away, { quiet: true, class: "plain" }));
    }
    this.shown = style.photo;
  }

  /** Another seed. */
  roll() {
    if (!this.store.model.abilities.styles) return toast("This model makes one photo of a layout.");
    return this.take(anySeed());
  }

  /** @param {number} seed */
  take(seed) {
    this.store.restyle(`Seed ${seed}`, { seed, vector: null, photo: null });
    announce(`Seed ${seed}`);
  }

  /**
   * Take the look from a photo.
   * @param {Blob} photo
   */
  async usePhoto(photo) {
    const { model } = this.store;
    try {
      const vector = model.abilities.style_vector ? await styleOf(model.id, photo) : null;
      if (model === this.store.model) this.store.restyle("Style photo", { photo, vector });
      announce("The photo gives the style now.");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, { kind: "error" });
    }
  }

  #styles() {
    const choose = async () => {
      const file = await chooseFile("image/*");
      if (file) await this.usePhoto(file);
    };
    const gallery = h("div", { class: "gallery" });
    this.#fillGallery(gallery);
    const hint = h("p", { class: "faint" }, "Or drop a photo on the picture.");
    return [button("Choose a photo …", "open", choose), hint, gallery];
  }

  /** @param {HTMLElement} gallery */
  async #fillGallery(gallery) {
    const photos = (await examples().catch(() => [])).filter(({ photo }) => photo).slice(0, 12);
    gallery.replaceChildren(
      ...photos.map(({ name }) => {
        const take = async () => this.usePhoto(new Blob([await exampleFile(name, "photo")], { type: "image/png" }));
        const picture = h("img", { src: examplePath(name, "photo"), alt: "", loading: "lazy" });
        return h("button", { type: "button", "aria-label": `Style of ${name}`, onclick: take }, picture);
      }),
    );
  }

  #models() {
    const { store } = this;
    const others = store.models.filter((one) => one !== store.model && one.classes.name === store.model.classes.name);
    const entries = others.map((one) => button(`Beside ${one.name}`, "compare", () => store.compare(one)));
    return [...entries, store.compared ? button("One model again", "close", () => store.compare(null)) : null];
  }

  /**
   * Show photos of several seeds to pick from.
   * @param {number} first
   */
  async grid(first) {
    const { store } = this;
    const { model, layer } = store;
    const together = model.abilities.images_per_layout;
    const count = together > 1 ? together : VARIATIONS;
    const place = h("div", { class: "variations" });
    const more = button("More", "dice", () => (shown.close(), this.grid(anySeed())));
    const shown = dialog(
      "Variations",
      [place, h("footer", {}, h("span", { class: "faint" }, "Pick one to go on with it."), more)],
      "wide",
    );
    place.replaceChildren(...Array.from({ length: count }, () => h("div", { class: "waiting" })));
    try {
      const label = await idsFile(layer, model.classes);
      const instances = model.abilities.uses_instances ? await instancesFile(layer) : null;
      const style = { ...store.style, seed: first, vector: null, photo: null };
      const { options } = styleRequest({ style, model, layer }, model);
      const sheet = await synthesize(model.id, { label, instances }, { ...options, count });
      if (!sheet) return;
      const pictures = await cells(sheet);
      place.replaceChildren(
        ...pictures.map((picture, i) => {
          const pick = () => (shown.close(), together > 1 ? undefined : this.take(first + i));
          return h("button", { type: "button", "aria-label": `Seed ${first + i}`, onclick: pick }, picture);
        }),
      );
      /** @type {HTMLElement | null} */ (place.querySelector("button"))?.focus();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      place.replaceChildren(h("p", { class: "error" }, error.message));
    }
  }
}

/** Photos that were made, newest first; each with the layout and style that made it. */
export class Strip {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    this.strip = byId("strip");
    /** @type {HTMLElement[]} */
    this.elements = [];
    /** Whether the next photo is of a complete step. */
    this.due = false;
    store.on(["committed", "style"], () => (this.due = true));
    store.on("layer", () => this.#clear());
  }

  #clear() {
    this.elements = [];
    this.due = true;
    this.strip.replaceChildren();
  }

  /** A photo of what is there now. */
  add() {
    const { store } = this;
    if (!this.due || !store.photo) return;
    this.due = false;
    const { width, height } = store.photo.bitmap;
    const small = h("canvas", { width: Math.round((64 * width) / height), height: 64 });
    small.getContext("2d")?.drawImage(store.photo.bitmap, 0, 0, small.width, small.height);
    const { ids, instances } = store.history.committed;
    const maps = { ids: ids.slice(), instances: instances.slice() };
    const { style } = store;
    const back = () => {
      store.layer.replace(maps);
      store.commit("Back to an earlier photo", { style });
    };
    const element = h(
      "button",
      { type: "button", "aria-label": `Back to photo ${this.elements.length + 1}`, onclick: back },
      small,
    );
    this.strip.prepend(element);
    this.elements.push(element);
    const kept = Math.max(4, Math.min(40, Math.floor(2 ** 25 / maps.ids.length)));
    while (this.elements.length > kept) this.elements.shift()?.remove();
  }
}
