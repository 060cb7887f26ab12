/** Tools: what the pointer or the keyboard's cursor does to the label layer. Places are whole pixels. */

import { PENDING, VOID } from "./labels.js";
import { settle } from "./instances.js";
import { Floating, shapeOf } from "./objects.js";
import * as raster from "./raster.js";

/** @import { ToolName } from "./state.js" */
/** @import { Store } from "./store.js" */
/** @import { Point } from "./raster.js" */

/** @typedef {{x: number, y: number, pressure: number | null, shift: boolean, alt: boolean}} Hit */

const SHAPES = /** @type {const} */ ({ rectangle: raster.rectangle, ellipse: raster.ellipse });
const NAMES = /** @type {Record<ToolName, string>} */ ({
  brush: "Brush stroke",
  eraser: "Eraser stroke",
  line: "Line",
  rectangle: "Rectangle",
  ellipse: "Ellipse",
  polygon: "Polygon",
  fill: "Fill",
  picker: "Pick",
  object: "Move",
  hand: "Pan",
});

/** A point that closes a polygon when it is clicked again, in pixels of the layout around it. */
const CLOSE = 1;

export class Tools {
  /** @param {Store} store */
  constructor(store) {
    this.store = store;
    /** Where the stroke began. @type {Hit | null} */
    this.start = null;
    /** @type {Hit | null} */
    this.last = null;
    /** The tool of the stroke. @type {ToolName} */
    this.tool = "brush";
    /** Corners of an open polygon. @type {Point[]} */
    this.corners = [];
    /** @type {Floating | null} */
    this.floating = null;
    this.dragged = false;
    store.on("layer", () => ((this.floating = null), (this.corners = [])));
  }

  /** Whether a stroke is being made. */
  get busy() {
    return this.start !== null;
  }

  /** Whether a polygon waits for its next corner. */
  get open() {
    return this.corners.length > 0;
  }

  /**
   * The pointer goes down, or the keyboard's pen.
   * @param {Hit} hit
   */
  down(hit) {
    const { store } = this;
    const { tool } = store.painting;
    if (this.open && tool !== "polygon") this.cancel();
    this.tool = hit.alt && tool !== "object" ? "picker" : tool;
    this.start = this.last = hit;
    this.dragged = false;
    if (this.tool === "picker") this.#pick(hit);
    else if (this.tool === "object") this.select(hit);
    else if (this.tool === "fill") this.#fill(hit);
    else if (this.tool === "polygon") this.#corner(hit);
    else this.move(hit);
  }

  /**
   * It moves; `start` is set while it is down.
   * @param {Hit} hit
   */
  move(hit) {
    const { start, last } = this;
    if (this.tool === "polygon" && this.open) this.#polygonMove(hit);
    if (!start || !last) return;
    this.dragged ||= hit.x !== start.x || hit.y !== start.y;
    if (this.tool === "brush" || this.tool === "eraser") this.#brush(last, hit);
    else if (this.tool === "line") this.#again(() => this.#brush(this.#level(start), this.#level(hit, start)));
    else if (this.tool === "rectangle" || this.tool === "ellipse") this.#shape(start, hit);
    else if (this.tool === "picker") this.#pick(hit);
    else if (this.tool === "object") this.#drag(start, hit);
    this.last = hit;
    this.store.painted();
  }

  /** It goes up: the stroke is complete. */
  up() {
    if (!this.start) return;
    this.start = this.last = null;
    if (this.tool === "polygon") {
      if (this.dragged && this.corners.length > 3) this.close();
      return;
    }
    if (this.tool === "picker") return;
    if (this.tool === "object") this.drop();
    else this.#finish();
  }

  /** Give up what is not complete. */
  cancel() {
    this.start = this.last = null;
    this.corners = [];
    this.floating = null;
    this.store.discard();
  }

  /** What floats stays where it is: it is chosen no more, or something else happens to it. */
  release() {
    this.floating = null;
  }

  /** Close the polygon. */
  close() {
    if (!this.open) return;
    const corners = this.corners;
    this.corners = [];
    this.start = this.last = null;
    this.tool = "polygon";
    this.#again(() => raster.polygon(corners, this.#paint()));
    this.#finish();
  }

  /** The id that the tool leaves. */
  get #painted() {
    const { eraseTo, classId } = this.store.painting;
    return this.tool === "eraser" ? eraseTo : classId;
  }

  /** @returns {import("./raster.js").Emit} */
  #paint() {
    const { store } = this;
    const { layer } = store;
    const paint = { id: this.#painted, instance: PENDING, only: store.painting.only };
    return (y, x0, x1) => layer.span(paint, y, x0, x1);
  }

  /** @param {() => void} draw */
  #again(draw) {
    this.store.history.discard();
    draw();
    this.store.painted();
  }

  /** @param {Hit} from @param {Hit} to */
  #brush(from, to) {
    const { size, shape } = this.store.painting.brush;
    /** @param {Hit} hit */
    const at = (hit) => ({ x: hit.x, y: hit.y, size: this.#pressed(size, hit.pressure) });
    raster.sweep(shape, at(from), at(to), this.#paint());
  }

  /** @param {number} size @param {number | null} pressure */
  #pressed(size, pressure) {
    const { brush } = this.store.painting;
    return pressure === null || !brush.pressure ? size : Math.max(1, Math.round(size * 2 * pressure));
  }

  /**
   * Lines have one width; with shift they go in steps of 45 degrees.
   * @param {Hit} hit
   * @param {Hit} [start]
   * @returns {Hit}
   */
  #level(hit, start) {
    const flat = { ...hit, pressure: null };
    if (!start || !hit.shift) return flat;
    const [dx, dy] = [hit.x - start.x, hit.y - start.y];
    const length = Math.max(Math.abs(dx), Math.abs(dy));
    const step = Math.round(Math.atan2(dy, dx) / (Math.PI / 4)) * (Math.PI / 4);
    const [x, y] = [Math.round(Math.cos(step)), Math.round(Math.sin(step))];
    return { ...flat, x: start.x + x * length, y: start.y + y * length };
  }

  /** @param {Hit} start @param {Hit} hit */
  #shape(start, hit) {
    let to = hit;
    if (hit.shift) {
      const side = Math.max(Math.abs(hit.x - start.x), Math.abs(hit.y - start.y));
      to = { ...hit, x: start.x + side * Math.sign(hit.x - start.x), y: start.y + side * Math.sign(hit.y - start.y) };
    }
    const draw = SHAPES[/** @type {keyof typeof SHAPES} */ (this.tool)];
    this.#again(() => draw(start, to, this.#paint()));
  }

  /** @param {Hit} hit */
  #fill(hit) {
    const { store } = this;
    if (!store.layer.has(hit.x, hit.y)) return;
    const everywhere = store.painting.fillEverywhere !== hit.shift;
    raster.fill(store.layer.ids.slice(), store.layer.width, hit, everywhere, this.#paint());
    this.#finish();
  }

  /** @param {Hit} hit */
  #pick(hit) {
    const { store } = this;
    if (!store.layer.has(hit.x, hit.y)) return;
    const id = store.layer.ids[hit.y * store.layer.width + hit.x];
    if (id === VOID) return;
    store.paintWith({ classId: id });
  }

  /** @param {Hit} hit */
  #corner(hit) {
    const [first] = this.corners;
    const near = first && Math.abs(first.x - hit.x) <= CLOSE && Math.abs(first.y - hit.y) <= CLOSE;
    if (near && this.corners.length > 2) return this.close();
    this.corners.push({ x: hit.x, y: hit.y });
    return this.#polygonMove(hit);
  }

  /** @param {Hit} hit */
  #polygonMove(hit) {
    // A drag draws a lasso: every pixel on the way is a corner.
    if (this.start && this.dragged) this.corners.push({ x: hit.x, y: hit.y });
    this.#again(() => raster.polygon([...this.corners, { x: hit.x, y: hit.y }], this.#paint()));
  }

  /**
   * Choose the object at a pixel.
   * @param {Point} hit
   */
  select(hit) {
    const { store } = this;
    const i = hit.y * store.layer.width + hit.x;
    const inside = store.layer.has(hit.x, hit.y) && store.layer.ids[i] !== VOID;
    const instance = inside ? store.layer.instances[i] : null;
    if (instance === store.selection) return;
    this.release();
    store.select(instance);
  }

  /** The chosen object, if it is still there. */
  selected() {
    const { layer, selection } = this.store;
    if (selection === null) return null;
    const i = layer.instances.findIndex((instance, place) => instance === selection && layer.ids[place] !== VOID);
    return i < 0 ? null : shapeOf(layer, selection, layer.ids[i]);
  }

  /** @param {Hit} start @param {Hit} hit */
  #drag(start, hit) {
    if (this.dragged) this.float(hit.x - start.x, hit.y - start.y, true);
  }

  /**
   * Move the chosen object; as long as it is chosen, what it covers comes back when it goes on.
   * @param {number} dx
   * @param {number} dy
   * @param {boolean} dragging  from where the stroke began, not from where it is
   */
  float(dx, dy, dragging) {
    const { store } = this;
    if (!this.floating) {
      const shape = this.selected();
      if (!shape) return;
      this.floating = new Floating(store.layer, shape, store.model.classes.classes);
      this.origin = { x: 0, y: 0 };
    }
    const origin = dragging ? (this.origin ?? { x: 0, y: 0 }) : { x: this.floating.dx, y: this.floating.dy };
    if (this.floating.to(origin.x + dx, origin.y + dy)) store.painted();
  }

  /** The object stays where it is now. */
  drop() {
    if (!this.floating) return;
    this.origin = { x: this.floating.dx, y: this.floating.dy };
    this.store.commit("Move object");
  }

  #finish() {
    const { store } = this;
    const erasing = this.tool === "eraser";
    const id = this.#painted;
    const apart = store.painting.separate && !erasing;
    settle(store.layer, store.history.committed, id, store.model.classes.classes, apart);
    this.start = this.last = null;
    const done = store.commit(`${NAMES[this.tool]}: ${id === VOID ? "nothing" : store.nameOf(id)}`);
    if (done && !erasing) store.remember(id);
  }
}
