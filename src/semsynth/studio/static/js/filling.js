/**
 * What closes the hole that an object leaves: the rule "stuff" of `semsynth.layout.edits.filling`, on the editor's own
 * arrays. `tests/studio_js/test_edits.py` compares the two.
 */

import { isConventional } from "./instances.js";
import { VOID } from "./labels.js";

/** @import { LabelClass } from "./api.js" */
/** @import { Maps } from "./instances.js" */
/** @import { LabelLayer } from "./labels.js" */

/** Groups whose classes stand in front of others and do not go on behind them. */
const FOREGROUND_GROUPS = ["human", "vehicle", "object", "void"];
/** Of the edges that a hole shares with the class that touches it most: one with fewer does not grow into it. */
const MIN_SHARED_EDGES = 0.25;

/**
 * The classes that are known to stand in front of others.
 * @param {Maps} maps
 * @param {readonly LabelClass[]} classes
 * @returns {Set<number>}
 */
function foregroundClasses(maps, classes) {
  const { ids, instances } = maps;
  const found = new Set(classes.filter(({ group }) => FOREGROUND_GROUPS.includes(group)).map(({ id }) => id));
  // An instance 0 of class 0 may be an object or a region.
  const hasRegion = ids.some((id, i) => id !== VOID && id !== 0 && instances[i] === id);
  if (!hasRegion || !isConventional(maps)) return found;
  ids.forEach((id, i) => {
    if (id !== VOID && instances[i] !== id) found.add(id);
  });
  return found;
}

/**
 * How many edges each pixel outside a hole shares with it: 0 to 4.
 * @param {Uint8Array} hole  1 where it is
 * @param {number} width
 */
function sharedEdges(hole, width) {
  const edges = new Uint8Array(hole.length);
  for (let i = 0; i < hole.length; i++) {
    if (!hole[i]) continue;
    if (i >= width) edges[i - width]++;
    if (i + width < hole.length) edges[i + width]++;
    if (i % width > 0) edges[i - 1]++;
    if ((i + 1) % width > 0) edges[i + 1]++;
  }
  return edges;
}

/**
 * Whether more than half of what is around a hole is void, as on an empty sheet; the object's own class left out.
 * @param {LabelLayer} layer
 * @param {Uint8Array} hole  1 where it is
 * @param {number} id  of the object
 */
export function liesOnVoid({ ids, width }, hole, id) {
  let [empty, all] = [0, 0];
  sharedEdges(hole, width).forEach((count, i) => {
    if (hole[i] || ids[i] === id) return;
    all += count;
    if (ids[i] === VOID) empty += count;
  });
  return 2 * empty > all;
}

/**
 * The pixels that may grow into a hole.
 * @param {LabelLayer} layer
 * @param {Uint8Array} hole  1 where it is
 * @param {number} id  the class of what was there
 * @param {readonly LabelClass[]} classes
 * @returns {Uint8Array} 1 at each; all 0 where there is none
 */
export function stuffAround(layer, hole, id, classes) {
  const { ids, width } = layer;
  const front = foregroundClasses(layer, classes);
  const sources = Uint8Array.from(ids, (one, i) =>
    !hole[i] && one !== VOID && one !== id && !front.has(one) ? 1 : 0,
  );
  const edges = new Uint32Array(VOID);
  sharedEdges(hole, width).forEach((count, i) => {
    if (sources[i]) edges[ids[i]] += count;
  });
  const least = edges.reduce((most, count) => Math.max(most, count)) * MIN_SHARED_EDGES;
  return least ? sources.map((source, i) => (source && edges[ids[i]] >= least ? 1 : 0)) : sources;
}

/**
 * The source nearest to each place (Euclidean), the first in reading order among equally near ones: first the nearest
 * of every column, then the columns left and right of the place, as long as they can hold nearer ones.
 * @param {Uint8Array} sources  [height * width], 1 where a pixel is one, at least one of them
 * @param {number} width
 * @param {Uint32Array} places
 * @returns {Int32Array}
 */
export function nearestSources(sources, width, places) {
  const inColumn = nearestInColumns(sources, width);
  return Int32Array.from(places, (place) => {
    const [x, y] = [place % width, Math.floor(place / width)];
    let [best, distance] = [-1, Infinity];
    /** @param {number} column */
    const look = (column) => {
      if (column < 0 || column >= width) return;
      const row = inColumn[y * width + column];
      if (row < 0) return;
      const [source, squared] = [row * width + column, (row - y) ** 2 + (column - x) ** 2];
      if (squared < distance || (squared === distance && source < best)) [best, distance] = [source, squared];
    };
    for (let step = 0; step < width && step * step <= distance; step++) {
      look(x - step);
      if (step) look(x + step);
    }
    return best;
  });
}

/**
 * The row of the source nearest to each pixel in its column, the upper one of two; -1 where the column has none.
 * @param {Uint8Array} sources
 * @param {number} width
 */
function nearestInColumns(sources, width) {
  const nearest = new Int32Array(sources.length);
  for (let i = 0; i < sources.length; i++) {
    nearest[i] = sources[i] ? Math.floor(i / width) : i < width ? -1 : nearest[i - width];
  }
  for (let i = sources.length - width - 1; i >= 0; i--) {
    const [y, below] = [Math.floor(i / width), nearest[i + width]];
    if (below > y && (nearest[i] < 0 || below - y < y - nearest[i])) nearest[i] = below;
  }
  return nearest;
}
