/**
 * Edits of a layout, object by object (pix2pixHD, section 4.3): those of `semsynth.layout.edits`, on the layer that the
 * editor shows, so that an object follows the pointer and the server need not be asked. `tests/studio_js/test_edits.py`
 * compares the two.
 */

import { growing, nearestSources } from "./filling.js";
import { isConventional, newInstance } from "./instances.js";
import { LabelLayer, VOID } from "./labels.js";

/** @import { Box } from "./labels.js" */
/** @import { LabelClass } from "./api.js" */

/**
 * An object's visible pixels.
 * @typedef {object} Shape
 * @property {number} instance
 * @property {number} id  its class
 * @property {Uint32Array} places  pixels, row by row
 * @property {Box} box
 */

/**
 * The object at these pixels; null where there is none (void).
 * @param {LabelLayer} layer
 * @param {number} instance
 * @param {number} id
 * @returns {Shape | null}
 */
export function shapeOf(layer, instance, id) {
  const { width, ids, instances } = layer;
  const places = [];
  for (let i = 0; i < ids.length; i++) if (instances[i] === instance && ids[i] === id) places.push(i);
  if (!places.length || id === VOID) return null;
  let [x0, x1] = [width, 0];
  for (const place of places) {
    x0 = Math.min(x0, place % width);
    x1 = Math.max(x1, (place % width) + 1);
  }
  const [y0, y1] = [places[0], places[places.length - 1]].map((place) => Math.floor(place / width));
  return { instance, id, places: Uint32Array.from(places), box: { x0, y0, x1, y1: y1 + 1 } };
}

/**
 * A shape at another place, without what would lie outside.
 * @param {LabelLayer} layer
 * @param {Uint32Array} places
 * @param {number} dx
 * @param {number} dy
 * @returns {Uint32Array}
 */
function shifted(layer, places, dx, dy) {
  const moved = [];
  for (const place of places) {
    const [x, y] = [(place % layer.width) + dx, Math.floor(place / layer.width) + dy];
    if (layer.has(x, y)) moved.push(y * layer.width + x);
  }
  return Uint32Array.from(moved);
}

/**
 * Remove an object.
 * @param {LabelLayer} layer
 * @param {Shape} shape
 * @param {readonly LabelClass[]} classes
 * @param {Uint8Array | null} [sources]  1 at every pixel that may take its place; null: it becomes void
 */
export function remove(layer, shape, classes, sources = growing(layer, shape, classes)) {
  if (sources) layer.copy(shape.places, layer, nearestSources(sources, layer.width, shape.places));
  else layer.write(shape.places, VOID, newInstance(layer, VOID, classes));
}

/**
 * An object that is being moved: it floats over the layout as it is without it, so that going back leaves no trace.
 */
export class Floating {
  /**
   * @param {LabelLayer} layer
   * @param {Shape} shape
   * @param {readonly LabelClass[]} classes
   */
  constructor(layer, shape, classes) {
    this.layer = layer;
    this.shape = shape;
    this.dx = 0;
    this.dy = 0;
    this.under = new LabelLayer(layer.width, layer.height, layer.maps());
    remove(this.under, shape, classes);
    this.places = shape.places;
  }

  /**
   * Put the object this far from where it was; what leaves the layout comes back when it returns.
   * @param {number} dx
   * @param {number} dy
   * @returns {boolean} false: all of it would lie outside, and it stays
   */
  to(dx, dy) {
    const places = shifted(this.layer, this.shape.places, dx, dy);
    if (!places.length) return false;
    this.layer.copy(this.places, this.under, this.places);
    this.layer.write(places, this.shape.id, this.shape.instance);
    [this.dx, this.dy, this.places] = [dx, dy, places];
    return true;
  }
}

/**
 * Put a copy of an object beside it.
 * @param {LabelLayer} layer
 * @param {Shape} shape
 * @param {readonly LabelClass[]} classes
 * @param {number} dx
 * @param {number} dy
 * @returns {number | null} the copy's instance id; null: it would lie outside
 */
export function duplicate(layer, shape, classes, dx, dy) {
  const places = shifted(layer, shape.places, dx, dy);
  if (!places.length) return null;
  const instance = newInstance(layer, shape.id, classes);
  layer.write(places, shape.id, instance);
  return instance;
}

/**
 * Give an object another class; also a new instance id where ids tell the class.
 * @param {LabelLayer} layer
 * @param {Shape} shape
 * @param {readonly LabelClass[]} classes
 * @param {number} id
 * @returns {number} its instance id
 */
export function relabel(layer, shape, classes, id) {
  if (id === shape.id) return shape.instance;
  const instance = isConventional(layer) ? newInstance(layer, id, classes) : shape.instance;
  layer.write(shape.places, id, instance);
  return instance;
}

/**
 * The whole shape of an object: a layout is flat, but the history remembers what was painted over.
 * @param {Iterable<Uint32Array>} steps  runs of the history's steps, oldest first
 * @param {Shape} shape
 * @returns {Uint32Array} its places now, and those that steps have painted over since it was put there, ascending
 */
export function wholeShape(steps, shape) {
  /** @type {Set<number>} */
  let hidden = new Set();
  for (const runs of steps) {
    /** @type {number[]} */
    const lost = [];
    let gained = false;
    for (let r = 0; r < runs.length; r += 6) {
      const [start, length, oldId, oldInstance, id, instance] = runs.subarray(r, r + 6);
      const [was, is] = [
        oldInstance === shape.instance && oldId === shape.id,
        instance === shape.instance && id === shape.id,
      ];
      if (is && !was) gained = true;
      if (was && !is) for (let i = start; i < start + length; i++) lost.push(i);
    }
    // A step that takes here and gives there has moved the object.
    if (gained && lost.length) hidden = new Set();
    else for (const place of lost) hidden.add(place);
  }
  for (const place of shape.places) hidden.add(place);
  return Uint32Array.from(hidden).sort();
}
