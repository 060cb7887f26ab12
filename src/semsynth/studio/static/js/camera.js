/** Zoom and pan: where a layout's pixels are on the screen. */

/** @typedef {{x: number, y: number}} Place */

const FARTHEST = 64;

/** One camera serves all panes, so that they show the same part. Units are CSS pixels. */
export class Camera {
  scale = 1;
  /** The layout's middle, from the pane's middle. */
  x = 0;
  y = 0;
  /** Whether the person has moved it; a camera that nobody moved fits the layout into the pane. */
  moved = false;

  /**
   * Show all of the layout.
   * @param {number} width  of the pane
   * @param {number} height
   * @param {number} columns  of the layout
   * @param {number} rows
   */
  fit(width, height, columns, rows) {
    const margin = 24;
    this.scale = Math.max(0.05, Math.min((width - margin) / columns, (height - margin) / rows));
    this.x = this.y = 0;
    this.moved = false;
  }

  /**
   * Zoom so that the place under the pointer stays.
   * @param {number} factor
   * @param {Place} [around]  from the pane's middle
   */
  zoom(factor, around = { x: 0, y: 0 }) {
    const scale = Math.min(FARTHEST, Math.max(0.05, this.scale * factor));
    const real = scale / this.scale;
    this.x = around.x - (around.x - this.x) * real;
    this.y = around.y - (around.y - this.y) * real;
    this.scale = scale;
    this.moved = true;
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.moved = true;
  }

  /**
   * The layout's pixel, with fractions, at a place of a pane.
   * @param {Place} place  from the pane's middle
   * @param {number} columns
   * @param {number} rows
   * @returns {Place}
   */
  toLayout(place, columns, rows) {
    return { x: (place.x - this.x) / this.scale + columns / 2, y: (place.y - this.y) / this.scale + rows / 2 };
  }
}
