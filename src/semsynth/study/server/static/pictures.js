// Pictures that are decoded before they are needed.

const ATTEMPTS = 4;
const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

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

/** Loads some pairs ahead and forgets those that are over. */
export class Pictures {
  #pairs;
  #ahead;
  #loading = new Map();

  constructor(pairs, ahead = 4) {
    this.#pairs = pairs;
    this.#ahead = ahead;
  }

  /** The decoded pictures of a pair: {left, right, layout}. */
  async of(position) {
    for (const known of this.#loading.keys()) if (known < position) this.#loading.delete(known);
    for (let next = position; next < Math.min(position + this.#ahead, this.#pairs.length); next++) {
      if (!this.#loading.has(next)) {
        const { left, right, layout } = this.#pairs[next];
        const loading = Promise.all([left, right, layout].map(url => url && decoded(url)));
        loading.catch(() => this.#loading.delete(next)); // to be tried again
        this.#loading.set(next, loading);
      }
    }
    const [left, right, layout] = await this.#loading.get(position);
    return { left, right, layout };
  }
}
