/** The ways out of the editor: files and the clipboard. */

import { ApiError } from "./api.js";
import { colorsFile, idsFile, instancesFile } from "./files.js";
import { projectFile } from "./project.js";
import { composite } from "./segment.js";
import { button, download, toast } from "./ui.js";

/** @import { PhotoMaker } from "./photo.js" */
/** @import { Store } from "./store.js" */

/** Do something that may fail, and say what went wrong. @param {string} what @param {() => Promise<void>} act */
export async function attempt(what, act) {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    toast(error instanceof ApiError ? error.message : `${what}: ${error.message}.`, { kind: "error", lasts: 12000 });
  }
}

export class Exports {
  /**
   * @param {Store} store
   * @param {PhotoMaker} maker
   */
  constructor(store, maker) {
    this.store = store;
    this.maker = maker;
  }

  get name() {
    return this.store.title || "layout";
  }

  /** What can be taken out. */
  entries() {
    const { store } = this;
    const { name } = this;
    const { classes } = store.model;
    const out = (/** @type {() => Promise<Blob>} */ make, /** @type {string} */ file) => () =>
      attempt("That cannot be exported", async () => download(await make(), file));
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
    await attempt("The photo cannot be copied", async () => {
      if (!navigator.clipboard?.write) throw new Error("this browser lets no page at this address do that");
      await navigator.clipboard.write([new ClipboardItem({ "image/png": this.photoFile() })]);
      toast("The photo is in the clipboard.");
    });
  }

  project() {
    attempt("The project cannot be saved", async () =>
      download(await projectFile(this.store), `${this.name}.semsynth.zip`),
    );
  }

  photo() {
    attempt("The photo cannot be saved", async () => download(await this.photoFile(), `${this.name}-photo.png`));
  }
}
