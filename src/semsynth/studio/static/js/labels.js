/** The label layer: what is painted. Class ids and instance ids as whole numbers; pictures of it are made elsewhere. */

/** The id of "no class", as in 16-bit label files. */
export const VOID = 65535;
/** Instance ids of a class whose objects are counted (Cityscapes: 1000 * class + k). */
export const IDS_PER_CLASS = 1000;
/** The provisional instance of what is being painted; {@link LabelLayer.settle} replaces it. */
export const PENDING = 65534;

/** @typedef {{x0: number, y0: number, x1: number, y1: number}} Box  x1 and y1 lie one past the last pixel */

/**
 * What a stroke paints, and where it may.
 * @typedef {object} Paint
 * @property {number} id  the class, or VOID
 * @property {number} instance  the object, PENDING while it is not settled
 * @property {number | null} only  paint only over this class
 */

/** A label map with its objects. Fields may be read by everyone; only this module and the history write them. */
export class LabelLayer {
  /**
   * @param {number} width
   * @param {number} height
   * @param {Uint16Array} [ids]  [height * width]; void without
   * @param {Uint16Array} [instances]  [height * width]; every region of one class without
   */
  constructor(width, height, ids, instances) {
    this.width = width;
    this.height = height;
    this.ids = ids ?? new Uint16Array(width * height).fill(VOID);
    this.instances = instances ?? components(this.ids, width);
    /** @type {Box | null} what changed since {@link takeChanged} */
    this.changed = null;
    /** @type {Box | null} the same for the picture of it */
    this.unseen = { x0: 0, y0: 0, x1: width, y1: height };
  }

  /**
   * Whether a pixel lies inside.
   * @param {number} x
   * @param {number} y
   */
  has(x, y) {
    return x >= 0 && y >= 0 && x < this.width && y < this.height;
  }

  /**
   * Paint one span, clipped.
   * @param {Paint} paint
   * @param {number} y
   * @param {number} x0
   * @param {number} x1
   */
  span(paint, y, x0, x1) {
    const from = Math.max(0, x0);
    const to = Math.min(this.width - 1, x1);
    if (y < 0 || y >= this.height || from > to) return;
    const [start, end] = [y * this.width + from, y * this.width + to + 1];
    if (paint.only === null) {
      this.ids.fill(paint.id, start, end);
      this.instances.fill(paint.instance, start, end);
    } else {
      for (let i = start; i < end; i++) {
        if (this.ids[i] !== paint.only) continue;
        this.ids[i] = paint.id;
        this.instances[i] = paint.instance;
      }
    }
    this.touch({ x0: from, y0: y, x1: to + 1, y1: y + 1 });
  }

  /**
   * Note that pixels changed.
   * @param {Box} box
   */
  touch(box) {
    this.changed = union(this.changed, box);
    this.unseen = union(this.unseen, box);
  }

  /** The box of what changed since the last call, or null. */
  takeChanged() {
    const box = this.changed;
    this.changed = null;
    return box;
  }

  /** The box of what was not drawn yet, or null. */
  takeUnseen() {
    const box = this.unseen;
    this.unseen = null;
    return box;
  }

  /**
   * Give the pixels that are PENDING their object.
   *
   * What touches an object of its class extends it, except where a new object is wanted; anything else is new. Where
   * the class is one region (stuff), the region's id is the class's.
   * @param {Uint16Array} oldIds  before the stroke
   * @param {Uint16Array} oldInstances  before the stroke
   * @param {number} id  the class that was painted
   * @param {{separate: boolean, stuff: boolean}} how
   * @returns {number} the instance id
   */
  settle(oldIds, oldInstances, id, how) {
    const box = this.changed;
    if (!box) return PENDING;
    let instance = id;
    if (id !== VOID && !(how.stuff && !how.separate)) {
      const touched = how.separate ? null : this.neighbour(oldIds, oldInstances, id, box);
      instance = touched ?? freeInstance(id, new Set(oldInstances));
    }
    for (let y = box.y0; y < box.y1; y++) {
      for (let i = y * this.width + box.x0; i < y * this.width + box.x1; i++) {
        if (this.instances[i] === PENDING) this.instances[i] = instance;
      }
    }
    return instance;
  }

  /**
   * The object of class `id` that the pending pixels cover or touch most.
   * @param {Uint16Array} oldIds
   * @param {Uint16Array} oldInstances
   * @param {number} id
   * @param {Box} box
   * @returns {number | null}
   */
  neighbour(oldIds, oldInstances, id, box) {
    const { width, height } = this;
    /** @type {Map<number, number>} */
    const counts = new Map();
    /** @param {number} i */
    const count = (i) => {
      if (oldIds[i] === id) counts.set(oldInstances[i], (counts.get(oldInstances[i]) ?? 0) + 1);
    };
    for (let y = box.y0; y < box.y1; y++) {
      for (let x = box.x0; x < box.x1; x++) {
        const i = y * width + x;
        if (this.instances[i] !== PENDING) continue;
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
}

/**
 * @param {Box | null} a
 * @param {Box} b
 * @returns {Box}
 */
export function union(a, b) {
  if (!a) return { ...b };
  return {
    x0: Math.min(a.x0, b.x0),
    y0: Math.min(a.y0, b.y0),
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
  };
}

/**
 * An instance id that nothing has: 1000 * class + k where 16 bits hold it, else the smallest that is free.
 * @param {number} id
 * @param {Set<number>} used
 */
export function freeInstance(id, used) {
  const base = IDS_PER_CLASS * id;
  // Class 0 would count through the ids of other classes' regions.
  for (let k = id === 0 ? 256 : 0; k < IDS_PER_CLASS && base + k < PENDING; k++) {
    if (!used.has(base + k)) return base + k;
  }
  for (let k = 256; k < PENDING; k++) if (!used.has(k)) return k;
  return id;
}

/**
 * Every region of one class as an object (4 neighbours), for maps without instances; void has the id VOID.
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
    if (left >= 0 && above >= 0) parent[Math.max(left, above)] = Math.min(left, above);
    if (left >= 0 && above >= 0) parent[i] = Math.min(left, above);
  }
  const instances = new Uint16Array(ids.length);
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === VOID) {
      instances[i] = VOID;
    } else if (parent[i] === i) {
      const k = counts.get(ids[i]) ?? (ids[i] === 0 ? 256 : 0);
      counts.set(ids[i], k + 1);
      // Beyond 1000 of a class, or 16 bits, the rest of them are one object.
      const instance = IDS_PER_CLASS * ids[i] + Math.min(k, IDS_PER_CLASS - 1);
      instances[i] = instance < PENDING ? instance : ids[i];
    } else {
      instances[i] = instances[root(parent, i)];
    }
  }
  return instances;
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
