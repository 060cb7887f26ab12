import assert from "node:assert/strict";
import test from "node:test";

import { LabelLayer, PENDING } from "../../src/semsynth/studio/static/js/labels.js";
import { Store } from "../../src/semsynth/studio/static/js/store.js";

const model = (id, name, first) => ({
  id,
  name: id,
  classes: { name, void: 65535, void_8bit: 255, classes: [{ id: first, name: "one", color: [1, 2, 3], group: "" }] },
  sizes: { default: { width: 8, height: 4 }, fixed: false, multiple_of: { width: 1, height: 1 }, max_pixels: 99 },
});
const MODELS = [model("a", "streets", 3), model("b", "streets", 3), model("c", "rooms", 5)];
const TOPICS = [
  ...["layer", "pixels", "committed", "model", "compared", "brush", "view", "selection", "style", "photo"],
  ...["reference", "title"],
];

/** A store, and the topics that it has announced since they were last taken. */
function heard() {
  const store = new Store(MODELS);
  let topics = new Set();
  for (const topic of TOPICS) store.on(/** @type {any} */ (topic), () => topics.add(topic));
  const taken = () => {
    const [list] = [[...topics].sort()];
    topics = new Set();
    return list;
  };
  return { store, taken };
}

const paint = (store, id) => store.layer.span({ id, instance: 1000 * id, only: null }, 1, 2, 5);

test("nothing but the store's methods changes it", () => {
  const { store } = heard();
  for (const field of ["model", "layer", "title", "painting", "selection", "style", "view", "photo", "progress"]) {
    assert.throws(() => (store[field] = null), TypeError, field);
  }
  assert.equal(store.emit, undefined);
});

test("a step keeps the style and the selection that change with it, and undoing brings the style back", () => {
  const { store, taken } = heard();
  paint(store, 3);
  const style = { ...store.style, objects: { 3000: 2 } };
  assert.ok(store.commit("copy", { style, selection: 3000 }));
  assert.deepEqual(taken(), ["committed", "pixels", "selection", "style"]);
  assert.deepEqual([store.selection, store.style.objects], [3000, { 3000: 2 }]);
  assert.equal(store.undo(), "copy");
  assert.deepEqual(store.style.objects, {});
  assert.equal(store.layer.ids[8 + 3], 65535);
  assert.equal(store.redo(), "copy");
  assert.deepEqual(store.style.objects, { 3000: 2 });
  assert.equal(store.redo(), null);
});

test("a step in which nothing changes is none", () => {
  const { store, taken } = heard();
  assert.equal(store.commit("nothing"), false);
  assert.ok(!taken().includes("committed"));
  assert.equal(store.undo(), null);
});

test("what is given up leaves no trace and no step", () => {
  const { store, taken } = heard();
  store.layer.span({ id: 3, instance: PENDING, only: null }, 0, 0, 7);
  store.discard();
  assert.deepEqual(taken(), ["pixels"]);
  assert.ok(store.layer.ids.every((id) => id === 65535));
});

test("another model of the same classes keeps the layout; one of other classes begins anew", () => {
  const { store, taken } = heard();
  paint(store, 3);
  store.commit("stroke");
  store.remember(3);
  store.paintWith({ only: 3 });
  store.compare(MODELS[1]);
  const { layer } = store;
  taken();
  store.useModel(MODELS[1]);
  assert.equal(store.layer, layer);
  assert.equal(store.compared, null); // it is not beside itself
  assert.ok(!taken().includes("layer"));
  store.useModel(MODELS[2]);
  assert.notEqual(store.layer, layer);
  assert.ok(taken().includes("layer"));
  assert.deepEqual([store.painting.classId, store.painting.only, [...store.painting.recent]], [5, null, []]);
});

test("the first photo of a layout is the one that it is compared with", () => {
  const { store } = heard();
  const photo = (name) => ({ blob: name, bitmap: name });
  const ready = { state: "ready", message: "", latency: 1 };
  store.report(ready, { photo: photo("first"), compared: null });
  store.report({ ...ready, state: "working" });
  assert.equal(store.photo.bitmap, "first");
  store.report(ready, { photo: photo("second"), compared: null });
  assert.deepEqual([store.before, store.photo.bitmap], ["first", "second"]);
  store.begin(new LabelLayer(8, 4), "another");
  assert.deepEqual([store.before, store.photo], [null, null]);
});

test("classes painted recently stand once, the newest first; brushes stay within their limits", () => {
  const { store } = heard();
  for (const id of [1, 2, 3, 1, 4, 5, 6, 7]) store.remember(id);
  assert.deepEqual([...store.painting.recent], [7, 6, 5, 4, 1, 3]);
  store.setBrush({ size: 0 });
  assert.equal(store.painting.brush.size, 1);
  store.setBrush({ size: 1e4, shape: "square" });
  assert.deepEqual([store.painting.brush.size, store.painting.brush.shape], [200, "square"]);
  store.paintWith({ tool: "object" });
  store.chooseClass(3);
  assert.deepEqual([store.painting.tool, store.painting.classId], ["brush", 3]);
});
