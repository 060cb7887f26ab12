/** Pictures that are decoded before they are needed. */

import { wait } from "./page.js";

/** @import { ShownPair } from "./page.js" */

/** @typedef {{left: HTMLImageElement, right: HTMLImageElement, layout: HTMLImageElement | null}} Decoded */

const ATTEMPTS = 4;

/**
 * @param {string} url
 * @returns {Promise<HTMLImageElement>}
 */
async function decoded(url) {
  for (let attempt = 1; ; attempt++) {
    const image = new Image();
    image.draggable = false;
    image.src = url;
    try {
      await image.decode();
      return image;
    } catch (error) {
      if (attempt === ATTEMPTS) throw new Error("A picture could not be loaded.", { cause: error });
      await wait(400 * 2 ** attempt);
    }
  }
}

/** @param {ShownPair} pair  @returns {Promise<Decoded>} */
async function decodedPair({ left, right, layout }) {
  const [a, b, c] = await Promise.all([decoded(left), decoded(right), layout === null ? null : decoded(layout)]);
  return { left: a, right: b, layout: c };
}

/** Loads some pairs ahead and forgets those that are over. */
export class Pictures {
  #pairs;
  #ahead;
  /** @type {Map<number, Promise<Decoded>>} */
  #loading = new Map();

  /** @param {ShownPair[]} pairs */
  constructor(pairs, ahead = 4) {
    this.#pairs = pairs;
    this.#ahead = ahead;
  }

  /** The decoded pictures of a pair. @param {number} position */
  of(position) {
    for (const known of this.#loading.keys()) if (known < position) this.#loading.delete(known);
    const wanted = this.#load(position);
    for (let next = position + 1; next < Math.min(position + this.#ahead, this.#pairs.length); next++) this.#load(next);
    return wanted;
  }

  /** @param {number} position */
  #load(position) {
    const known = this.#loading.get(position);
    if (known) return known;
    const loading = decodedPair(this.#pairs[position]);
    loading.catch(() => this.#loading.delete(position)); // to be tried again
    this.#loading.set(position, loading);
    return loading;
  }
}
