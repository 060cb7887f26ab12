import assert from "node:assert/strict";
import test from "node:test";

import * as raster from "../../src/semsynth/studio/static/js/raster.js";
import { Random, randomLayout } from "./random.js";

const SIZE = 48;

/** The pixels of a shape inside SIZE x SIZE, as sorted places. */
function drawn(draw) {
  const pixels = new Set();
  draw((y, x0, x1) => {
    for (let x = x0; x <= x1; x++) if (x >= 0 && y >= 0 && x < SIZE && y < SIZE) pixels.add(y * SIZE + x);
  });
  return [...pixels].sort((a, b) => a - b);
}

/** The same, asked pixel by pixel. */
function where(inside) {
  const pixels = [];
  for (let y = 0; y < SIZE; y++) for (let x = 0; x < SIZE; x++) if (inside(x, y)) pixels.push(y * SIZE + x);
  return pixels;
}

function roundBrush(size, cx, cy) {
  const middle = size % 2 ? 0 : -0.5; // of the footprint, in pixels from (cx, cy)
  return (x, y) => (2 * (x - cx - middle)) ** 2 + (2 * (y - cy - middle)) ** 2 <= size * size;
}

test("round brushes of every size are discs by their pixels' centres", () => {
  for (let size = 1; size <= 31; size++) {
    const got = drawn((emit) => raster.footprint("round", size, 20, 23, emit));
    assert.deepEqual(got, where(roundBrush(size, 20, 23)), `size ${size}`);
    const columns = got.map((place) => place % SIZE);
    assert.equal(Math.max(...columns) - Math.min(...columns) + 1, size);
  }
});

test("a square brush has size x size pixels, and 1 pixel is 1 pixel", () => {
  for (const size of [1, 2, 5, 8]) {
    assert.equal(drawn((emit) => raster.footprint("square", size, 20, 20, emit)).length, size * size);
  }
  assert.deepEqual(
    drawn((emit) => raster.footprint("round", 1, 3, 2, emit)),
    [2 * SIZE + 3],
  );
});

test("a swept brush is the union of its footprints, whatever the direction and the pressure", () => {
  const random = new Random(1);
  for (let n = 0; n < 200; n++) {
    const from = { x: random.int(-5, 52), y: random.int(-5, 52), size: random.int(1, 9) };
    const to = { x: random.int(-5, 52), y: random.int(-5, 52), size: random.pick([from.size, random.int(1, 9)]) };
    const shape = random.pick(["round", "square"]);
    const got = drawn((emit) => raster.sweep(shape, from, to, emit));
    const points = [];
    raster.linePoints(from, to, (x, y) => points.push([x, y]));
    for (const [a, b] of points.slice(1).map((point, i) => [points[i], point])) {
      assert.ok(Math.max(Math.abs(a[0] - b[0]), Math.abs(a[1] - b[1])) === 1, "no gaps");
    }
    if (from.size !== to.size) continue;
    const slow = new Set();
    for (const [x, y] of points) {
      for (const place of drawn((emit) => raster.footprint(shape, from.size, x, y, emit))) slow.add(place);
    }
    assert.deepEqual(
      got,
      [...slow].sort((a, b) => a - b),
    );
  }
});

test("ellipses are decided at pixel centres, exactly", () => {
  const random = new Random(2);
  for (let n = 0; n < 300; n++) {
    const [a, b] = [0, 1].map(() => ({ x: random.int(-6, 54), y: random.int(-6, 54) }));
    const [w, h] = [BigInt(Math.abs(a.x - b.x) + 1), BigInt(Math.abs(a.y - b.y) + 1)];
    const inside = (x, y) => {
      const [u, v] = [BigInt(2 * x - a.x - b.x), BigInt(2 * y - a.y - b.y)];
      return u * u * h * h + v * v * w * w <= w * w * h * h;
    };
    assert.deepEqual(
      drawn((emit) => raster.ellipse(a, b, emit)),
      where(inside),
      JSON.stringify([a, b]),
    );
  }
});

test("a rectangle has both corners", () => {
  const got = drawn((emit) => raster.rectangle({ x: 9, y: 4 }, { x: 5, y: 7 }, emit));
  assert.deepEqual(
    got,
    where((x, y) => x >= 5 && x <= 9 && y >= 4 && y <= 7),
  );
});

test("polygons hold what lies inside by the even-odd rule, and their outline", () => {
  const random = new Random(3);
  for (let n = 0; n < 200; n++) {
    const corners = Array.from({ length: random.int(1, 8) }, () => ({ x: random.int(0, 47), y: random.int(0, 47) }));
    const outline = new Set();
    corners.forEach((a, i) => {
      raster.linePoints(a, corners[(i + 1) % corners.length], (x, y) => outline.add(y * SIZE + x));
    });
    const inside = (x, y) => {
      let crossings = 0;
      let touches = false;
      corners.forEach((a, i) => {
        const b = corners[(i + 1) % corners.length];
        if (a.y <= y === b.y <= y) return;
        // x of the crossing against x, without a division
        const difference = (a.x - x) * (b.y - a.y) + (y - a.y) * (b.x - a.x);
        touches ||= difference === 0;
        if (difference * Math.sign(b.y - a.y) > 0) crossings++;
      });
      return touches || crossings % 2 === 1;
    };
    const slow = where((x, y) => outline.has(y * SIZE + x) || inside(x, y));
    assert.deepEqual(
      drawn((emit) => raster.polygon(corners, emit)),
      slow,
      JSON.stringify(corners),
    );
  }
});

test("fill takes the connected region, or every pixel of the class", () => {
  const random = new Random(4);
  for (let n = 0; n < 100; n++) {
    const values = randomLayout(random, SIZE, SIZE, [0, 1, 2]);
    const start = { x: random.int(0, SIZE - 1), y: random.int(0, SIZE - 1) };
    const wanted = values[start.y * SIZE + start.x];
    const reached = new Set([start.y * SIZE + start.x]);
    for (const place of reached) {
      const x = place % SIZE;
      const next = [place - SIZE, place + SIZE, x > 0 ? place - 1 : -1, x < SIZE - 1 ? place + 1 : -1];
      for (const other of next) if (values[other] === wanted) reached.add(other);
    }
    const got = drawn((emit) => raster.fill(values, SIZE, start, false, emit));
    assert.deepEqual(
      got,
      [...reached].sort((a, b) => a - b),
    );
    const all = drawn((emit) => raster.fill(values, SIZE, start, true, emit));
    assert.deepEqual(
      all,
      where((x, y) => values[y * SIZE + x] === wanted),
    );
  }
});
