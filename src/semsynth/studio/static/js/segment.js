/** Edit my own photo: only what was edited is replaced, with a soft rim; every other pixel of the photo stays. */

/** @import { Reference } from "./state.js" */
/** @import { Store } from "./store.js" */

/** Width of the rim from the new to the old, relative to the margin. */
const SOFT = 0.75;

/**
 * How much of each pixel of the layout is replaced: 255 where it was edited and within the margin, then falling to 0.
 * @param {Uint8Array} edited  [height * width], 1 where the layout differs
 * @param {number} width
 * @param {number} margin  pixels
 * @returns {Uint8ClampedArray}
 */
export function alphaOf(edited, width, margin) {
  const height = edited.length / width;
  const far = 1e6;
  // Distances by steps of 3 and 4 thirds (Borgefors 1986, chamfer 3-4): within 8 % of the Euclidean ones.
  const distance = Int32Array.from(edited, (one) => (one ? 0 : far));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (x > 0) distance[i] = Math.min(distance[i], distance[i - 1] + 3);
      if (y > 0) distance[i] = Math.min(distance[i], distance[i - width] + 3);
      if (y > 0 && x > 0) distance[i] = Math.min(distance[i], distance[i - width - 1] + 4);
      if (y > 0 && x + 1 < width) distance[i] = Math.min(distance[i], distance[i - width + 1] + 4);
    }
  }
  for (let y = height - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--) {
      const i = y * width + x;
      if (x + 1 < width) distance[i] = Math.min(distance[i], distance[i + 1] + 3);
      if (y + 1 < height) distance[i] = Math.min(distance[i], distance[i + width] + 3);
      if (y + 1 < height && x + 1 < width) distance[i] = Math.min(distance[i], distance[i + width + 1] + 4);
      if (y + 1 < height && x > 0) distance[i] = Math.min(distance[i], distance[i + width - 1] + 4);
    }
  }
  const soft = Math.max(1, margin * SOFT);
  return Uint8ClampedArray.from(distance, (thirds) => {
    const beyond = (thirds / 3 - margin + soft) / soft;
    const t = Math.min(1, Math.max(0, beyond));
    return 255 * (1 - t * t * (3 - 2 * t));
  });
}

/**
 * The person's photo with the edits in it.
 * @param {Store} store
 * @param {Reference} reference  with a base
 * @param {ImageBitmap | null} photo  of the layout as it is now
 * @param {number} [limit]  the longest side, for a quick look; the photo's own resolution without
 * @returns {OffscreenCanvas}
 */
export function composite(store, reference, photo, limit = Infinity) {
  const { bitmap, base, margin } = reference;
  const { layer } = store;
  const scale = Math.min(1, limit / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(width, height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(bitmap, 0, 0, width, height);
  if (!photo || !base) return canvas;
  const edited = Uint8Array.from(layer.ids, (id, i) =>
    id !== base.ids[i] || layer.instances[i] !== base.instances[i] ? 1 : 0,
  );
  if (!edited.includes(1)) return canvas;
  const mask = new ImageData(layer.width, layer.height);
  alphaOf(edited, layer.width, margin).forEach((alpha, i) => (mask.data[4 * i + 3] = alpha));
  const small = new OffscreenCanvas(layer.width, layer.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (small.getContext("2d")).putImageData(mask, 0, 0);
  const patch = new OffscreenCanvas(width, height);
  const paint = /** @type {OffscreenCanvasRenderingContext2D} */ (patch.getContext("2d"));
  paint.imageSmoothingQuality = "high";
  paint.drawImage(photo, 0, 0, width, height);
  paint.globalCompositeOperation = "destination-in";
  paint.drawImage(small, 0, 0, width, height);
  context.drawImage(patch, 0, 0);
  return canvas;
}
