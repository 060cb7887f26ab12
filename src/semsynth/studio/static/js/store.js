/**
 * What the editor knows at a time. Everyone reads it; it changes by its methods alone, which announce every change by
 * topic.
 */

import { History } from "./history.js";
import { LabelLayer, VOID } from "./labels.js";
import { firstClass, PAINTING, PROGRESS, STYLE, VIEW } from "./state.js";

/** @import { Model } from "./api.js" */
/** @import { Step } from "./history.js" */
/** @import { Brush, Opened, Painting, Photo, Progress, Reference, Style, Topic, View } from "./state.js" */

/** Classes that were painted recently and are remembered. */
const RECENT = 6;
const MAX_BRUSH = 200;
/** Tools that paint no class. */
const IDLE_TOOLS = ["picker", "object", "hand"];

/** What another layout changes. @type {readonly Topic[]} */
const OPENED = ["layer", "reference", "selection", "style", "title", "committed"];

export class Store {
  /** @type {Map<Topic, Array<() => void>>} */
  #listeners = new Map();
  /** @type {Model} */
  #model;
  /** @type {Model | null} */
  #compared = null;
  /** @type {LabelLayer} */
  #layer;
  /** @type {History} */
  #history;
  #title = "";
  #painting = PAINTING;
  /** @type {number | null} */
  #selection = null;
  #style = STYLE;
  /** @type {Readonly<Reference> | null} */
  #reference = null;
  #view = VIEW;
  #progress = PROGRESS;
  /** @type {{photo: Photo | null, compared: Photo | null, before: ImageBitmap | null}} */
  #photos = { photo: null, compared: null, before: null };

  /** @param {readonly Model[]} models  those that are served; the first one is taken */
  constructor(models) {
    this.models = models;
    this.#model = models[0];
    this.#painting = { ...this.#painting, classId: firstClass(this.#model) };
    const { width, height } = this.#model.sizes.default;
    this.#layer = new LabelLayer(width, height);
    this.#history = new History(this.#layer);
  }

  get model() {
    return this.#model;
  }

  /** The model beside it. */
  get compared() {
    return this.#compared;
  }

  get layer() {
    return this.#layer;
  }

  get history() {
    return this.#history;
  }

  get title() {
    return this.#title;
  }

  get painting() {
    return this.#painting;
  }

  /** The chosen object's instance id. */
  get selection() {
    return this.#selection;
  }

  get style() {
    return this.#style;
  }

  get reference() {
    return this.#reference;
  }

  get view() {
    return this.#view;
  }

  get progress() {
    return this.#progress;
  }

  /** The newest photo. */
  get photo() {
    return this.#photos.photo;
  }

  /** The compared model's photo. */
  get comparedPhoto() {
    return this.#photos.compared;
  }

  /** The photo that "before" shows. */
  get before() {
    return this.#photos.before;
  }

  /**
   * Be told of changes.
   * @param {Topic | Topic[]} topics
   * @param {() => void} listener
   */
  on(topics, listener) {
    for (const topic of [topics].flat()) this.#listeners.set(topic, [...(this.#listeners.get(topic) ?? []), listener]);
  }

  /** @param {readonly Topic[]} topics */
  #emit(...topics) {
    for (const topic of topics) for (const listener of this.#listeners.get(topic) ?? []) listener();
  }

  /**
   * Begin with another layout.
   * @param {LabelLayer} layer
   * @param {string} title
   */
  begin(layer, title) {
    this.#take(layer, title);
    this.#emit(...OPENED);
  }

  /**
   * Begin where a project was left.
   * @param {Opened} opened
   */
  resume({ model, layer, title, style, painting, view, reference, steps }) {
    if (model !== this.#model) this.useModel(model);
    this.#take(layer, title);
    this.#style = style;
    this.#painting = { ...this.#painting, ...painting };
    this.#view = { ...this.#view, ...view };
    this.#reference = reference;
    this.#history.resume(steps);
    this.#emit(...OPENED, "brush", "view");
  }

  /** @param {LabelLayer} layer @param {string} title */
  #take(layer, title) {
    this.#layer = layer;
    this.#history = new History(layer);
    this.#selection = null;
    this.#style = { ...this.#style, objects: {} };
    this.#reference = null;
    this.#title = title;
    this.#photos = { photo: null, compared: null, before: null };
  }

  /**
   * Take another model; the layout stays where the classes are the same.
   * @param {Model} model
   */
  useModel(model) {
    const same = model.classes.name === this.#model.classes.name;
    this.#model = model;
    this.#style = { ...this.#style, vector: null, objects: {} };
    if (this.#compared === model || !same) this.#compared = null;
    if (!same) {
      const { width, height } = model.sizes.default;
      this.begin(new LabelLayer(width, height), "");
      this.#painting = { ...this.#painting, recent: [], only: null, eraseTo: VOID, classId: firstClass(model) };
    }
    this.#emit("model", "brush", "style", "view");
  }

  /** Show another model's photo beside. @param {Model | null} model */
  compare(model) {
    this.#compared = model;
    this.#emit("view", "compared");
  }

  /** @param {string} title */
  rename(title) {
    this.#title = title;
    this.#emit("title");
  }

  /** The layer was painted on; the stroke or edit is not complete. */
  painted() {
    this.#emit("pixels");
  }

  /** Take back what is not complete. */
  discard() {
    this.#history.discard();
    this.#emit("pixels");
  }

  /**
   * A stroke or an edit is complete.
   * @param {string} name
   * @param {{style?: Style, selection?: number | null}} [change]  what else changes with it
   * @returns {boolean} whether there was anything to keep
   */
  commit(name, { style = this.#style, selection = this.#selection } = {}) {
    const before = this.#style;
    const kept = this.#history.commit(name, style === before ? undefined : { before, after: style });
    this.#style = style;
    this.#selection = selection;
    if (kept) this.#emit("pixels", "committed");
    if (style !== before) this.#emit("style");
    this.#emit("selection"); // the chosen object may have changed
    return kept;
  }

  /**
   * Change the style, as a step that can be undone.
   * @param {string} name
   * @param {Partial<Style>} change
   */
  restyle(name, change) {
    const before = this.#style;
    this.#style = { ...before, ...change };
    this.#history.note(name, { before, after: this.#style });
    this.#emit("committed", "style");
  }

  /** Take back a step. @returns {string | null} its name */
  undo() {
    const step = this.#history.undo();
    return this.#stepped(step, step?.settings?.before);
  }

  /** Do the step again that was taken back last. @returns {string | null} its name */
  redo() {
    const step = this.#history.redo();
    return this.#stepped(step, step?.settings?.after);
  }

  /** @param {Step | null} step @param {unknown} style */
  #stepped(step, style) {
    if (style) this.#style = /** @type {Style} */ (style);
    this.#emit("pixels", "committed", "selection");
    if (style) this.#emit("style");
    return step && step.name;
  }

  /** Choose an object. @param {number | null} instance */
  select(instance) {
    if (instance === this.#selection) return;
    this.#selection = instance;
    this.#emit("selection");
  }

  /** Another tool, class or setting. @param {Partial<Painting>} change */
  paintWith(change) {
    this.#painting = { ...this.#painting, ...change };
    this.#emit("brush");
  }

  /** Paint with a class from now on; tools that do not paint it give way to the brush. @param {number} classId */
  chooseClass(classId) {
    const { tool } = this.#painting;
    this.paintWith({ classId, tool: tool === "eraser" || IDLE_TOOLS.includes(tool) ? "brush" : tool });
  }

  /** @param {Partial<Brush>} change */
  setBrush(change) {
    const brush = { ...this.#painting.brush, ...change };
    this.paintWith({ brush: { ...brush, size: Math.min(MAX_BRUSH, Math.max(1, brush.size)) } });
  }

  /** A class was painted. @param {number} id */
  remember(id) {
    this.paintWith({ recent: [id, ...this.#painting.recent.filter((other) => other !== id)].slice(0, RECENT) });
  }

  /** @param {Partial<View>} change */
  look(change) {
    this.#view = { ...this.#view, ...change };
    this.#emit("view");
  }

  /** Lay a photo under the labels, or take it away. @param {Reference | null} reference */
  refer(reference) {
    this.#reference = reference;
    this.#emit("reference");
  }

  /**
   * How far the photo is, and, if it is ready or there is none, the photos.
   * @param {Progress} progress
   * @param {{photo: Photo | null, compared: Photo | null}} [photos]
   */
  report(progress, photos) {
    this.#progress = progress;
    if (photos) this.#photos = { ...photos, before: this.#photos.before ?? photos.photo?.bitmap ?? null };
    this.#emit("photo");
  }

  /** The class of an id. @param {number} id */
  classOf(id) {
    return this.#model.classes.classes.find((item) => item.id === id);
  }

  /** What people call an id. @param {number} id */
  nameOf(id) {
    return this.classOf(id)?.name ?? "nothing";
  }
}
