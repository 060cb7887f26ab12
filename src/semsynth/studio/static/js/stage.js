/** The stage: layout and photo side by side, one over the other, or with a line between that can be moved. */

import { Camera } from "./camera.js";
import { Pane } from "./pane.js";
import { Colors, LabelPicture, highlight } from "./render.js";
import { composite } from "./segment.js";
import { button, byId } from "./ui.js";

/** @import { Layer } from "./pane.js" */
/** @import { ViewMode } from "./state.js" */
/** @import { Store } from "./store.js" */
/** @import { Tools } from "./tools.js" */

/** The longest side of an edited photo while it is looked at. */
const LOOK = 1024;

/** @type {ReadonlyArray<readonly [ViewMode, string, "side" | "overlay" | "wipe" | "layout" | "image"]>} */
export const MODES = [
  ["side", "Side by side", "side"],
  ["overlay", "Labels over the photo", "overlay"],
  ["wipe", "Wipe", "wipe"],
  ["layout", "Layout alone", "layout"],
  ["photo", "Photo alone", "image"],
];

export class Stage {
  /**
   * @param {Store} store
   * @param {Tools} tools
   */
  constructor(store, tools) {
    this.store = store;
    this.tools = tools;
    this.camera = new Camera();
    /** Show the photo as it was. */
    this.showBefore = false;
    /** @type {OffscreenCanvas | null} */
    this.highlighted = null;
    /** @type {OffscreenCanvas | null} */
    this.edited = null;
    /** @type {() => {x: number, y: number} | null} */
    this.hover = () => null;
    this.picture = new LabelPicture(store.layer, new Colors(store.model.classes));
    /** @param {string} id @param {() => Layer[]} layers */
    const pane = (id, layers) =>
      new Pane(/** @type {HTMLCanvasElement} */ (byId(id)), this.camera, () => this.#scene(layers(), id));
    this.layout = pane("layout-canvas", () => this.#layoutLayers());
    this.photo = pane("photo-canvas", () => this.#photoLayers());
    this.compared = pane("compared-canvas", () => [this.#picture(store.comparedPhoto?.bitmap ?? null), this.#rim()]);
    this.panes = [this.layout, this.photo, this.compared];
    this.#follow();
    byId("view-modes").replaceChildren(
      ...MODES.map(([mode, label, symbol]) =>
        button(label, symbol, () => this.setMode(mode), { quiet: true, class: "small", "data-mode": mode }),
      ),
    );
    const between = /** @type {HTMLInputElement} */ (byId("between"));
    between.addEventListener("input", () => {
      store.look({ [store.view.mode === "wipe" ? "wipe" : "overlay"]: Number(between.value) });
    });
    this.#mode();
  }

  #follow() {
    const { store } = this;
    store.on(["layer", "model"], () => {
      this.picture = new LabelPicture(store.layer, new Colors(store.model.classes));
      this.picture.patterns = store.view.patterns;
      this.highlighted = this.edited = null;
      this.fit();
    });
    store.on("pixels", () => this.redraw());
    store.on("selection", () => this.#select());
    store.on("brush", () => this.#outlines());
    store.on(["photo", "reference"], () => {
      const { reference } = store;
      this.edited = reference?.base && store.photo ? composite(store, reference, store.photo.bitmap, LOOK) : null;
      this.redraw();
    });
    store.on("view", () => this.#mode());
    store.on("committed", () => this.#select());
  }

  /** @param {ViewMode} mode */
  setMode(mode) {
    this.store.look({ mode });
  }

  #mode() {
    const { view, compared } = this.store;
    const stage = byId("panes");
    stage.dataset["mode"] = view.mode;
    stage.toggleAttribute("data-compared", compared !== null && ["side", "photo"].includes(view.mode));
    for (const one of byId("view-modes").children) {
      one.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (one).dataset["mode"] === view.mode));
    }
    const between = /** @type {HTMLInputElement} */ (byId("between"));
    const both = view.mode === "wipe" || view.mode === "overlay";
    /** @type {HTMLElement} */ (between.parentElement).hidden = !both;
    between.value = String(view.mode === "wipe" ? view.wipe : view.overlay);
    byId("between-name").textContent = view.mode === "wipe" ? "Layout | photo" : "Strength of the labels";
    byId("photo-name").textContent = compared ? this.store.model.name : "Photograph";
    byId("compared-name").textContent = compared?.name ?? "";
    if (this.picture.patterns !== view.patterns) {
      this.picture.patterns = view.patterns;
      this.picture.redraw();
    }
    this.#outlines();
    requestAnimationFrame(() => {
      if (!this.camera.moved) this.fit();
      this.redraw();
    });
  }

  get outlined() {
    return this.store.painting.tool === "object"
      ? Math.max(0.6, this.store.view.opacity.outlines)
      : this.store.view.opacity.outlines;
  }

  #outlines() {
    if (this.outlined > 0 !== this.withOutlines) this.picture.redraw();
    this.withOutlines = this.outlined > 0;
    this.redraw();
  }

  #select() {
    const shape = this.tools.selected();
    this.highlighted = shape && highlight(this.store.layer, shape.places);
    this.redraw();
  }

  /** Show all of the layout. */
  fit() {
    for (const pane of this.panes) {
      if (!pane.visible) continue;
      pane.fit();
      break;
    }
    this.redraw();
  }

  /** @param {number} factor */
  zoom(factor) {
    this.camera.zoom(factor);
    this.redraw();
  }

  /** Draw all panes at the next frame. */
  redraw() {
    for (const pane of this.panes) pane.invalidate();
    byId("zoom").textContent = `${Math.round(this.camera.scale * 100)} %`;
  }

  /** @param {Layer[]} layers @param {string} id  of the canvas */
  #scene(layers, id) {
    this.picture.update(this.withOutlines ?? false);
    const { width, height } = this.store.layer;
    const place = this.hover();
    const { view } = this.store;
    const { tool, brush } = this.store.painting;
    const sized = ["brush", "eraser", "line"].includes(tool);
    const size = sized ? brush.size : 1;
    const shape = sized && size * this.camera.scale > 3 ? brush.shape : "cross";
    const cursor = place && tool !== "hand" ? { ...place, size, shape: /** @type {any} */ (shape) } : null;
    const line = view.mode === "wipe" ? view.wipe : null;
    return { layers, width, height, cursor, line, sheet: id === "layout-canvas" };
  }

  /** The photo as it is to be seen now. */
  #shown() {
    const { photo, before, reference } = this.store;
    if (this.showBefore) return reference?.base ? reference.bitmap : before;
    return this.edited ?? photo?.bitmap ?? null;
  }

  /** @param {CanvasImageSource | null} image @returns {Layer} */
  #picture(image) {
    return { image, opacity: this.store.view.opacity.photo, smooth: true };
  }

  /** @returns {Layer} */
  #rim() {
    return { image: this.highlighted, opacity: 0.9, smooth: false };
  }

  /** @returns {Layer[]} */
  #layoutLayers() {
    const { view, reference } = this.store;
    const { mode, opacity } = view;
    /** @type {Layer} */
    const labels = { image: this.picture.labels, opacity: opacity.label, smooth: false };
    /** @type {Layer[]} */
    const under = [{ image: reference?.bitmap ?? null, opacity: opacity.reference, smooth: true }];
    const photo = this.#picture(this.#shown());
    if (mode === "overlay") under.push(photo, { ...labels, opacity: view.overlay });
    else if (mode === "wipe") under.push({ ...labels, clip: [0, view.wipe] }, { ...photo, clip: [view.wipe, 1] });
    else under.push(labels);
    return [...under, { image: this.picture.outlines, opacity: this.outlined, smooth: false }, this.#rim()];
  }

  /** @returns {Layer[]} */
  #photoLayers() {
    return [this.#picture(this.#shown()), this.#rim()];
  }
}
