/** New and open: the ways into the editor. */

import { examplePath, exampleFile, examples, randomExample, segment } from "./api.js";
import { asLayout, instancesOf, readLayout } from "./files.js";
import { attempt } from "./exports.js";
import { LabelLayer } from "./labels.js";
import { decode } from "./png.js";
import { openProject } from "./project.js";
import { anySeed } from "./stylebar.js";
import { announce, button, chooseFile, dialog, h, toast } from "./ui.js";

/** @import { Example, Size } from "./api.js" */
/** @import { Store } from "./store.js" */
/** @import { StyleBar } from "./stylebar.js" */

/** The longest side of a layout that the segmenter makes of a photo. */
const SEGMENTED = 512;
/** Pixels around an edit of a photo that are replaced as well, at first. */
const MARGIN = 6;

export class Menus {
  /**
   * @param {Store} store
   * @param {StyleBar} styles
   * @param {() => void} leaving  called before another project begins
   */
  constructor(store, styles, leaving) {
    this.store = store;
    this.styles = styles;
    this.leaving = leaving;
  }

  /** @param {LabelLayer} layer @param {string} title */
  #begin(layer, title) {
    this.leaving();
    this.store.begin(layer, title);
    if (["object", "picker", "hand"].includes(this.store.painting.tool)) this.store.paintWith({ tool: "brush" });
    announce(`${title || "A new layout"} is open`);
  }

  /** Choose what to begin with. */
  async new() {
    const { store } = this;
    const { width, height } = store.model.sizes.default;
    const place = h("div", { class: "cards" });
    const blank = h(
      "button",
      { type: "button", class: "card blank", onclick: () => (shown.close(), this.blank({ width, height })) },
      h("span", { class: "sheet" }),
      h("span", {}, "Blank"),
    );
    const random = h(
      "button",
      { type: "button", class: "card", onclick: () => (shown.close(), this.random()) },
      h("span", { class: "sheet dice" }, "?"),
      h("span", {}, "Surprise me"),
    );
    const size = this.#size(() => shown.close());
    const shown = dialog(
      "New layout",
      [h("p", { class: "faint" }, "Begin with an empty sheet, or paint on an example."), place, size ?? ""],
      "wide",
    );
    place.replaceChildren(blank);
    const all = (await examples().catch(() => [])).filter(({ models }) => models.includes(store.model.id));
    if (all.length) place.append(random);
    place.append(
      ...all.slice(0, 22).map((example) => {
        const picture = h("img", { src: examplePath(example.name, "preview"), alt: "", loading: "lazy" });
        const open = () => (shown.close(), this.example(example));
        return h("button", { type: "button", class: "card", onclick: open }, picture, h("span", {}, example.name));
      }),
    );
  }

  /** A blank sheet of another size, for models that make several. @param {() => void} close */
  #size(close) {
    const { sizes } = this.store.model;
    if (sizes.fixed) return null;
    const side = (/** @type {string} */ label, /** @type {number} */ value, /** @type {number} */ step) =>
      h("input", { type: "number", min: step, max: 4096, step, value, "aria-label": label });
    const width = side("Width", sizes.default.width, sizes.multiple_of.width);
    const height = side("Height", sizes.default.height, sizes.multiple_of.height);
    const make = () => {
      const size = { width: Number(width.value), height: Number(height.value) };
      if (!(size.width >= 1 && size.height >= 1 && size.width * size.height <= sizes.max_pixels)) {
        toast(`A layout has at most ${sizes.max_pixels} pixels.`, { kind: "error" });
        return;
      }
      close();
      this.blank(size);
    };
    return h(
      "footer",
      {},
      h("span", {}, "Blank of "),
      width,
      h("span", {}, " × "),
      height,
      button("Make", "new", make),
    );
  }

  /** @param {Size} size */
  blank({ width, height }) {
    this.#begin(new LabelLayer(width, height), "Untitled");
  }

  /** @param {Example} example */
  async example({ name, instances }) {
    await attempt("The example cannot be opened", async () => {
      const [label, objects] = await Promise.all([
        exampleFile(name, "label"),
        instances ? exampleFile(name, "instances") : null,
      ]);
      this.#begin(await readLayout(label, objects, this.store.model.classes), name);
    });
  }

  async random() {
    await attempt("There is no example", async () => {
      await this.example(await randomExample(this.store.model.id, anySeed()));
    });
  }

  /** Open a file that the person chooses. */
  async open() {
    const file = await chooseFile("image/*,.zip,.semsynth");
    if (file) await this.file(file);
  }

  /**
   * Open a file: a project, a label map, or a photo.
   * @param {File} file
   */
  async file(file) {
    await attempt(`${file.name} cannot be opened`, async () => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
        this.leaving();
        await openProject(this.store, bytes);
        announce(`${file.name} is open`);
        return;
      }
      const { layer, reason } = await asLayout(bytes, this.store.model.classes);
      if (layer) this.#begin(layer, file.name.replace(/\.\w+$/, ""));
      else await this.photo(file, reason);
    });
  }

  /** Take the objects of the layout from an instance map. */
  async instances() {
    const file = await chooseFile("image/png");
    if (!file) return;
    await attempt(`${file.name} cannot be used`, async () => {
      const { layer } = this.store;
      const instances = instancesOf(await decode(new Uint8Array(await file.arrayBuffer())), layer);
      layer.replace({ ids: layer.ids, instances });
      this.store.commit("Instance map");
    });
  }

  /**
   * Ask what a photo is for.
   * @param {File} file
   * @param {string} [reason]  why it is no label map
   */
  async photo(file, reason = "") {
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (!bitmap) throw new Error(reason || "this is neither a picture nor a project");
    const { abilities } = this.store.model;
    const preview = h("canvas", { width: 240, height: Math.max(1, Math.round((240 * bitmap.height) / bitmap.width)) });
    preview.getContext("2d")?.drawImage(bitmap, 0, 0, preview.width, preview.height);
    const act = (/** @type {() => unknown} */ run) => () => (shown.close(), run());
    const edit = button(
      "Edit this photo",
      "wand",
      act(() => this.segment(file, bitmap)),
      { class: "primary" },
    );
    if (!abilities.segmenter) edit.disabled = true;
    const shown = dialog("What is this photo for?", [
      preview,
      ...(reason ? [h("p", { class: "faint" }, `It is not a label map of this model: ${reason}.`)] : []),
      h(
        "div",
        { class: "stack" },
        abilities.reads_photos
          ? button(
              "Take its style",
              "image",
              act(() => this.styles.usePhoto(file)),
            )
          : null,
        edit,
        abilities.segmenter
          ? null
          : h("p", { class: "faint" }, "Editing needs a segmenter, and the server has none for this model."),
        button(
          "Paint over it",
          "layers",
          act(() => this.reference(file, bitmap)),
        ),
      ),
    ]);
  }

  /** Lay a photo under the labels. @param {Blob} blob @param {ImageBitmap} bitmap */
  reference(blob, bitmap) {
    const { store } = this;
    const { opacity } = store.view;
    store.refer({ blob, bitmap, base: null, margin: MARGIN });
    store.look({ opacity: { ...opacity, label: Math.min(opacity.label, 0.6), reference: 1 } });
  }

  /** Edit the person's own photo. @param {Blob} blob @param {ImageBitmap} bitmap */
  async segment(blob, bitmap) {
    const { store } = this;
    toast("Looking at the photo …", { lasts: 60000 });
    await attempt("The photo cannot be edited", async () => {
      const scale = Math.min(1, SEGMENTED / Math.max(bitmap.width, bitmap.height));
      const size = { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) };
      const label = await segment(store.model.id, blob, size);
      this.#begin(await readLayout(label, null, store.model.classes), "My photo");
      store.refer({ blob, bitmap, base: store.layer.maps(), margin: MARGIN });
      toast("Paint or move something: only that part of your photo changes.");
      if (store.model.abilities.reads_photos) await this.styles.usePhoto(blob);
    });
  }
}
