/** Makes the edits that test_edits.py asks for: `node edits.js CASES`, answers on the standard output. */

import { readFileSync } from "node:fs";

import { growing } from "../../src/semsynth/studio/static/js/filling.js";
import { components, settle } from "../../src/semsynth/studio/static/js/instances.js";
import { LabelLayer, PENDING, VOID } from "../../src/semsynth/studio/static/js/labels.js";
import * as objects from "../../src/semsynth/studio/static/js/objects.js";

const VERBS = {
  components: (layer) => layer.replace({ ids: layer.ids, instances: components(layer.ids, layer.width) }),
  remove(layer, shape, { classes, erased }) {
    const sources = erased ? null : growing(layer, shape, classes);
    objects.remove(layer, shape, classes, sources);
    return { fill: sources ? "stuff" : VOID };
  },
  move(layer, shape, { classes, path }) {
    const fill = growing(layer, shape, classes) ? "stuff" : VOID;
    const floating = new objects.Floating(layer, shape, classes);
    return path.map(([down, right]) => floating.to(right, down)).at(-1) ? { fill } : null;
  },
  duplicate: (layer, shape, { classes, down, right }) =>
    objects.duplicate(layer, shape, classes, right, down) === null ? null : {},
  relabel: (layer, shape, { classes, class_id }) => void objects.relabel(layer, shape, classes, class_id),
  bring_forward: (layer, shape, { places }) => layer.write(Uint32Array.from(places), shape.id, shape.instance),
  add(layer, _, { classes, class_id, places, apart }) {
    const before = layer.maps();
    for (const place of places) {
      const [x, y] = [place % layer.width, Math.floor(place / layer.width)];
      layer.span({ id: class_id, instance: PENDING, only: null }, y, x, x);
    }
    return { instance: settle(layer, before, class_id, classes, apart) };
  },
};

const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
const answers = cases.map(({ verb, width, ids, instances, id, ...more }) => {
  const maps = { ids: Uint16Array.from(ids), instances: Uint16Array.from(instances) };
  const layer = new LabelLayer(width, ids.length / width, maps);
  const classId = id === undefined ? VOID : ids.find((one, i) => instances[i] === id && one !== VOID);
  const shape = id === undefined ? null : objects.shapeOf(layer, id, classId);
  const told = VERBS[verb](layer, shape, more);
  return told === null ? null : { ...told, ids: [...layer.ids], instances: [...layer.instances] };
});
process.stdout.write(JSON.stringify(answers));
