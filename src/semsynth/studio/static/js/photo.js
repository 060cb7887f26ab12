/** The photograph follows the layout: requests, at most one on its way, always of what is there now. */

import { ApiError, Newest, synthesize } from "./api.js";
import { idsFile, instancesFile } from "./files.js";
import { VOID } from "./labels.js";

/** @import { Model, Picture } from "./api.js" */
/** @import { Progress } from "./state.js" */
/** @import { Store } from "./store.js" */

/** Photos that take longer are made smaller while a stroke goes on; milliseconds. */
const SLOW = 500;

/**
 * Options and files that give the photo its style.
 * @param {Pick<Store, "style" | "model" | "layer">} state
 * @param {Model} model  which may be another than the state's own: the one that is compared
 */
export function styleRequest({ style, model: own, layer }, model) {
  const { abilities } = model;
  const present = new Set(layer.instances);
  const kept = Object.entries(style.objects).filter(([instance]) => present.has(Number(instance)));
  const objects = abilities.object_styles ? { object_styles: Object.fromEntries(kept) } : {};
  if (!abilities.styles) return { options: {}, photo: null };
  if (style.vector && model === own) return { options: { vector: style.vector, ...objects }, photo: null };
  if (style.photo && abilities.reads_photos && !style.vector) return { options: objects, photo: style.photo };
  return { options: { seed: style.seed, ...objects }, photo: null };
}

/** Makes the photos of a store's layout. */
export class PhotoMaker {
  /**
   * @param {Store} store
   * @param {(busy: boolean) => void} tell  whether a photo is being made or is about to be
   */
  constructor(store, tell) {
    this.store = store;
    this.newest = new Newest(() => this.#make(), tell);
    this.stroke = Date.now() % 2 ** 32;
    /** From asking to having the photo, milliseconds. */
    this.latency = 0;
    /** A stroke goes on: quick photos are better than good ones. */
    this.hurry = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
  }

  /** The layout or the style is another: a photo of it, soon. */
  want() {
    clearTimeout(this.retry);
    this.newest.want();
  }

  async #make() {
    const { store } = this;
    const { layer } = store;
    const asked = performance.now();
    if (layer.ids.every((id) => id === VOID)) {
      this.#is("empty", "", { photo: null, compared: null });
      return;
    }
    if (!["trying", "refused"].includes(store.progress.state)) this.#is("working");
    this.stroke++;
    try {
      const label = await idsFile(layer, store.model.classes);
      const models = store.compared ? [store.model, store.compared] : [store.model];
      const pictures = await Promise.all(models.map((model) => this.#of(model, label)));
      if (layer !== store.layer || !pictures[0]) return;
      const photos = await Promise.all(pictures.map(decoded));
      this.latency = performance.now() - asked;
      const note = pictures[0].headers.get("Semsynth-Note");
      this.#is("ready", note ? decodeURIComponent(note) : "", { photo: photos[0], compared: photos[1] ?? null });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** @param {Model} model @param {Blob} label */
  async #of(model, label) {
    const instances = model.abilities.uses_instances ? await instancesFile(this.store.layer) : null;
    const { options, photo } = styleRequest(this.store, model);
    const size = this.hurry ? coarse(model, this.store.layer, this.latency) : null;
    return synthesize(model.id, { label, instances, style: photo }, { ...options, ...size, stroke: this.stroke });
  }

  /**
   * The photo without loss, as it is saved. While the server does not answer, the one on the screen, which is slightly
   * lossy.
   * @returns {Promise<{blob: Blob, bitmap: ImageBitmap} | null>}
   */
  async exact() {
    const { store } = this;
    const { layer, model, photo } = store;
    if (!photo) return null;
    try {
      const label = await idsFile(layer, model.classes);
      const instances = model.abilities.uses_instances ? await instancesFile(layer) : null;
      const { options, photo: style } = styleRequest(store, model);
      return await decoded(await synthesize(model.id, { label, instances, style }, { ...options, format: "png" }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return photo;
    }
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof ApiError)) throw error;
    this.#is(error.retryAfter ? "trying" : "refused", error.message);
    if (error.retryAfter) this.retry = setTimeout(() => this.want(), 1000 * Math.min(error.retryAfter, 10));
  }

  /**
   * @param {Progress["state"]} state
   * @param {string} [message]
   * @param {Parameters<Store["report"]>[1]} [photos]
   */
  #is(state, message = "", photos) {
    this.store.report({ state, message, latency: this.latency }, photos);
  }
}

/**
 * @param {Model} model
 * @param {{width: number, height: number}} layer
 * @param {number} latency
 */
function coarse({ sizes }, layer, latency) {
  if (sizes.fixed || latency < SLOW) return null;
  /** @param {number} side @param {number} step */
  const half = (side, step) => Math.max(step, Math.round(side / 2 / step) * step);
  return {
    size: {
      width: half(layer.width, sizes.multiple_of.width),
      height: half(layer.height, sizes.multiple_of.height),
    },
  };
}

/** @param {Picture | null} picture */
async function decoded(picture) {
  return picture && { blob: picture.blob, bitmap: await createImageBitmap(picture.blob) };
}

/**
 * @param {Picture} picture
 * @returns {Promise<HTMLCanvasElement[]>}
 */
export async function cells({ blob, headers }) {
  const sheet = await createImageBitmap(blob);
  const [columns] = (headers.get("Semsynth-Grid") ?? "1x1").split("x").map(Number);
  const [width, height] = (headers.get("Semsynth-Size") ?? `${sheet.width}x${sheet.height}`).split("x").map(Number);
  const count = Number(headers.get("Semsynth-Count") ?? 1);
  return Array.from({ length: count }, (_, i) => {
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const [x, y] = [(i % columns) * width, Math.floor(i / columns) * height];
    canvas.getContext("2d")?.drawImage(sheet, x, y, width, height, 0, 0, width, height);
    return canvas;
  });
}
