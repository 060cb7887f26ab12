/** Pictures of the label layer: colours, patterns, outlines of objects. Nothing is ever read back from them. */

import { VOID } from "./labels.js";

/** @import { Box, LabelLayer } from "./labels.js" */
/** @import { LabelClasses } from "./api.js" */

/** @typedef {OffscreenCanvasRenderingContext2D} Context */

/**
 * Patterns that tell classes apart without colour; pixels of the layout, 8 by 8.
 * @type {ReadonlyArray<(x: number, y: number) => boolean>}
 */
const PATTERNS = [
  () => false,
  (x, y) => (x + y) % 8 === 0,
  (x, y) => (x - y + 8) % 8 === 0,
  (x, y) => x % 4 === 1 && y % 4 === 1,
  (_, y) => y % 6 === 0,
  (x) => x % 6 === 0,
  (x, y) => x % 8 === 0 || y % 8 === 0,
  (x, y) => (x + y) % 8 === 0 || (x - y + 8) % 8 === 0,
  (x, y) => ((x >> 2) + (y >> 2)) % 2 === 0,
];

/** The pattern of the class at this place of the class set. @param {number} index */
export function patternOf(index) {
  return PATTERNS[index % PATTERNS.length];
}

/** Colours of classes as numbers that a picture's memory takes. */
export class Colors {
  /** @param {LabelClasses} classes */
  constructor(classes) {
    /** ABGR by id; ids outside the class set are magenta. */
    this.of = new Uint32Array(65536).fill(0xffff00ff);
    this.of[VOID] = 0;
    this.index = new Uint16Array(65536);
    classes.classes.forEach(({ id, color: [r, g, b] }, index) => {
      this.of[id] = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
      this.index[id] = index;
    });
  }
}

/** A picture of a label layer that follows what is painted. */
export class LabelPicture {
  /**
   * @param {LabelLayer} layer
   * @param {Colors} colors
   */
  constructor(layer, colors) {
    this.layer = layer;
    this.colors = colors;
    this.patterns = false;
    this.labels = new OffscreenCanvas(layer.width, layer.height);
    this.outlines = new OffscreenCanvas(layer.width, layer.height);
    layer.touch({ x0: 0, y0: 0, x1: layer.width, y1: layer.height });
  }

  /** Draw everything again. */
  redraw() {
    this.layer.touch({ x0: 0, y0: 0, x1: this.layer.width, y1: this.layer.height });
  }

  /**
   * Draw what has changed.
   * @param {boolean} withOutlines
   * @returns {boolean} whether anything had
   */
  update(withOutlines) {
    const box = this.layer.takeUnseen();
    if (!box) return false;
    this.#drawLabels(box);
    if (withOutlines) this.#drawOutlines(box);
    return true;
  }

  /** @param {Box} box */
  #drawLabels({ x0, y0, x1, y1 }) {
    const image = new ImageData(x1 - x0, y1 - y0);
    const out = new Uint32Array(image.data.buffer);
    const { ids, width } = this.layer;
    const { of, index } = this.colors;
    let i = 0;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const id = ids[y * width + x];
        out[i++] = this.patterns && id !== VOID && patternOf(index[id])(x, y) ? contrast(of[id]) : of[id];
      }
    }
    context(this.labels).putImageData(image, x0, y0);
  }

  /** @param {Box} box */
  #drawOutlines(box) {
    const { instances, ids, width, height } = this.layer;
    const [x0, y0] = [Math.max(0, box.x0 - 1), Math.max(0, box.y0 - 1)];
    const [x1, y1] = [Math.min(width, box.x1 + 1), Math.min(height, box.y1 + 1)];
    const image = new ImageData(x1 - x0, y1 - y0);
    const out = new Uint32Array(image.data.buffer);
    let at = 0;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++, at++) {
        const i = y * width + x;
        const right = x + 1 < width && (instances[i + 1] !== instances[i] || ids[i + 1] !== ids[i]);
        const below = y + 1 < height && (instances[i + width] !== instances[i] || ids[i + width] !== ids[i]);
        if (right || below) out[at] = 0xffffffff;
      }
    }
    context(this.outlines).putImageData(image, x0, y0);
  }
}

/**
 * The object's pixels, tinted, with a bright rim.
 * @param {LabelLayer} layer
 * @param {Uint32Array} places
 * @returns {OffscreenCanvas}
 */
export function highlight(layer, places) {
  const { width, height } = layer;
  const canvas = new OffscreenCanvas(width, height);
  const image = new ImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  const inside = new Uint8Array(width * height);
  for (const place of places) inside[place] = 1;
  for (const i of places) {
    const x = i % width;
    const rim =
      !inside[i - width] || !inside[i + width] || x === 0 || !inside[i - 1] || x + 1 === width || !inside[i + 1];
    out[i] = rim ? 0xffffffff : 0x50ffffff;
  }
  context(canvas).putImageData(image, 0, 0);
  return canvas;
}

/**
 * @param {OffscreenCanvas} canvas
 * @returns {Context}
 */
export function context(canvas) {
  return /** @type {Context} */ (canvas.getContext("2d"));
}

/** Black or white, whichever can be seen on a colour (ABGR). @param {number} color */
function contrast(color) {
  const light = 0.3 * (color & 255) + 0.6 * ((color >> 8) & 255) + 0.1 * ((color >> 16) & 255);
  return light > 128 ? 0xff000000 : 0xffffffff;
}
