import assert from "node:assert/strict";
import test from "node:test";

import { History } from "../../src/semsynth/studio/static/js/history.js";
import { components, newInstance, settle } from "../../src/semsynth/studio/static/js/instances.js";
import { LabelLayer, PENDING, VOID } from "../../src/semsynth/studio/static/js/labels.js";
import * as raster from "../../src/semsynth/studio/static/js/raster.js";
import { Random, randomLayout } from "./random.js";

const [WIDTH, HEIGHT] = [64, 40];
const CLASSES = [0, 3, 7, 150];
const NO_GROUPS = CLASSES.map((id) => ({ id, group: "" }));

/** A layer of these ids, every region an object. */
function layerOf(ids, width = WIDTH) {
  return new LabelLayer(width, ids.length / width, { ids, instances: components(ids, width) });
}

function randomShape(random, values) {
  const point = () => ({ x: random.int(-8, WIDTH + 8), y: random.int(-8, HEIGHT + 8) });
  const [a, b, c] = [point(), point(), point()];
  const size = random.int(1, 12);
  return random.pick([
    (emit) => raster.sweep("round", { ...a, size }, { ...b, size: random.int(1, 12) }, emit),
    (emit) => raster.sweep("square", { ...a, size }, { ...b, size }, emit),
    (emit) => raster.rectangle(a, b, emit),
    (emit) => raster.ellipse(a, b, emit),
    (emit) => raster.polygon([a, b, c], emit),
    (emit) => raster.fill(values, WIDTH, { x: random.int(0, WIDTH - 1), y: random.int(0, HEIGHT - 1) }, false, emit),
  ]);
}

/** Paint one random stroke and settle it; returns the class. */
function stroke(random, layer, history) {
  const id = random.pick([...CLASSES, VOID]);
  const paint = { id, instance: PENDING, only: random.pick([null, null, random.pick(CLASSES)]) };
  randomShape(random, layer.ids.slice())((y, x0, x1) => layer.span(paint, y, x0, x1));
  settle(layer, history.committed, id, NO_GROUPS, id !== VOID && random.pick([true, false]));
  return id;
}

test("a stroke brings no id but the brush's, paints only where it may, and leaves no pixel without an object", () => {
  const random = new Random(5);
  for (let n = 0; n < 60; n++) {
    const layer = layerOf(randomLayout(random, WIDTH, HEIGHT, CLASSES));
    const history = new History(layer);
    for (let k = 0; k < 5; k++) {
      const before = new Set(layer.ids);
      const id = stroke(random, layer, history);
      assert.ok([...new Set(layer.ids)].every((other) => other === id || before.has(other)));
      assert.ok(!layer.instances.includes(PENDING));
      history.commit("stroke");
    }
  }
});

test("painting over one class only changes that class", () => {
  const layer = layerOf(
    Uint16Array.from({ length: 32 }, (_, i) => i % 2),
    8,
  );
  const paint = { id: 5, instance: 9, only: 1 };
  raster.rectangle({ x: 0, y: 1 }, { x: 7, y: 1 }, (y, x0, x1) => layer.span(paint, y, x0, x1));
  assert.deepEqual([...layer.ids.subarray(8, 16)], [0, 5, 0, 5, 0, 5, 0, 5]);
  assert.deepEqual([...layer.ids.subarray(0, 8)], [0, 1, 0, 1, 0, 1, 0, 1]);
});

test("250 random strokes are undone and redone to identical ids and instances", () => {
  const random = new Random(6);
  const layer = layerOf(randomLayout(random, WIDTH, HEIGHT, CLASSES));
  const history = new History(layer);
  const states = [[layer.ids.slice(), layer.instances.slice()]];
  while (states.length <= 250) {
    stroke(random, layer, history);
    if (history.commit("stroke")) states.push([layer.ids.slice(), layer.instances.slice()]);
  }
  for (let i = 249; i >= 0; i--) {
    assert.ok(history.undo());
    assert.deepEqual([layer.ids, layer.instances], states[i]);
  }
  assert.equal(history.undo(), null);
  for (let i = 1; i <= 250; i++) {
    assert.ok(history.redo());
    assert.deepEqual([layer.ids, layer.instances], states[i]);
  }
  assert.equal(history.redo(), null);
});

test("a step is a whole stroke, small, and a new one forgets what was undone", () => {
  const layer = layerOf(new Uint16Array(WIDTH * HEIGHT));
  const history = new History(layer);
  const paint = { id: 3, instance: 3000, only: null };
  for (let x = 5; x < 40; x++) raster.footprint("round", 9, x, 20, (y, x0, x1) => layer.span(paint, y, x0, x1));
  assert.ok(history.commit("a stroke"));
  assert.equal(history.done.length, 1);
  assert.ok(history.done[0].runs.length <= 9 * 6); // a run of six numbers for each of its rows
  assert.equal(history.commit("nothing"), false);
  history.undo();
  layer.span(paint, 0, 0, 3);
  history.commit("another");
  assert.equal(history.redo(), null);
});

test("a stroke that is given up leaves nothing", () => {
  const layer = new LabelLayer(WIDTH, HEIGHT);
  const history = new History(layer);
  layer.span({ id: 1, instance: PENDING, only: null }, 3, 2, 60);
  history.discard();
  assert.ok(layer.ids.every((id) => id === VOID));
  assert.equal(history.undo(), null);
});

test("only the oldest steps beyond the limit are forgotten", () => {
  const layer = layerOf(new Uint16Array(WIDTH * HEIGHT));
  const history = new History(layer, 3);
  for (let y = 0; y < 5; y++) {
    layer.span({ id: 1, instance: 1000, only: null }, y, 0, 9);
    history.commit("row");
  }
  let undone = 0;
  while (history.undo()) undone++;
  assert.equal(undone, 3);
  assert.deepEqual([layer.ids[0], layer.ids[WIDTH], layer.ids[2 * WIDTH]], [1, 1, 0]);
});

test("objects: touching strokes join, unless a new object is wanted; stuff is one region", () => {
  const layer = new LabelLayer(20, 3);
  const history = new History(layer);
  const classes = [
    { id: 23, group: "sky" },
    { id: 26, group: "vehicle" },
  ];
  const draw = (id, x0, x1, apart) => {
    layer.span({ id, instance: PENDING, only: null }, 1, x0, x1);
    const instance = settle(layer, history.committed, id, classes, apart);
    history.commit("span");
    return instance;
  };
  const first = draw(26, 2, 5, false);
  assert.equal(first, 26000);
  assert.equal(draw(26, 6, 8, false), first);
  assert.equal(draw(26, 12, 14, false), 26001);
  assert.equal(draw(26, 9, 10, true), 26002);
  assert.equal(draw(23, 16, 18, false), 23);
  assert.equal(draw(VOID, 16, 18, false), 0); // as what was never painted
});

test("connected components are told apart as a slow search does", () => {
  const random = new Random(7);
  for (let n = 0; n < 40; n++) {
    const ids = randomLayout(random, WIDTH, HEIGHT, [0, 1, VOID]);
    const instances = components(ids, WIDTH);
    const seen = new Map();
    const done = new Uint8Array(ids.length);
    for (let start = 0; start < ids.length; start++) {
      if (done[start]) continue;
      const region = [];
      raster.fill(ids, WIDTH, { x: start % WIDTH, y: Math.floor(start / WIDTH) }, false, (y, x0, x1) => {
        for (let x = x0; x <= x1; x++) region.push(y * WIDTH + x);
      });
      for (const place of region) {
        done[place] = 1;
        assert.equal(instances[place], instances[start]);
      }
      if (ids[start] !== VOID) assert.ok(!seen.has(instances[start]), "two regions share an id");
      seen.set(instances[start], start);
    }
  }
});

test("new instance ids are free, and none has a meaning of its own", () => {
  const maps = (ids, instances) => ({ ids: Uint16Array.from(ids), instances: Uint16Array.from(instances) });
  assert.equal(newInstance(maps([2, 2, 2], [2000, 2001, 2002]), 2, NO_GROUPS), 2003);
  assert.equal(newInstance(maps([180, 180], [180, 180]), 180, NO_GROUPS), 180); // a region
  assert.equal(newInstance(maps([180, 180], [180, 180]), 180, NO_GROUPS, true), 181); // 180000 does not fit
  assert.equal(newInstance(maps([1, 1], [9, PENDING - 1]), 1, NO_GROUPS), 0); // not PENDING, which is next
});
