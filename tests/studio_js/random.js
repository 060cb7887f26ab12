/** Random numbers that are the same in every run (mulberry32). */
export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  int(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick(values) {
    return values[this.int(0, values.length - 1)];
  }
}

/** Blobs of a few classes. */
export function randomLayout(random, width, height, ids) {
  const values = new Uint16Array(width * height).fill(ids[0]);
  for (let n = 0; n < 12; n++) {
    const [x, y, w, h] = [random.int(0, width - 1), random.int(0, height - 1), random.int(1, 12), random.int(1, 12)];
    const id = random.pick(ids);
    for (let r = y; r < Math.min(height, y + h); r++)
      values.fill(id, r * width + x, r * width + Math.min(width, x + w));
  }
  return values;
}
