/** Undo and redo: every step is one whole stroke or edit, kept as runs of what changed. */

/** @import { Maps } from "./instances.js" */
/** @import { LabelLayer } from "./labels.js" */

/** Numbers of one run: first pixel, length, class and instance before, class and instance after. */
const FIELDS = 6;

/** @typedef {{name: string, runs: Uint32Array, settings?: {before: unknown, after: unknown}}} Step */

/** The history of one label layer, whose changes it takes over when they are complete. */
export class History {
  /**
   * @param {LabelLayer} layer
   * @param {number} [limit]  steps kept at most
   */
  constructor(layer, limit = 500) {
    this.layer = layer;
    this.limit = limit;
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
    /** The layer as of the last complete step. @type {Maps} */
    this.committed = layer.maps();
  }

  /**
   * Take over everything that changed since the last step.
   * @param {string} name  for people
   * @param {Step["settings"]} [settings]  what else changed with it
   * @returns {boolean} whether anything did
   */
  commit(name, settings) {
    const runs = this.#difference();
    if (!runs.length && !settings) return false;
    this.#push(settings ? { name, runs, settings } : { name, runs });
    this.#write(runs, 4, this.committed);
    return true;
  }

  /**
   * Add a step that changes no pixels; a stroke that goes on is not part of it.
   * @param {string} name
   * @param {NonNullable<Step["settings"]>} settings
   */
  note(name, settings) {
    this.#push({ name, runs: new Uint32Array(0), settings });
  }

  /**
   * Take over the steps of a project that is opened again.
   * @param {{done: Step[], undone: Step[]}} steps
   */
  resume({ done, undone }) {
    this.done = done;
    this.undone = undone;
  }

  /** @param {Step} step */
  #push(step) {
    this.done.push(step);
    if (this.done.length > this.limit) this.done.shift();
    this.undone = [];
  }

  /** Take back what was painted since the last step. */
  discard() {
    const runs = this.#difference();
    this.#write(runs, 2, this.layer);
    this.#touch(runs);
    this.layer.takeChanged();
  }

  /**
   * Take back the last step.
   * @returns {Step | null}
   */
  undo() {
    return this.#step(this.done, this.undone, 2);
  }

  /**
   * Do the step again that was taken back last.
   * @returns {Step | null}
   */
  redo() {
    return this.#step(this.undone, this.done, 4);
  }

  /**
   * @param {Step[]} from
   * @param {Step[]} to
   * @param {number} field  2: before, 4: after
   */
  #step(from, to, field) {
    this.discard();
    const step = from.pop();
    if (!step) return null;
    to.push(step);
    this.#write(step.runs, field, this.layer);
    this.#write(step.runs, field, this.committed);
    this.#touch(step.runs);
    this.layer.takeChanged();
    return step;
  }

  /** What differs from the last step, within the box that the layer says it touched. */
  #difference() {
    const { ids, instances, width } = this.layer;
    const { ids: committedIds, instances: committedInstances } = this.committed;
    const box = this.layer.takeChanged();
    /** @type {number[]} */
    const runs = [];
    if (!box) return new Uint32Array(0);
    for (let y = box.y0; y < box.y1; y++) {
      const end = y * width + box.x1;
      for (let i = y * width + box.x0; i < end;) {
        const [id, instance, oldId, oldInstance] = [ids[i], instances[i], committedIds[i], committedInstances[i]];
        const start = i++;
        if (id === oldId && instance === oldInstance) continue;
        while (
          i < end &&
          ids[i] === id &&
          instances[i] === instance &&
          committedIds[i] === oldId &&
          committedInstances[i] === oldInstance
        ) {
          i++;
        }
        runs.push(start, i - start, oldId, oldInstance, id, instance);
      }
    }
    return Uint32Array.from(runs);
  }

  /**
   * @param {Uint32Array} runs
   * @param {number} field
   * @param {Maps} maps
   */
  #write(runs, field, { ids, instances }) {
    for (let i = 0; i < runs.length; i += FIELDS) {
      const [start, end] = [runs[i], runs[i] + runs[i + 1]];
      ids.fill(runs[i + field], start, end);
      instances.fill(runs[i + field + 1], start, end);
    }
  }

  /** @param {Uint32Array} runs */
  #touch(runs) {
    const { width } = this.layer;
    for (let i = 0; i < runs.length; i += FIELDS) {
      const y = Math.floor(runs[i] / width);
      const x0 = runs[i] - y * width;
      this.layer.touch({ x0, y0: y, x1: x0 + runs[i + 1], y1: y + 1 });
    }
  }
}
