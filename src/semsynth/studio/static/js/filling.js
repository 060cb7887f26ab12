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
 * The pixels that grow into the place of an object in the editor.
 * @param {LabelLayer} layer
 * @param {{id: number, places: Uint32Array}} object
 * @param {readonly LabelClass[]} classes
 * @returns {Uint8Array | null} [height * width], 1 at each; null: its place becomes void, because there are none, or
 *   because more than half of what surrounds it is void, as on an empty sheet
 */
export function growing(layer, { id, places }, classes) {
  const { ids } = layer;
  const hole = new Uint8Array(ids.length);
  for (const place of places) hole[place] = 1;
  const edges = sharedEdges(layer, hole, places);
  edges[id] = 0;
  if (2 * edges[VOID] > edges.reduce((sum, count) => sum + count, 0)) return null;
  const mayGrow = growingClasses(layer, id, edges, classes);
  let any = false;
  for (let i = 0; i < ids.length; i++) {
    hole[i] = !hole[i] && mayGrow[ids[i]] ? 1 : 0;
    any ||= hole[i] === 1;
  }
  return any ? hole : null;
}

/**
 * How many pixel edges each class shares with a hole.
 * @param {LabelLayer} layer
 * @param {Uint8Array} hole  1 where it is
 * @param {Uint32Array} places  where it is
 * @returns {Uint32Array} by class id
 */
function sharedEdges({ ids, width }, hole, places) {
  const edges = new Uint32Array(VOID + 1);
  for (const place of places) {
    const x = place % width;
    if (place >= width && !hole[place - width]) edges[ids[place - width]]++;
    if (place + width < ids.length && !hole[place + width]) edges[ids[place + width]]++;
    if (x > 0 && !hole[place - 1]) edges[ids[place - 1]]++;
    if (x + 1 < width && !hole[place + 1]) edges[ids[place + 1]]++;
  }
  return edges;
}

/**
 * The classes that go on behind an object and touch it enough.
 * @param {LabelLayer} layer
 * @param {number} id  the object's class
 * @param {Uint32Array} edges  that each class shares with it
 * @param {readonly LabelClass[]} classes
 * @returns {Uint8Array} by class id
 */
function growingClasses(layer, id, edges, classes) {
  const mayGrow = new Uint8Array(VOID + 1).fill(1);
  for (const other of [VOID, id, ...foregroundClasses(layer, classes)]) mayGrow[other] = 0;
  const most = edges.reduce((found, count, one) => (mayGrow[one] ? Math.max(found, count) : found), 0);
  if (!most) return mayGrow;
  return mayGrow.map((grows, one) => (grows && edges[one] >= most * MIN_SHARED_EDGES ? 1 : 0));
}

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
  for (let i = 0; i < ids.length; i++) if (ids[i] !== VOID && instances[i] !== ids[i]) found.add(ids[i]);
  return found;
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
  const found = new Int32Array(places.length);
  for (let n = 0; n < places.length; n++) {
    const x = places[n] % width;
    const row = places[n] - x;
    const y = row / width;
    let best = -1;
    let distance = Infinity;
    for (let step = 0; step < width && step * step <= distance; step++) {
      for (let column = x - step; column <= x + step; column += 2 * step || 1) {
        const nearest = column < 0 || column >= width ? -1 : inColumn[row + column];
        if (nearest < 0) continue;
        const squared = (nearest - y) * (nearest - y) + step * step;
        const source = nearest * width + column;
        if (squared < distance || (squared === distance && source < best)) {
          best = source;
          distance = squared;
        }
      }
    }
    found[n] = best;
  }
  return found;
}

/**
 * The row of the source nearest to each pixel in its column, the upper one of two; -1 where the column has none.
 * @param {Uint8Array} sources
 * @param {number} width
 */
function nearestInColumns(sources, width) {
  const nearest = new Int32Array(sources.length).fill(-1);
  const height = sources.length / width;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (sources[i]) nearest[i] = y;
      else if (y > 0) nearest[i] = nearest[i - width];
    }
  }
  for (let y = height - 2, i = sources.length - width - 1; y >= 0; y--) {
    for (let x = 0; x < width; x++, i--) {
      const below = nearest[i + width];
      if (below > y && (nearest[i] < 0 || below - y < y - nearest[i])) nearest[i] = below;
    }
  }
  return nearest;
}
