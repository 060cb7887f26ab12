/** A view of the layout's place: layers of pictures under one camera. It draws, and knows nothing of ids. */

/** @import { Camera, Place } from "./camera.js" */

/**
 * @typedef {object} Layer
 * @property {CanvasImageSource | null} image
 * @property {number} opacity
 * @property {boolean} smooth  photos are, labels are not
 * @property {[number, number]} [clip]  the part of the width that it covers
 */

/** What the pointer or the keyboard's cursor shows, in pixels of the layout.
 * @typedef {{x: number, y: number, size: number, shape: "round" | "square" | "cross"}} Cursor */

/** Squares behind pixels of no class. */
const CHECKER = 8;

/** @type {{key: string, canvas: OffscreenCanvas} | null} the last one made */
let tile = null;

/** @param {number} side @param {string} a @param {string} b  colours */
function checker(side, a, b) {
  const key = `${side} ${a} ${b}`;
  if (tile?.key === key) return tile.canvas;
  const canvas = new OffscreenCanvas(2 * side, 2 * side);
  const paint = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  paint.fillStyle = a;
  paint.fillRect(0, 0, 2 * side, 2 * side);
  paint.fillStyle = b;
  paint.fillRect(0, 0, side, side);
  paint.fillRect(side, side, side, side);
  tile = { key, canvas };
  return canvas;
}

export class Pane {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Camera} camera
   * @param {() => {layers: Layer[], width: number, height: number, cursor: Cursor | null, line: number | null,
   *   sheet: boolean}} scene  `sheet`: squares show where nothing is
   */
  constructor(canvas, camera, scene) {
    this.canvas = canvas;
    this.camera = camera;
    this.scene = scene;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { desynchronized: false }));
    this.waiting = false;
    /** Told after drawing, for measurements. @type {(() => void) | null} */
    this.drawn = null;
    new ResizeObserver(() => {
      if (!this.camera.moved) this.fit();
      this.invalidate();
    }).observe(canvas);
  }

  /** Show all of the layout. */
  fit() {
    const { width, height } = this.scene();
    if (this.visible) this.camera.fit(this.canvas.clientWidth, this.canvas.clientHeight, width, height);
  }

  get visible() {
    return this.canvas.clientWidth > 0;
  }

  /** Draw again at the next frame. */
  invalidate() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  /** Draw now. */
  draw() {
    if (!this.visible) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight].map((side) => Math.round(side * ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const { context, camera } = this;
    const scene = this.scene();
    const scale = camera.scale * ratio;
    const [w, h] = [scene.width * scale, scene.height * scale];
    const x = Math.round(width / 2 + camera.x * ratio - w / 2);
    const y = Math.round(height / 2 + camera.y * ratio - h / 2);
    context.clearRect(0, 0, width, height);
    if (scene.sheet) this.#checker(x, y, w, h, ratio);
    for (const layer of scene.layers) {
      if (!layer.image || layer.opacity <= 0) continue;
      context.save();
      context.globalAlpha = layer.opacity;
      context.imageSmoothingEnabled = layer.smooth;
      context.imageSmoothingQuality = "high";
      if (layer.clip) {
        context.beginPath();
        context.rect(layer.clip[0] * width, 0, (layer.clip[1] - layer.clip[0]) * width, height);
        context.clip();
      }
      context.drawImage(layer.image, x, y, w, h);
      context.restore();
    }
    if (scene.line !== null) this.#line(scene.line * width, height, ratio);
    if (scene.cursor) this.#cursor(scene.cursor, x, y, scale, ratio);
    this.drawn?.();
  }

  /** @param {number} x @param {number} y @param {number} w @param {number} h @param {number} ratio */
  #checker(x, y, w, h, ratio) {
    const { context } = this;
    const side = CHECKER * ratio;
    const style = getComputedStyle(this.canvas);
    const tile = checker(side, style.getPropertyValue("--checker-a"), style.getPropertyValue("--checker-b"));
    const pattern = context.createPattern(tile, "repeat");
    if (!pattern) return;
    pattern.setTransform(new DOMMatrix([1, 0, 0, 1, x, y]));
    context.fillStyle = pattern;
    context.fillRect(x, y, w, h);
  }

  /** @param {number} x @param {number} height @param {number} ratio */
  #line(x, height, ratio) {
    const { context } = this;
    context.fillStyle = "rgb(0 0 0 / 55%)";
    context.fillRect(x - 2 * ratio, 0, 4 * ratio, height);
    context.fillStyle = "#fff";
    context.fillRect(x - ratio, 0, 2 * ratio, height);
  }

  /** @param {Cursor} cursor @param {number} left @param {number} top @param {number} scale @param {number} ratio */
  #cursor(cursor, left, top, scale, ratio) {
    const { context } = this;
    const even = cursor.size % 2 === 0 ? 0 : 0.5;
    const [x, y] = [left + (cursor.x + even) * scale, top + (cursor.y + even) * scale];
    const radius = (cursor.size * scale) / 2;
    for (const [color, width] of /** @type {const} */ ([
      ["rgb(0 0 0 / 80%)", 3],
      ["#fff", 1.25],
    ])) {
      context.strokeStyle = color;
      context.lineWidth = width * ratio;
      context.beginPath();
      if (cursor.shape === "cross") {
        const arm = 9 * ratio;
        context.moveTo(x - arm, y);
        context.lineTo(x + arm, y);
        context.moveTo(x, y - arm);
        context.lineTo(x, y + arm);
      } else if (cursor.shape === "square") {
        context.rect(x - radius, y - radius, 2 * radius, 2 * radius);
      } else {
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.stroke();
    }
  }

  /**
   * The layout's pixel, with fractions, under a place of the page.
   * @param {{clientX: number, clientY: number}} event
   * @returns {Place}
   */
  locate(event) {
    const { width, height } = this.scene();
    return this.camera.toLayout(this.fromMiddle(event), width, height);
  }

  /**
   * @param {{clientX: number, clientY: number}} event
   * @returns {Place}
   */
  fromMiddle(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 };
  }
}
