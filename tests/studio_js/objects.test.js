import assert from "node:assert/strict";
import test from "node:test";

import { Newest } from "../../src/semsynth/studio/static/js/api.js";
import { idsOf, NoLabelMap } from "../../src/semsynth/studio/static/js/files.js";
import { History } from "../../src/semsynth/studio/static/js/history.js";
import { components } from "../../src/semsynth/studio/static/js/instances.js";
import { LabelLayer, VOID } from "../../src/semsynth/studio/static/js/labels.js";
import * as objects from "../../src/semsynth/studio/static/js/objects.js";
import { alphaOf } from "../../src/semsynth/studio/static/js/segment.js";
import { Random } from "./random.js";

const [WIDTH, HEIGHT] = [40, 30];
const [ROAD, SKY, CAR] = [7, 23, 26];
const CLASSES = [
  { id: ROAD, name: "road", color: [128, 64, 128], group: "flat", modes: 0 },
  { id: SKY, name: "sky", color: [70, 130, 180], group: "sky", modes: 0 },
  { id: CAR, name: "car", color: [0, 0, 142], group: "vehicle", modes: 0 },
];

/** Sky above, road below, and cars: [instance, left, top, right, bottom]. */
function street(...cars) {
  const ids = Uint16Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i < (WIDTH * HEIGHT) / 2 ? SKY : ROAD));
  const instances = ids.slice();
  for (const [instance, left, top, right, bottom] of cars) {
    for (let y = top; y < bottom; y++) {
      ids.fill(CAR, y * WIDTH + left, y * WIDTH + right);
      instances.fill(instance, y * WIDTH + left, y * WIDTH + right);
    }
  }
  return new LabelLayer(WIDTH, HEIGHT, { ids, instances });
}

test("a removed car leaves what is nearest behind it, and no other car grows", () => {
  const layer = street([26000, 10, 8, 22, 20], [26001, 22, 8, 30, 20]);
  const shape = objects.shapeOf(layer, 26000, CAR);
  assert.deepEqual(shape.box, { x0: 10, y0: 8, x1: 22, y1: 20 });
  objects.remove(layer, shape, CLASSES);
  const without = street([26001, 22, 8, 30, 20]);
  const wrong = layer.ids.reduce((sum, id, i) => sum + (id !== without.ids[i]), 0);
  assert.equal(layer.ids.filter((id) => id === CAR).length, 8 * 12);
  // The second car hides what is behind it, so that the horizon may bend beside it, and nowhere else.
  assert.ok(wrong <= 12 * 5, `${wrong} pixels`);
  assert.ok([...shape.places].every((i) => layer.instances[i] === layer.ids[i]));
});

test("what hardly touches a hole does not grow into it", () => {
  const ids = new Uint16Array(WIDTH * HEIGHT).fill(1);
  for (let y = 10; y < 20; y++) ids.fill(2, y * WIDTH + 10, y * WIDTH + 18); // a window
  ids.fill(5, 20 * WIDTH + 12, 20 * WIDTH + 16); // and a short sill
  const layer = new LabelLayer(WIDTH, HEIGHT, { ids, instances: components(ids, WIDTH) });
  const shape = objects.shapeOf(layer, layer.instances[12 * WIDTH + 12], 2);
  objects.remove(layer, shape, []);
  assert.equal(layer.ids.filter((id) => id === 5).length, 4);
  assert.equal(layer.ids.filter((id) => id === 2).length, 0);
});

test("on an empty sheet a removed object leaves nothing", () => {
  const ids = new Uint16Array(WIDTH * HEIGHT).fill(VOID);
  ids.fill(3, 100, 105);
  ids.fill(4, 300, 310);
  const layer = new LabelLayer(WIDTH, HEIGHT, { ids, instances: components(ids, WIDTH) });
  objects.remove(layer, objects.shapeOf(layer, layer.instances[100], 3), []);
  assert.ok(layer.ids.subarray(100, 105).every((id) => id === VOID));
});

test("an object that floats anywhere and comes back leaves no trace", () => {
  const random = new Random(11);
  const layer = street([26000, 4, 4, 9, 9], [26001, 20, 10, 30, 16]);
  const floating = new objects.Floating(layer, objects.shapeOf(layer, 26000, CAR), CLASSES);
  floating.to(3, 3);
  const there = layer.ids.slice();
  for (let n = 0; n < 50; n++) {
    const moved = floating.to(random.int(-60, 60), random.int(-60, 60));
    assert.ok(!moved || layer.instances.includes(26000));
  }
  floating.to(3, 3);
  assert.deepEqual(layer.ids, there);
  assert.equal(floating.to(500, 0), false);
});

test("copies and other classes get ids that nothing has", () => {
  const layer = street([26000, 4, 4, 9, 9]);
  const copy = objects.duplicate(layer, objects.shapeOf(layer, 26000, CAR), CLASSES, 10, 0);
  assert.equal(copy, 26001);
  assert.equal(objects.shapeOf(layer, copy, CAR).places.length, 25);
  const person = { id: 24, name: "person", color: [220, 20, 60], group: "human", modes: 0 };
  const other = objects.relabel(layer, objects.shapeOf(layer, copy, CAR), [...CLASSES, person], 24);
  assert.equal(other, 24000);
  assert.equal(objects.relabel(layer, objects.shapeOf(layer, 26000, CAR), CLASSES, ROAD), ROAD);
});

test("the history knows what an object looked like before it was covered, but not where it was before it moved", () => {
  const layer = street([26000, 4, 4, 12, 9]);
  const history = new History(layer);
  const paint = (id, instance, y, x0, x1) => {
    layer.span({ id, instance, only: null }, y, x0, x1);
    history.commit("span");
  };
  const whole = objects.shapeOf(layer, 26000, CAR).places;
  paint(SKY, SKY, 5, 0, 20);
  paint(ROAD, ROAD, 6, 0, 8);
  const steps = () => history.done.map(({ runs }) => runs);
  assert.deepEqual(objects.wholeShape(steps(), objects.shapeOf(layer, 26000, CAR)), whole);
  const floating = new objects.Floating(layer, objects.shapeOf(layer, 26000, CAR), CLASSES);
  floating.to(10, 5);
  history.commit("move");
  const moved = objects.shapeOf(layer, 26000, CAR);
  assert.deepEqual(objects.wholeShape(steps(), moved), moved.places);
});

test("an edited photo is replaced where it was edited, and not at all beyond the margin", () => {
  const edited = new Uint8Array(WIDTH * HEIGHT);
  edited[15 * WIDTH + 20] = 1;
  for (const margin of [0, 3, 8]) {
    const alpha = alphaOf(edited, WIDTH, margin);
    assert.equal(alpha[15 * WIDTH + 20], margin ? 255 : alpha[15 * WIDTH + 20]);
    for (let i = 0; i < alpha.length; i++) {
      const far = Math.hypot((i % WIDTH) - 20, Math.floor(i / WIDTH) - 15);
      if (far > margin * 1.1 + 1) assert.equal(alpha[i], 0, `${far} pixels away with a margin of ${margin}`);
    }
    if (margin > 4) assert.ok(alpha[15 * WIDTH + 26] < alpha[15 * WIDTH + 23]);
  }
});

const SET = { name: "street", void: VOID, void_8bit: 255, classes: CLASSES };
const picture = (samples, channels, depth) => ({
  width: 2,
  height: 1,
  colorType: 0,
  channels,
  depth,
  palette: null,
  samples: Uint16Array.from(samples),
});

test("ids and colours become ids; what no class has is told", () => {
  assert.deepEqual([...idsOf(picture([7, 255], 1, 8), SET)], [ROAD, VOID]);
  assert.deepEqual([...idsOf(picture([26, 65535], 1, 16), SET)], [CAR, VOID]);
  assert.deepEqual([...idsOf(picture([70, 130, 180, 0, 0, 0], 3, 8), SET)], [SKY, VOID]);
  assert.throws(() => idsOf(picture([7, 99], 1, 8), SET), /no class has the ids 99/);
  assert.throws(() => idsOf(picture([255, 7], 1, 16), SET), /no class has the ids 255/);
  assert.throws(() => idsOf(picture([1, 2, 3, 0, 0, 0], 3, 8), SET), NoLabelMap);
  assert.throws(() => idsOf(picture([7, 99], 1, 8), SET), NoLabelMap);
  assert.throws(() => idsOf(picture([1, 2, 3, 0, 0, 0], 3, 16), SET), /16 bits per channel/);
});

test("jobs run one at a time, and the newest state is never missed", async () => {
  let [state, running, most] = [0, 0, 0];
  const seen = [];
  const newest = new Newest(async () => {
    most = Math.max(most, ++running);
    const mine = state;
    await new Promise((resolve) => setTimeout(resolve, 3));
    seen.push(mine);
    running--;
  });
  for (state = 1; state <= 40; state++) {
    newest.want();
    await new Promise((resolve) => setTimeout(resolve, state % 3));
  }
  state = 41;
  newest.want();
  while (newest.running) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal(most, 1);
  assert.equal(seen.at(-1), 41);
  assert.ok(seen.length < 40);
});

test("a job that fails is not the last one", async () => {
  let runs = 0;
  const newest = new Newest(async () => {
    if (runs++ === 0) throw new Error("no");
  });
  await assert.rejects(newest.want());
  await newest.want();
  assert.equal(runs, 2);
});
