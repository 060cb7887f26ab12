/** Label maps and photos as files: what comes in becomes ids exactly, what goes out is exact. */

import { components } from "./instances.js";
import { LabelLayer, VOID } from "./labels.js";
import { decode, encodeGrey, encodePalette, isPng, sizeOf } from "./png.js";

/** @import { LabelClasses } from "./api.js" */
/** @import { Decoded } from "./png.js" */

/** Sides of layouts that are comfortable to paint on. */
const MAX_PIXELS = 2 ** 22;

/**
 * A label PNG as class ids: grey ids (8 bit: 255 is void), palette indices, or the classes' colours.
 * @param {Decoded} picture
 * @param {LabelClasses} classes
 * @returns {Uint16Array}
 * @throws {NoLabelMap} in words: which ids or colours no class has
 */
export function idsOf(picture, classes) {
  const { samples, channels, depth, width, height } = picture;
  checkSize({ width, height });
  const ids = new Uint16Array(width * height);
  if (channels >= 3) return idsOfColors(picture, classes, ids);
  for (let i = 0; i < ids.length; i++) {
    const value = samples[i * channels];
    ids[i] = depth <= 8 && value === classes.void_8bit ? VOID : value;
  }
  const known = new Set([...classes.classes.map(({ id }) => id), VOID]);
  const unknown = [...new Set(ids)].filter((id) => !known.has(id)).sort((a, b) => a - b);
  if (unknown.length) throw new NoLabelMap(`no class has the ids ${listed(unknown.map(String))}`);
  return ids;
}

/**
 * @param {{width: number, height: number}} size
 * @throws {NoLabelMap}
 */
function checkSize({ width, height }) {
  if (width * height > MAX_PIXELS) throw new NoLabelMap(`a layout of ${width}×${height} is too large`);
}

/** @param {Decoded} picture @param {LabelClasses} classes @param {Uint16Array} ids */
function idsOfColors({ samples, channels, depth }, classes, ids) {
  if (depth === 16) throw new NoLabelMap("it has 16 bits per channel");
  /** @type {Map<number, number>} */
  const ofColor = new Map([[0, VOID]]);
  for (const { id, color } of classes.classes) ofColor.set((color[0] << 16) | (color[1] << 8) | color[2], id);
  /** @type {Map<number, number>} */
  const strange = new Map();
  for (let i = 0; i < ids.length; i++) {
    const at = i * channels;
    const color = (samples[at] << 16) | (samples[at + 1] << 8) | samples[at + 2];
    const id = ofColor.get(color);
    if (id === undefined) strange.set(color, (strange.get(color) ?? 0) + 1);
    else ids[i] = id;
  }
  if (!strange.size) return ids;
  const most = [...strange]
    .sort((a, b) => b[1] - a[1])
    .map(([color, pixels]) => `#${color.toString(16).padStart(6, "0")} (${pixels} pixels)`);
  throw new NoLabelMap(`no class has the colours ${listed(most)}`);
}

/** The picture is a photo, or a label map of other ids or colours; the message says why. */
export class NoLabelMap extends Error {}

/** @param {string[]} words */
function listed(words) {
  return words.slice(0, 5).join(", ") + (words.length > 5 ? ` and ${words.length - 5} more` : "");
}

/**
 * Read a label PNG, with the instance map if there is one.
 * @param {Uint8Array<ArrayBuffer>} label
 * @param {Uint8Array<ArrayBuffer> | null} instances
 * @param {LabelClasses} classes
 */
export async function readLayout(label, instances, classes) {
  const picture = await decode(label);
  const ids = idsOf(picture, classes);
  const { width, height } = picture;
  const objects = instances && instancesOf(await decode(instances), picture);
  return new LabelLayer(width, height, { ids, instances: objects ?? components(ids, width) });
}

/**
 * An instance map as ids, 16 bits or fewer.
 * @param {Decoded} picture
 * @param {{width: number, height: number}} size
 */
export function instancesOf(picture, size) {
  if (picture.channels !== 1) throw new Error("an instance map is a grey picture of 8 or 16 bits");
  if (picture.width !== size.width || picture.height !== size.height) {
    const [a, b] = [picture, size].map(({ width, height }) => `${width}×${height}`);
    throw new Error(`the instance map is ${a}, the layout ${b}`);
  }
  return picture.samples;
}

/**
 * A file as a label map, a PNG in which every pixel is an id or a class's colour. Any other picture is a photo.
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {LabelClasses} classes
 * @returns {Promise<{layer: LabelLayer | null, reason: string}>} why it is none, where that is not plain (a JPEG, say)
 */
export async function asLayout(bytes, classes) {
  if (!isPng(bytes)) return { layer: null, reason: "" };
  try {
    checkSize(sizeOf(bytes)); // before anything is unpacked
    return { layer: await readLayout(bytes, null, classes), reason: "" };
  } catch (error) {
    return { layer: null, reason: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Class ids as a grey PNG of 8 bits where they fit (255 is void), else 16 (65535).
 * @param {LabelLayer} layer
 * @param {LabelClasses} classes
 */
export function idsFile(layer, classes) {
  // Void is 255 there, the lower bits of VOID.
  return encodeGrey(layer.ids, layer.width, classes.void_8bit === null ? 16 : 8);
}

/**
 * The layout in its classes' colours. Where ids fit, indices of the palette are ids.
 * @param {LabelLayer} layer
 * @param {LabelClasses} classes
 */
export function colorsFile(layer, classes) {
  const palette = new Uint8Array(256 * 3);
  const small = classes.void_8bit;
  const entry = new Uint8Array(65536);
  classes.classes.slice(0, 255).forEach(({ id, color }, index) => {
    entry[id] = small === null ? index : id;
    palette.set(color, 3 * entry[id]);
  });
  entry[VOID] = 255;
  return encodePalette(
    Uint8Array.from(layer.ids, (id) => entry[id]),
    layer.width,
    palette,
  );
}

/** @param {LabelLayer} layer */
export function instancesFile(layer) {
  return encodeGrey(layer.instances, layer.width, 16);
}
