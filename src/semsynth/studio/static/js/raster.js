/**
 * Integer rasterisers. Every shape is told as horizontal spans of whole pixels, so that there is no anti-aliasing and
 * no rounding that depends on zoom: a pixel is in a shape or it is not.
 */

/**
 * Takes one span: row `y`, columns `x0` to `x1`, both included. It may lie outside the picture; the layer clips.
 * @callback Emit
 * @param {number} y
 * @param {number} x0
 * @param {number} x1
 * @returns {void}
 */

/** @typedef {{x: number, y: number}} Point  whole pixels, or anything with a place */
/** @typedef {"round" | "square"} BrushShape */

/**
 * A brush's footprint, `size` pixels wide. An odd size is centred on the pixel, an even one on its upper left corner.
 * @param {BrushShape} shape
 * @param {number} size  1 or more
 * @param {number} cx
 * @param {number} cy
 * @param {Emit} emit
 */
export function footprint(shape, size, cx, cy, emit) {
  const first = -(size >> 1);
  const last = first + size - 1;
  const even = size % 2 === 0 ? 1 : 0;
  for (let dy = first; dy <= last; dy++) {
    if (shape === "square") {
      emit(cy + dy, cx + first, cx + last);
      continue;
    }
    // Twice the distances, so that the middle of an even brush is a whole number as well.
    const v = 2 * dy + even;
    const half = Math.floor((Math.floor(Math.sqrt(size * size - v * v)) - even) / 2);
    emit(cy + dy, cx - half - even, cx + half);
  }
}

/**
 * The pixels of a line (Bresenham), both ends included.
 * @param {Point} from
 * @param {Point} to
 * @param {(x: number, y: number) => void} visit
 */
export function linePoints(from, to, visit) {
  let { x, y } = from;
  const dx = Math.abs(to.x - x);
  const dy = -Math.abs(to.y - y);
  const sx = x < to.x ? 1 : -1;
  const sy = y < to.y ? 1 : -1;
  let error = dx + dy;
  for (;;) {
    visit(x, y);
    if (x === to.x && y === to.y) return;
    const twice = 2 * error;
    if (twice >= dy) {
      error += dy;
      x += sx;
    }
    if (twice <= dx) {
      error += dx;
      y += sy;
    }
  }
}

/**
 * A brush drawn along a line; its size may change on the way (pen pressure).
 * @param {BrushShape} shape
 * @param {Point & {size: number}} from
 * @param {Point & {size: number}} to
 * @param {Emit} emit
 */
export function sweep(shape, from, to, emit) {
  const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1);
  let step = 0;
  linePoints(from, to, (x, y) => {
    const size = Math.max(1, Math.round(from.size + ((to.size - from.size) * step) / steps));
    step++;
    footprint(shape, size, x, y, emit);
  });
}

/**
 * A filled rectangle with these two opposite corners, both included.
 * @param {Point} a
 * @param {Point} b
 * @param {Emit} emit
 */
export function rectangle(a, b, emit) {
  const [x0, x1] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
  for (let y = Math.min(a.y, b.y); y <= Math.max(a.y, b.y); y++) emit(y, x0, x1);
}

/**
 * The filled ellipse that touches all sides of the rectangle with these two corners.
 * @param {Point} a
 * @param {Point} b
 * @param {Emit} emit
 */
export function ellipse(a, b, emit) {
  const [x0, x1] = [Math.min(a.x, b.x), Math.max(a.x, b.x)];
  const [y0, y1] = [Math.min(a.y, b.y), Math.max(a.y, b.y)];
  const width = x1 - x0 + 1;
  const height = y1 - y0 + 1;
  for (let y = y0; y <= y1; y++) {
    const v = 2 * y - y0 - y1; // twice the distance from the middle row; a pixel's centre decides
    // u^2 h^2 + v^2 w^2 <= w^2 h^2, in numbers that a double holds exactly up to sides of 8192.
    let u = Math.ceil((width * Math.sqrt(height * height - v * v)) / height);
    while (u * u * height * height + v * v * width * width > width * width * height * height) u--;
    if ((u - x0 - x1) % 2 !== 0) u--; // columns are whole: u has the parity of x0 + x1
    emit(y, (x0 + x1 - u) / 2, (x0 + x1 + u) / 2);
  }
}

/**
 * A filled polygon (even-odd rule, closed by itself) with its outline.
 * @param {readonly Point[]} corners  at least one
 * @param {Emit} emit
 */
export function polygon(corners, emit) {
  const rows = corners.map((corner) => corner.y);
  const top = rows.reduce((a, b) => Math.min(a, b));
  const bottom = rows.reduce((a, b) => Math.max(a, b));
  for (let y = top; y <= bottom; y++) {
    /** @type {number[]} */
    const crossings = [];
    corners.forEach((a, i) => {
      const b = corners[(i + 1) % corners.length];
      if (a.y <= y !== b.y <= y) crossings.push(a.x + ((y - a.y) * (b.x - a.x)) / (b.y - a.y));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const [x0, x1] = [Math.ceil(crossings[i]), Math.floor(crossings[i + 1])];
      if (x0 <= x1) emit(y, x0, x1);
    }
  }
  corners.forEach((a, i) => linePoints(a, corners[(i + 1) % corners.length], (x, y) => emit(y, x, x)));
}

/**
 * The region of equal values around a pixel (4 neighbours), or all pixels of that value.
 * @param {Uint16Array} values  row by row
 * @param {number} width
 * @param {Point} start  inside the picture
 * @param {boolean} everywhere  all pixels of the value, connected or not
 * @param {Emit} emit
 */
export function fill(values, width, start, everywhere, emit) {
  const height = values.length / width;
  const wanted = values[start.y * width + start.x];
  if (everywhere) {
    for (let y = 0; y < height; y++) spansOf(values, wanted, y, width, 0, width - 1, (x0, x1) => emit(y, x0, x1));
    return;
  }
  const seen = new Uint8Array(values.length);
  const stack = [start.y * width + start.x];
  while (stack.length) {
    const place = /** @type {number} */ (stack.pop());
    if (seen[place]) continue;
    const y = Math.floor(place / width);
    let [x0, x1] = [place - y * width, place - y * width];
    while (x0 > 0 && values[y * width + x0 - 1] === wanted) x0--;
    while (x1 < width - 1 && values[y * width + x1 + 1] === wanted) x1++;
    seen.fill(1, y * width + x0, y * width + x1 + 1);
    emit(y, x0, x1);
    for (const next of [y - 1, y + 1]) {
      if (next < 0 || next >= height) continue;
      spansOf(values, wanted, next, width, x0, x1, (from) => stack.push(next * width + from));
    }
  }
}

/**
 * @param {Uint16Array} values
 * @param {number} wanted
 * @param {number} y
 * @param {number} width
 * @param {number} first
 * @param {number} last
 * @param {(x0: number, x1: number) => void} visit
 */
function spansOf(values, wanted, y, width, first, last, visit) {
  const row = y * width;
  for (let x = first; x <= last; x++) {
    if (values[row + x] !== wanted) continue;
    const from = x;
    while (x < last && values[row + x + 1] === wanted) x++;
    visit(from, x);
  }
}
