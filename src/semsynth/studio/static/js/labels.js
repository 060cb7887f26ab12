/** The label layer: what is painted. Class ids and instance ids as whole numbers; pictures of it are made elsewhere. */

/** The id of "no class", as in 16-bit label files. */
export const VOID = 65535;
/** The provisional instance of what is being painted; `settle` in instances.js replaces it. */
export const PENDING = 65534;

/** @typedef {{x0: number, y0: number, x1: number, y1: number}} Box  x1 and y1 lie one past the last pixel */

/** @import { Maps } from "./instances.js" */

/**
 * What a stroke paints, and where it may.
 * @typedef {object} Paint
 * @property {number} id  the class, or VOID
 * @property {number} instance  the object, PENDING while it is not settled
 * @property {number | null} only  paint only over this class
 */

/** A label map with its objects. Its fields are for reading: the methods here and the history write them. */
export class LabelLayer {
  /**
   * @param {number} width
   * @param {number} height
   * @param {Maps} [maps]  [height * width] each; void without
   */
  constructor(width, height, maps) {
    this.width = width;
    this.height = height;
    this.ids = maps?.ids ?? new Uint16Array(width * height).fill(VOID);
    this.instances = maps?.instances ?? new Uint16Array(width * height);
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
   * Write pixels as one object.
   * @param {Uint32Array} places  ascending
   * @param {number} id
   * @param {number} instance
   */
  write(places, id, instance) {
    for (const place of places) {
      this.ids[place] = id;
      this.instances[place] = instance;
    }
    this.#touchRows(places);
  }

  /**
   * Copy pixels from elsewhere.
   * @param {Uint32Array} places  ascending
   * @param {Maps} maps
   * @param {ArrayLike<number>} from  for each place, where in `maps`
   */
  copy(places, { ids, instances }, from) {
    places.forEach((place, i) => {
      this.ids[place] = ids[from[i]];
      this.instances[place] = instances[from[i]];
    });
    this.#touchRows(places);
  }

  /**
   * Take over all pixels of maps of the same size.
   * @param {Maps} maps
   */
  replace({ ids, instances }) {
    this.ids.set(ids);
    this.instances.set(instances);
    this.touch({ x0: 0, y0: 0, x1: this.width, y1: this.height });
  }

  /** Its pixels as they are now. @returns {Maps} */
  maps() {
    return { ids: this.ids.slice(), instances: this.instances.slice() };
  }

  /** @param {Uint32Array} places  ascending */
  #touchRows(places) {
    if (!places.length) return;
    const [y0, y1] = [places[0], places[places.length - 1]].map((place) => Math.floor(place / this.width));
    this.touch({ x0: 0, y0, x1: this.width, y1: y1 + 1 });
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
