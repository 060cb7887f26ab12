/** New, open, export: the ways into the editor and out of it. */

import { ApiError, examplePath, exampleFile, examples, randomExample, segment } from "./api.js";
import { asLayout, colorsFile, idsFile, instancesFile, instancesOf, readLayout } from "./files.js";
import { LabelLayer } from "./labels.js";
import { decode } from "./png.js";
import { openProject, projectFile } from "./project.js";
import { composite } from "./segment.js";
import { anySeed } from "./stylebar.js";
import { announce, button, chooseFile, dialog, download, h, toast } from "./ui.js";

/** @import { Example, Size } from "./api.js" */
/** @import { PhotoMaker } from "./photo.js" */
/** @import { Store } from "./store.js" */
/** @import { StyleBar } from "./stylebar.js" */

/** The longest side of a layout that the segmenter makes of a photo. */
const SEGMENTED = 512;

export class Menus {
  /**
   * @param {Store} store
   * @param {StyleBar} styles
   * @param {PhotoMaker} maker
   * @param {() => void} leaving  called before another project begins
   */
  constructor(store, styles, maker, leaving) {
    this.store = store;
    this.styles = styles;
    this.maker = maker;
    this.leaving = leaving;
  }

  /** Do something that may fail, and say what went wrong. @param {string} what @param {() => Promise<void>} act */
  async try(what, act) {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      toast(error instanceof ApiError ? error.message : `${what}: ${error.message}.`, { kind: "error", lasts: 12000 });
    }
  }

  /** @param {LabelLayer} layer @param {string} title */
  #begin(layer, title) {
    this.leaving();
    this.store.open(layer, title);
    if (["object", "picker", "hand"].includes(this.store.tool)) this.store.tool = "brush";
    this.store.emit("brush");
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
    await this.try("The example cannot be opened", async () => {
      const [label, objects] = await Promise.all([
        exampleFile(name, "label"),
        instances ? exampleFile(name, "instances") : null,
      ]);
      this.#begin(await readLayout(label, objects, this.store.model.classes), name);
    });
  }

  async random() {
    await this.try("There is no example", async () => {
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
    await this.try(`${file.name} cannot be opened`, async () => {
      const bytes = new Uint8Array(await file.arrayBuffer());
      if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
        this.leaving();
        await openProject(this.store, bytes);
        announce(`${file.name} is open`);
        return;
      }
      const layer = await asLayout(bytes, this.store.model.classes);
      if (layer) this.#begin(layer, file.name.replace(/\.\w+$/, ""));
      else await this.photo(file);
    });
  }

  /** Take the objects of the layout from an instance map. */
  async instances() {
    const file = await chooseFile("image/png");
    if (!file) return;
    await this.try(`${file.name} cannot be used`, async () => {
      const { layer } = this.store;
      const objects = instancesOf(await decode(new Uint8Array(await file.arrayBuffer())), layer);
      layer.instances.set(objects);
      layer.touch({ x0: 0, y0: 0, x1: layer.width, y1: layer.height });
      this.store.commit("Instance map");
    });
  }

  /** Ask what a photo is for. @param {File} file */
  async photo(file) {
    const bitmap = await createImageBitmap(file).catch(() => null);
    if (!bitmap) throw new Error("this is neither a picture nor a project");
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
    store.reference = { blob, bitmap, base: null, margin: 6 };
    store.view.opacity.label = Math.min(store.view.opacity.label, 0.6);
    store.view.opacity.reference = 1;
    store.emit("reference");
    store.emit("view");
    store.emit("committed");
  }

  /** Edit the person's own photo. @param {Blob} blob @param {ImageBitmap} bitmap */
  async segment(blob, bitmap) {
    const { store } = this;
    toast("Looking at the photo …", { lasts: 60000 });
    await this.try("The photo cannot be edited", async () => {
      const scale = Math.min(1, SEGMENTED / Math.max(bitmap.width, bitmap.height));
      const size = { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) };
      const label = await segment(store.model.id, blob, size);
      this.#begin(await readLayout(label, null, store.model.classes), "My photo");
      const { ids, instances } = store.layer;
      store.reference = { blob, bitmap, base: { ids: ids.slice(), instances: instances.slice() }, margin: 6 };
      store.emit("reference");
      store.emit("committed");
      toast("Paint or move something: only that part of your photo changes.");
      if (store.model.abilities.reads_photos) await this.styles.usePhoto(blob);
    });
  }

  /** What can be taken out. */
  exports() {
    const { store } = this;
    const name = store.title || "layout";
    const { classes } = store.model;
    const out = (/** @type {() => Promise<Blob>} */ make, /** @type {string} */ file) => () =>
      this.try("That cannot be exported", async () => download(await make(), file));
    const { layer } = store;
    return [
      store.photo
        ? button(
            "Photo",
            "image",
            out(() => this.photoFile(), `${name}-photo.png`),
          )
        : null,
      store.photo ? button("Copy photo", "copy", () => this.copy()) : null,
      button(
        "Project: everything in one file",
        "save",
        out(() => projectFile(store), `${name}.semsynth.zip`),
      ),
      button(
        "Labels: class ids",
        "layout",
        out(() => idsFile(layer, classes), `${name}-labels.png`),
      ),
      button(
        "Labels: colours",
        "layout",
        out(() => colorsFile(layer, classes), `${name}-colours.png`),
      ),
      button(
        "Objects: instance ids",
        "object",
        out(() => instancesFile(layer), `${name}-instances.png`),
      ),
    ];
  }

  /** The photo as PNG; of an edited photo, at its own resolution. @returns {Promise<Blob>} */
  async photoFile() {
    const { reference } = this.store;
    const photo = await this.maker.exact();
    if (!photo) throw new Error("there is no photo yet");
    if (photo.blob.type === "image/png" && !reference?.base) return photo.blob;
    if (reference?.base) return composite(this.store, reference, photo.bitmap).convertToBlob({ type: "image/png" });
    const canvas = new OffscreenCanvas(photo.bitmap.width, photo.bitmap.height);
    canvas.getContext("2d")?.drawImage(photo.bitmap, 0, 0);
    return canvas.convertToBlob({ type: "image/png" });
  }

  /** The photo to the clipboard. */
  async copy() {
    await this.try("The photo cannot be copied", async () => {
      if (!navigator.clipboard?.write) throw new Error("this browser lets no page at this address do that");
      await navigator.clipboard.write([new ClipboardItem({ "image/png": this.photoFile() })]);
      toast("The photo is in the clipboard.");
    });
  }
}
