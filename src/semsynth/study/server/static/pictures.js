/** Pictures that are decoded before they are needed. */

import { wait } from "./page.js";

/** @import { ShownPair } from "./page.js" */

/** @typedef {{left: HTMLImageElement, right: HTMLImageElement, layout: HTMLImageElement | null}} Decoded */

const ATTEMPTS = 4;
const LONGEST_WAIT = 8000;

/**
 * A server that is away or busy is waited for.
 * @param {string} url
 * @returns {Promise<HTMLImageElement>}
 * @throws {Error} the server answers, and its answer is no picture
 */
async function decoded(url) {
  let refused = 0;
  for (let failures = 0; ; failures++) {
    const image = new Image();
    image.draggable = false;
    image.src = url;
    try {
      await image.decode();
      return image;
    } catch (error) {
      if (!(await isAway(url)) && ++refused === ATTEMPTS) {
        throw new Error("A picture could not be loaded.", { cause: error });
      }
      await wait(Math.min(LONGEST_WAIT, 800 * 2 ** failures));
    }
  }
}

/** Whether there is no server, or one that is busy. @param {string} url */
async function isAway(url) {
  const response = await fetch(url).catch(() => null);
  return response === null || response.status >= 500 || response.status === 429;
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
