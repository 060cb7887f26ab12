/** A project: everything that a person has made, in one file that opens again exactly. */

import { instancesOf } from "./files.js";
import { LabelLayer } from "./labels.js";
import { decode, encodeGrey } from "./png.js";
import { unzip, zip } from "./zip.js";

/** @import { Store } from "./store.js" */
/** @import { Step } from "./history.js" */
/** @import { Maps } from "./instances.js" */
/** @import { Painting, View } from "./state.js" */

const FORMAT = 1;
const LABELS = "labels.png";
const INSTANCES = "instances.png";

/**
 * What a project holds, apart from its pictures.
 * @typedef {object} Settings
 * @property {number} format
 * @property {string} title
 * @property {string} model
 * @property {string} class_set
 * @property {{seed: number, vector: number[] | null, objects: Record<string, number>}} style
 * @property {Partial<Painting>} tools
 * @property {Partial<View>} view
 * @property {{margin: number, base: boolean} | null} reference
 */

/**
 * @param {Store} store
 * @returns {Settings}
 */
function settingsOf(store) {
  const { style, reference } = store;
  return {
    format: FORMAT,
    title: store.title,
    model: store.model.id,
    class_set: store.model.classes.name,
    style: { seed: style.seed, vector: style.vector, objects: style.objects },
    tools: store.painting,
    view: store.view,
    reference: reference && { margin: reference.margin, base: reference.base !== null },
  };
}

/**
 * What a project holds apart from its settings.
 * @typedef {object} Contents
 * @property {LabelLayer} layer
 * @property {Blob | null} style
 * @property {Blob | null} reference
 * @property {Maps | null} base
 * @property {{done: Step[], undone: Step[]}} [steps]  none without
 */

/**
 * Take over a project.
 * @param {Store} store
 * @param {Settings} settings
 * @param {Contents} contents
 * @throws {Error} in words: the project needs a model that is not served here
 */
async function takeOver(store, settings, { layer, style, reference, base, steps }) {
  const model =
    store.models.find(({ id }) => id === settings.model) ??
    store.models.find(({ classes }) => classes.name === settings.class_set);
  if (!model) {
    throw new Error(`it was made with the model ${settings.model} for ${settings.class_set}, which is not served here`);
  }
  const bitmap = reference && (await createImageBitmap(reference));
  const margin = settings.reference?.margin;
  store.resume({
    model,
    layer,
    title: settings.title,
    style: { ...settings.style, photo: style },
    painting: settings.tools,
    view: settings.view,
    reference: reference && bitmap && margin !== undefined ? { blob: reference, bitmap, base, margin } : null,
    steps: steps ?? { done: [], undone: [] },
  });
}

/** @param {Blob} blob */
const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

/**
 * The project as one file.
 * @param {Store} store
 * @returns {Promise<Blob>}
 */
export async function projectFile(store) {
  const { layer, style, reference, photo } = store;
  /** @type {Map<string, Uint8Array<ArrayBuffer>>} */
  const files = new Map();
  files.set("project.json", new TextEncoder().encode(JSON.stringify(settingsOf(store), null, 1)));
  /** @param {string} name @param {Uint16Array} values */
  const map = async (name, values) => files.set(name, await bytesOf(await encodeGrey(values, layer.width, 16)));
  await map(LABELS, layer.ids);
  await map(INSTANCES, layer.instances);
  if (reference?.base) {
    await map(`base-${LABELS}`, reference.base.ids);
    await map(`base-${INSTANCES}`, reference.base.instances);
  }
  if (reference) files.set("reference", await bytesOf(reference.blob));
  if (style.photo) files.set("style", await bytesOf(style.photo));
  if (photo) files.set("photo", await bytesOf(photo.blob));
  return zip(files);
}

/**
 * Open a project file.
 * @param {Store} store
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @throws {Error} in words
 */
export async function openProject(store, bytes) {
  const files = await unzip(bytes);
  /** @param {string} name */
  const part = (name) => {
    const found = files.get(name);
    if (!found) throw new Error(`the project file has no ${name}`);
    return found;
  };
  /** @type {Settings} */
  const settings = JSON.parse(new TextDecoder().decode(part("project.json")));
  if (settings.format !== FORMAT) throw new Error(`it is of a newer kind (${settings.format}) than this editor reads`);
  const picture = await decode(part(LABELS));
  const instances = instancesOf(await decode(part(INSTANCES)), picture);
  const layer = new LabelLayer(picture.width, picture.height, { ids: picture.samples, instances });
  const base = settings.reference?.base
    ? {
        ids: (await decode(part(`base-${LABELS}`))).samples,
        instances: (await decode(part(`base-${INSTANCES}`))).samples,
      }
    : null;
  /** @param {string} name */
  const blob = (name) => {
    const found = files.get(name);
    return found ? new Blob([found]) : null;
  };
  await takeOver(store, settings, { layer, style: blob("style"), reference: blob("reference"), base });
}

/**
 * What autosave keeps: the project as it is in memory, its history too.
 * @typedef {object} Saved
 * @property {string} key
 * @property {number} time
 * @property {Settings} settings
 * @property {number} width
 * @property {number} height
 * @property {Uint16Array} ids
 * @property {Uint16Array} instances
 * @property {Step[]} done
 * @property {Step[]} undone
 * @property {Blob | null} style
 * @property {Blob | null} reference
 * @property {Maps | null} base
 */

/**
 * @param {Store} store
 * @param {string} key
 * @returns {Saved}
 */
export function saved(store, key) {
  const { layer, history, style, reference } = store;
  return {
    key,
    time: Date.now(),
    settings: settingsOf(store),
    width: layer.width,
    height: layer.height,
    // As of the last complete step: a stroke that is going on is not kept half.
    ids: history.committed.ids,
    instances: history.committed.instances,
    done: history.done,
    undone: history.undone,
    style: style.photo,
    reference: reference?.blob ?? null,
    base: reference?.base ?? null,
  };
}

/**
 * Go on where autosave was.
 * @param {Store} store
 * @param {Saved} record
 */
export async function restore(store, record) {
  const { width, height, ids, instances, settings, style, reference, base, done, undone } = record;
  const layer = new LabelLayer(width, height, { ids, instances });
  await takeOver(store, settings, { layer, style, reference, base, steps: { done, undone } });
}
