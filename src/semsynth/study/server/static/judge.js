/** Shows pairs and collects answers. */

import { expose, noiseMask } from "./exposure.js";
import { buttonOf, byId, progressOf } from "./page.js";
import { Pictures } from "./pictures.js";

/** @import { Outbox } from "./outbox.js" */
/** @import { Choice, ShownPair, StudyMessage } from "./page.js" */

/** Places for pictures. */
const SLOTS = ["left", "right", "layout"];
/** In milliseconds. */
const LOADING_NOTE_AFTER = 1000;
const CHOOSING = ["left", "right", "choose-left", "choose-right", "choose-tie"];

export class Judge {
  #study;
  #pairs;
  #interval;
  #outbox;
  #pictures;
  /** Takes the choice that is waited for. @type {((choice: Choice) => void) | null} */
  #choose = null;
  /** Takes the wish to see the pictures. @type {(() => void) | null} */
  #reveal = null;

  /**
   * @param {StudyMessage} study
   * @param {ShownPair[]} pairs
   * @param {number} interval  between two frames of the screen, in milliseconds
   * @param {Outbox} outbox
   */
  constructor(study, pairs, interval, outbox) {
    this.#study = study;
    this.#pairs = pairs;
    this.#interval = interval;
    this.#outbox = outbox;
    this.#pictures = new Pictures(pairs);
    byId("question").textContent = study.question;
    byId("layout").hidden = !study.layout;
    byId("choose-tie").hidden = !study.ties;
    progressOf("progress").max = pairs.length;
    for (const side of /** @type {const} */ (["left", "right"])) {
      for (const id of [side, `choose-${side}`]) byId(id).addEventListener("click", () => this.#choose?.(side));
    }
    byId("choose-tie").addEventListener("click", () => this.#choose?.("tie"));
    byId("show").addEventListener("click", () => this.#reveal?.());
    addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    /** @type {Record<string, Choice | undefined>} */
    const choices = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: this.#study.ties ? "tie" : undefined };
    const choice = choices[event.key];
    if (choice && this.#choose) {
      event.preventDefault();
      this.#choose(choice);
    }
    if (event.key === " " && this.#reveal) {
      event.preventDefault();
      this.#reveal();
    }
  }

  /** @param {boolean} answers @param {boolean} reveal */
  #enable(answers, reveal) {
    for (const id of CHOOSING) buttonOf(id).disabled = !answers;
    byId("show").hidden = !reveal;
  }

  /**
   * One pair, from loading to the answer.
   * @param {number} position
   * @param {number} done  pairs before it
   */
  async judge(position, done) {
    const pair = this.#pairs[position];
    byId("practice").style.visibility = pair.practice ? "visible" : "hidden";
    progressOf("progress").value = done;
    byId("count").textContent = `${done + 1} of ${this.#pairs.length}`;
    this.#enable(false, false);
    for (const id of SLOTS) byId(id).replaceChildren();
    const { left, right, layout } = await this.#loaded(position); // all are decoded from here on
    const images = new Map([
      ["left", left],
      ["right", right],
    ]);
    if (layout) images.set("layout", layout);
    for (const [id, { naturalWidth, naturalHeight }] of images) {
      Object.assign(byId(id).style, { width: `${naturalWidth}px`, height: `${naturalHeight}px` });
    }
    const { shown, dropped } = await this.#show(pair.exposure, images);
    const appeared = performance.now() - 1000 * (shown ?? 0);
    const choice = await this.#answer();
    const response = (performance.now() - appeared) / 1000;
    const measured = { response_seconds: response, shown_seconds: shown, dropped_frames: dropped };
    this.#outbox.add({ trial: position, choice, ...measured });
  }

  /** The pictures of a pair; a note says so if they take long. @param {number} position */
  async #loaded(position) {
    const slow = setTimeout(() => (byId("loading").hidden = false), LOADING_NOTE_AFTER);
    try {
      return await this.#pictures.of(position);
    } finally {
      clearTimeout(slow);
      byId("loading").hidden = true;
    }
  }

  /** @returns {Promise<Choice>} */
  async #answer() {
    this.#enable(true, false);
    /** @type {Choice} */
    const choice = await new Promise((resolve) => (this.#choose = resolve));
    this.#choose = null;
    this.#enable(false, false);
    return choice;
  }

  /**
   * Show pictures: from the next frame on, or for a time once they are asked for.
   * @param {number | null} exposure  seconds
   * @param {Map<string, HTMLImageElement>} images  by slot
   * @returns {Promise<{shown: number | null, dropped: number}>} seconds that they were shown if they are gone
   */
  async #show(exposure, images) {
    const reveal = () => images.forEach((image, id) => byId(id).replaceChildren(image));
    if (exposure === null) {
      await new Promise(requestAnimationFrame).then(reveal);
      return { shown: null, dropped: 0 };
    }
    const masks = [...images].map(([id, { naturalWidth, naturalHeight }]) => ({
      id,
      mask: noiseMask(naturalWidth, naturalHeight),
    }));
    this.#enable(false, true);
    await new Promise((resolve) => (this.#reveal = () => resolve(undefined)));
    this.#reveal = null;
    this.#enable(false, false);
    const hide = () => masks.forEach(({ id, mask }) => byId(id).replaceChildren(mask));
    return expose(reveal, hide, exposure, this.#interval);
  }
}
