/**
 * Which objects a layout holds, and which instance ids new ones get: the rules of `semsynth.layout.instances`, on the
 * editor's own arrays. `tests/studio_js/test_edits.py` compares the two.
 */

import { PENDING, VOID } from "./labels.js";

/** @import { LabelClass } from "./api.js" */
/** @import { LabelLayer } from "./labels.js" */

/** Class ids and instance ids, row by row. @typedef {{ids: Uint16Array, instances: Uint16Array}} Maps */

/** Instance ids of a class whose objects are counted (Cityscapes: 1000 * class + k). */
const IDS_PER_CLASS = 1000;
/** Groups of Cityscapes whose classes are things. */
const THING_GROUPS = ["human", "vehicle"];
/** Ids above this one mean something else: {@link PENDING}, {@link VOID}. */
const MAX_INSTANCE = PENDING - 1;

/**
 * Every region of one class as an object (4 neighbours), for maps without instances.
 * @param {Uint16Array} ids
 * @param {number} width
 * @returns {Uint16Array}
 */
export function components(ids, width) {
  const parent = new Int32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const left = i % width > 0 && ids[i - 1] === ids[i] ? root(parent, i - 1) : -1;
    const above = i >= width && ids[i - width] === ids[i] ? root(parent, i - width) : -1;
    parent[i] = left >= 0 ? left : above >= 0 ? above : i;
    if (left >= 0 && above >= 0) parent[Math.max(left, above)] = parent[i] = Math.min(left, above);
  }
  const counts = new Uint32Array(VOID);
  for (let i = 0; i < ids.length; i++) if (ids[i] !== VOID && parent[i] === i) counts[ids[i]]++;
  const next = firstIds(counts);
  const instances = new Uint16Array(ids.length);
  const used = new Uint8Array(VOID + 1);
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === VOID) continue;
    instances[i] = parent[i] === i ? next[ids[i]]++ : instances[root(parent, i)];
    used[instances[i]] = 1;
  }
  const free = used.indexOf(0);
  for (let i = 0; i < ids.length; i++) if (ids[i] === VOID) instances[i] = free;
  return instances;
}

/**
 * The instance id of each class's first component: 1000 * class if there are ids for all, else counted from 1.
 * @param {Uint32Array} counts  components by class
 */
function firstIds(counts) {
  const fits = (/** @type {number} */ count, /** @type {number} */ id) =>
    !count || (count <= IDS_PER_CLASS && IDS_PER_CLASS * id + count - 1 <= VOID);
  if (counts.every(fits)) return Float64Array.from(counts, (_, id) => IDS_PER_CLASS * id);
  let next = 1;
  return Float64Array.from(counts, (count) => (next += count) - count);
}

/**
 * @param {Int32Array} parent
 * @param {number} i
 */
function root(parent, i) {
  while (parent[i] !== i) {
    parent[i] = parent[parent[i]];
    i = parent[i];
  }
  return i;
}

/**
 * Whether all objects follow the Cityscapes convention: 1000 * class + k where they are counted, else the class id.
 * @param {Maps} maps
 */
export function isConventional({ ids, instances }) {
  for (let i = 0; i < ids.length; i++) {
    const [id, instance] = [ids[i], instances[i]];
    if (id !== VOID && instance !== id && Math.floor(instance / IDS_PER_CLASS) !== id) return false;
  }
  return true;
}

/**
 * The instance id of a new object.
 * @param {Maps} maps  where it will be
 * @param {number} id  its class, or VOID for pixels that are no object
 * @param {readonly LabelClass[]} classes
 * @param {boolean} [apart]  not the region of its class, even where that is one
 * @returns {number} an id that nothing has; the region's id for stuff and void
 */
export function newInstance(maps, id, classes, apart = false) {
  const { ids, instances } = maps;
  if (id === VOID) return voidInstance(maps);
  const used = usedIn(instances);
  if (isConventional(maps)) {
    const elsewhere = instances.some((instance, i) => instance === id && ids[i] !== id && ids[i] !== VOID);
    if (!apart && !elsewhere && !isThing(maps, id, classes)) return id;
    const first = IDS_PER_CLASS * id;
    for (let k = first; k < first + IDS_PER_CLASS && k <= MAX_INSTANCE; k++) if (!used[k]) return k;
  }
  const next = used.lastIndexOf(1) + 1;
  return next <= MAX_INSTANCE ? next : used.indexOf(0);
}

/** @param {Maps} maps */
function voidInstance({ ids, instances }) {
  let least = Infinity;
  ids.forEach((id, i) => {
    if (id === VOID) least = Math.min(least, instances[i]);
  });
  return least < Infinity ? least : usedIn(instances).indexOf(0);
}

/** @param {Uint16Array} instances  @returns {Uint8Array} 1 at every id that is used */
function usedIn(instances) {
  const used = new Uint8Array(VOID + 1);
  for (const instance of instances) used[instance] = 1;
  return used;
}

/**
 * Whether a new object of a class is counted: as the layout shows, else as the groups of the classes say.
 * @param {Maps} maps
 * @param {number} id
 * @param {readonly LabelClass[]} classes
 */
function isThing({ ids, instances }, id, classes) {
  if (ids.some((one, i) => one === id && instances[i] !== id)) return true;
  const things = classes.filter(({ group }) => THING_GROUPS.includes(group));
  return things.length ? things.some((one) => one.id === id) : !ids.includes(id);
}

/**
 * Give the pixels of a stroke, which are PENDING, their object: the one of their class that they cover or touch most,
 * else a new one.
 * @param {LabelLayer} layer
 * @param {Maps} before  without the stroke
 * @param {number} id  the class that was painted, or VOID
 * @param {readonly LabelClass[]} classes
 * @param {boolean} apart  always a new one
 * @returns {number} the instance id
 */
export function settle(layer, before, id, classes, apart) {
  const touched = apart || id === VOID ? null : touchedMost(layer, before, id);
  const instance = touched ?? newInstance(before, id, classes, apart);
  const { width, changed } = layer;
  for (let y = changed?.y0 ?? 0; y < (changed?.y1 ?? 0); y++) {
    for (let i = y * width; i < (y + 1) * width; i++) if (layer.instances[i] === PENDING) layer.instances[i] = instance;
  }
  return instance;
}

/**
 * @param {LabelLayer} layer
 * @param {Maps} before
 * @param {number} id
 * @returns {number | null}
 */
function touchedMost(layer, before, id) {
  const { width, height, changed } = layer;
  /** @type {Map<number, number>} */
  const counts = new Map();
  /** @param {number} i */
  const count = (i) => {
    const instance = before.instances[i];
    if (before.ids[i] === id) counts.set(instance, (counts.get(instance) ?? 0) + 1);
  };
  for (let y = changed?.y0 ?? 0; y < (changed?.y1 ?? 0); y++) {
    for (let x = changed?.x0 ?? 0; x < (changed?.x1 ?? 0); x++) {
      const i = y * width + x;
      if (layer.instances[i] !== PENDING) continue;
      count(i);
      if (x > 0) count(i - 1);
      if (x + 1 < width) count(i + 1);
      if (y > 0) count(i - width);
      if (y + 1 < height) count(i + width);
    }
  }
  let best = null;
  for (const [instance, pixels] of counts) {
    if (best === null || pixels > (counts.get(best) ?? 0)) best = instance;
  }
  return best;
}
