/** What the editor knows at a time; everyone reads it, changes are announced by topic. */

import { History } from "./history.js";
import { LabelLayer } from "./labels.js";

/** @import { Model } from "./api.js" */

/**
 * @typedef {"brush" | "eraser" | "line" | "rectangle" | "ellipse" | "polygon" | "fill" | "picker" | "object" | "hand"}
 *   ToolName
 */
/** @typedef {"side" | "overlay" | "wipe" | "layout" | "photo"} ViewMode */

/**
 * What gives the photo its look.
 * @typedef {object} Style
 * @property {number} seed
 * @property {number[] | null} vector  of a style photo, by models whose style is a vector
 * @property {Blob | null} photo  the style photo
 * @property {Record<string, number>} objects  single objects' styles: mode by instance id
 */

/**
 * A photo underneath: to paint over, or the person's own to be edited.
 * @typedef {object} Reference
 * @property {Blob} blob
 * @property {ImageBitmap} bitmap
 * @property {{ids: Uint16Array, instances: Uint16Array} | null} base  the layout that shows it; edits are what differs
 * @property {number} margin  pixels of the layout around an edit that are replaced as well
 */

/**
 * Topics: `layer` (another layout), `pixels` (its pixels), `committed` (a step of history), `model`, `models`, `brush`
 * (class, tool and their settings), `view`, `selection`, `style`, `photo` (a new photo is there), `reference`, `title`.
 * @typedef {"layer" | "pixels" | "committed" | "model" | "models" | "brush" | "view" | "selection" | "style" | "photo"
 *   | "reference" | "title"} Topic
 */

/** A class to begin with. @param {Model} model */
export function firstClass({ classes: { classes } }) {
  return (classes.find(({ group }) => group !== "void") ?? classes[0]).id;
}

export class Store {
  /** @type {Map<Topic, Array<() => void>>} */
  #listeners = new Map();
  /** @type {Model[]} */
  models = [];
  /** @type {Model | null} */
  compared = null;
  title = "";

  /** @type {ToolName} */
  tool = "brush";
  classId = 0;
  /** What the eraser leaves: a class, or VOID. */
  eraseTo = 65535;
  /** @type {{size: number, shape: import("./raster.js").BrushShape, pressure: boolean}} */
  brush = { size: 12, shape: "round", pressure: true };
  /** Paint only over this class. @type {number | null} */
  only = null;
  separate = false;
  fillEverywhere = false;
  /** Classes painted lately, newest first. @type {number[]} */
  recent = [];

  /** The chosen object's instance id. @type {number | null} */
  selection = null;
  /** @type {Style} */
  style = { seed: 0, vector: null, photo: null, objects: {} };
  /** @type {Reference | null} */
  reference = null;
  /** The newest photo. @type {{blob: Blob, bitmap: ImageBitmap} | null} */
  photo = null;
  /** The compared model's photo. @type {{blob: Blob, bitmap: ImageBitmap} | null} */
  comparedPhoto = null;
  /** The photo that "before" shows. @type {ImageBitmap | null} */
  before = null;

  view = {
    /** @type {ViewMode} */ mode: "side",
    opacity: { label: 1, photo: 1, reference: 0.5, outlines: 0 },
    overlay: 0.5,
    wipe: 0.5,
    patterns: false,
    live: true,
  };

  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.classId = firstClass(model);
    const { width, height } = model.sizes.default;
    this.layer = new LabelLayer(width, height);
    this.history = new History(this.layer);
  }

  /**
   * Be told of changes.
   * @param {Topic | Topic[]} topics
   * @param {() => void} listener
   */
  on(topics, listener) {
    for (const topic of [topics].flat()) this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener]);
  }

  /** @param {Topic} topic */
  emit(topic) {
    for (const listener of this.#listeners.get(topic) ?? []) listener();
  }

  /**
   * Begin with another layout.
   * @param {LabelLayer} layer
   * @param {string} title
   */
  open(layer, title) {
    this.layer = layer;
    this.history = new History(layer);
    this.selection = null;
    this.style = { ...this.style, objects: {} };
    this.reference = null;
    this.title = title;
    this.photo = this.comparedPhoto = this.before = null;
    for (const topic of /** @type {Topic[]} */ (["layer", "reference", "selection", "style", "title", "committed"])) {
      this.emit(topic);
    }
  }

  /**
   * Take another model; the layout stays where the classes are the same.
   * @param {Model} model
   */
  useModel(model) {
    const same = model.classes.name === this.model.classes.name;
    this.model = model;
    this.style = { ...this.style, vector: null, objects: {} };
    if (!same) {
      const { width, height } = model.sizes.default;
      this.open(new LabelLayer(width, height), "");
      this.recent = [];
      this.only = null;
      this.eraseTo = 65535;
      this.classId = firstClass(model);
    }
    if (this.compared && (this.compared === model || !same)) this.compared = null;
    for (const topic of /** @type {const} */ (["model", "brush", "style", "view"])) this.emit(topic);
  }

  /**
   * A stroke or an edit is complete.
   * @param {string} name
   * @param {import("./history.js").Step["settings"]} [settings]
   */
  commit(name, settings) {
    if (!this.history.commit(name, settings)) return false;
    this.emit("pixels");
    this.emit("committed");
    return true;
  }

  /**
   * Change the style, as a step that can be undone.
   * @param {string} name
   * @param {Partial<Style>} change
   */
  restyle(name, change) {
    const before = this.style;
    this.style = { ...before, ...change };
    this.history.note(name, { before, after: this.style });
    this.emit("committed");
    this.emit("style");
  }

  /** Take back a step. @returns {string | null} its name */
  undo() {
    const step = this.history.undo();
    this.#went(step?.settings?.before);
    return step && step.name;
  }

  /** Do it again. @returns {string | null} its name */
  redo() {
    const step = this.history.redo();
    this.#went(step?.settings?.after);
    return step && step.name;
  }

  /** @param {unknown} style */
  #went(style) {
    if (style) this.style = /** @type {Style} */ (style);
    this.emit("pixels");
    this.emit("committed");
    this.emit("selection");
    if (style) this.emit("style");
  }

  /** The class of an id. @param {number} id */
  classOf(id) {
    return this.model.classes.classes.find((item) => item.id === id);
  }

  /** What people call an id. @param {number} id */
  nameOf(id) {
    return this.classOf(id)?.name ?? "nothing";
  }

  /** Whether the class is one region, whose strokes are no objects of their own. @param {number} id */
  isStuff(id) {
    const things = this.model.classes.classes.filter((item) => ["human", "vehicle"].includes(item.group));
    return things.length > 0 && !things.some((item) => item.id === id);
  }

  /** Whether objects matter for what the photo looks like. */
  get usesInstances() {
    return this.model.abilities.uses_instances;
  }
}
