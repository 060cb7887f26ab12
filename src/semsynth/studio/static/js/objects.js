/** Edits of a layout, object by object: move, duplicate, remove, relabel, bring forward (pix2pixHD, section 4.3). */

import { freeInstance, VOID } from "./labels.js";

/** @import { Box, LabelLayer } from "./labels.js" */
/** @import { LabelClass } from "./api.js" */

/** Groups whose classes stand in front of others and do not go on behind them, as in semsynth.layout.edits. */
const FOREGROUND = ["human", "vehicle", "object", "void"];

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
 * Write pixels as one object.
 * @param {LabelLayer} layer
 * @param {Uint32Array} places
 * @param {number} id
 * @param {number} instance
 */
export function write(layer, places, id, instance) {
  for (const place of places) {
    layer.ids[place] = id;
    layer.instances[place] = instance;
  }
  touchRows(layer, places);
}

/**
 * @param {LabelLayer} layer
 * @param {Uint32Array} places  ascending
 */
function touchRows(layer, places) {
  if (!places.length) return;
  const [y0, y1] = [places[0], places[places.length - 1]].map((place) => Math.floor(place / layer.width));
  layer.touch({ x0: 0, y0, x1: layer.width, y1: y1 + 1 });
}

/**
 * A shape at another place, without what would lie outside.
 * @param {LabelLayer} layer
 * @param {Uint32Array} places
 * @param {number} dx
 * @param {number} dy
 * @returns {Uint32Array}
 */
export function shifted(layer, places, dx, dy) {
  const moved = [];
  for (const place of places) {
    const [x, y] = [(place % layer.width) + dx, Math.floor(place / layer.width) + dy];
    if (layer.has(x, y)) moved.push(y * layer.width + x);
  }
  return Uint32Array.from(moved);
}

/** A class that touches a hole this much less than another does not grow into it: a sill, where a window was. */
const RIM_SHARE = 0.25;

/**
 * Close the hole that an object leaves with the nearest pixels that may go on behind it: not void, not of the object's
 * own class, not of a class that stands in front of others, nor of one that hardly touches the hole.
 * @param {LabelLayer} layer
 * @param {Shape} shape
 * @param {readonly LabelClass[]} classes
 */
export function remove(layer, shape, classes) {
  const front = new Set(classes.filter((item) => FOREGROUND.includes(item.group)).map((item) => item.id));
  const hole = new Uint8Array(layer.ids.length);
  for (const place of shape.places) hole[place] = 1;
  const around = rim(layer, shape, hole);
  const most = Math.max(0, ...around.values()) * RIM_SHARE;
  const behind = (/** @type {number} */ id) => id !== shape.id && !front.has(id);
  // The strictest rule that any pixel of the layout follows.
  const rules = [
    (/** @type {number} */ id) => behind(id) && (around.get(id) ?? 0) > most,
    behind,
    (/** @type {number} */ id) => id !== shape.id,
  ];
  let nearest = null;
  // On an empty sheet an object leaves nothing.
  const empty = (around.get(VOID) ?? 0) * 2 > [...around.values()].reduce((a, b) => a + b, 0);
  for (const rule of empty ? [] : rules) {
    const sources = Uint8Array.from(layer.ids, (id, i) => (!hole[i] && id !== VOID && rule(id) ? 1 : 0));
    nearest ??= nearestSource(sources, layer.width, layer.height, shape.places);
  }
  shape.places.forEach((place, i) => {
    layer.ids[place] = nearest ? layer.ids[nearest[i]] : VOID;
    layer.instances[place] = nearest ? layer.instances[nearest[i]] : VOID;
  });
  touchRows(layer, shape.places);
}

/**
 * How many pixels of each class touch a hole.
 * @param {LabelLayer} layer
 * @param {Shape} shape
 * @param {Uint8Array} hole
 * @returns {Map<number, number>}
 */
function rim({ ids, width }, { places, id }, hole) {
  const counts = new Map();
  for (const place of places) {
    const x = place % width;
    const beside = [place - width, place + width, x > 0 ? place - 1 : -1, x + 1 < width ? place + 1 : -1];
    for (const i of beside) {
      if (i >= 0 && i < ids.length && !hole[i] && ids[i] !== id) counts.set(ids[i], (counts.get(ids[i]) ?? 0) + 1);
    }
  }
  return counts;
}

/**
 * The nearest source of each place (Euclidean). Distances are handed on from neighbour to neighbour in two sweeps
 * (Danielsson 1980), which now and then takes a source that is a fraction of a pixel farther than the nearest.
 * @param {Uint8Array} sources  [height * width], 1 where a pixel is one
 * @param {number} width
 * @param {number} height
 * @param {Uint32Array} places
 * @returns {Int32Array | null} null: there is no source
 */
function nearestSource(sources, width, height, places) {
  const from = new Int32Array(sources.length).fill(-1);
  let any = false;
  sources.forEach((source, i) => {
    if (source) {
      from[i] = i;
      any = true;
    }
  });
  if (!any) return null;
  /** @param {number} i @param {number} source */
  const distance = (i, source) => {
    const dx = (i % width) - (source % width);
    const dy = Math.floor(i / width) - Math.floor(source / width);
    return dx * dx + dy * dy;
  };
  /** @param {number} i @param {number} x @param {number} y @param {number[][]} steps */
  const relax = (i, x, y, steps) => {
    if (sources[i]) return;
    for (const [dx, dy] of steps) {
      if (x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height) continue;
      const source = from[i + dy * width + dx];
      if (source >= 0 && (from[i] < 0 || distance(i, source) < distance(i, from[i]))) from[i] = source;
    }
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++)
      relax(y * width + x, x, y, [
        [-1, 0],
        [-1, -1],
        [0, -1],
        [1, -1],
      ]);
    for (let x = width - 1; x >= 0; x--) relax(y * width + x, x, y, [[1, 0]]);
  }
  for (let y = height - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--)
      relax(y * width + x, x, y, [
        [1, 0],
        [1, 1],
        [0, 1],
        [-1, 1],
      ]);
    for (let x = 0; x < width; x++) relax(y * width + x, x, y, [[-1, 0]]);
  }
  return Int32Array.from(places, (place) => from[place]);
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
    const [ids, instances] = [layer.ids.slice(), layer.instances.slice()];
    remove(layer, shape, classes);
    this.underIds = layer.ids.slice();
    this.underInstances = layer.instances.slice();
    layer.ids.set(ids);
    layer.instances.set(instances);
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
    for (const place of this.places) {
      this.layer.ids[place] = this.underIds[place];
      this.layer.instances[place] = this.underInstances[place];
    }
    touchRows(this.layer, this.places);
    write(this.layer, places, this.shape.id, this.shape.instance);
    [this.dx, this.dy, this.places] = [dx, dy, places];
    return true;
  }
}

/**
 * Put a copy of an object beside it.
 * @param {LabelLayer} layer
 * @param {Shape} shape
 * @param {number} dx
 * @param {number} dy
 * @returns {number | null} the copy's instance id; null: it would lie outside
 */
export function duplicate(layer, shape, dx, dy) {
  const places = shifted(layer, shape.places, dx, dy);
  if (!places.length) return null;
  const instance = freeInstance(shape.id, new Set(layer.instances));
  write(layer, places, shape.id, instance);
  return instance;
}

/**
 * Give an object another class, and an instance id of that class.
 * @param {LabelLayer} layer
 * @param {Shape} shape
 * @param {number} id
 * @param {boolean} stuff  the class is one region
 * @returns {number} the new instance id
 */
export function relabel(layer, shape, id, stuff) {
  const instance = stuff ? id : freeInstance(id, new Set(layer.instances));
  write(layer, shape.places, id, instance);
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
