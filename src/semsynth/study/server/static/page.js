/** Elements of the pages, and what the server says to them (`semsynth.study.server.messages`). */

/** @typedef {"left" | "right"} Side */
/** @typedef {Side | "tie"} Choice */

/**
 * The study, before anything is shown.
 * @typedef {object} StudyMessage
 * @property {string} question
 * @property {string} instructions
 * @property {string} consent
 * @property {boolean} timed
 * @property {boolean} ties
 * @property {boolean} layout
 * @property {number} height  of the largest picture, in CSS pixels
 * @property {number} width
 * @property {number} minutes
 */

/**
 * @typedef {object} ShownPair
 * @property {boolean} practice
 * @property {string} left  address
 * @property {string} right  address
 * @property {string | null} layout  address
 * @property {number | null} exposure  seconds; null: unlimited
 */

/** @typedef {{token: string, pairs: ShownPair[], answered: number[]}} JoinReply */
/** @typedef {{complete: boolean, code: string | null, note: string | null}} AnswerReply */

/**
 * @typedef {object} NewAnswer
 * @property {number} trial
 * @property {Choice} choice
 * @property {number} response_seconds
 * @property {number | null} shown_seconds
 * @property {number} dropped_frames
 */

/** What the server refused, or that it could not be reached. */
export class RefusedError extends Error {
  /**
   * @param {string} message
   * @param {{reason?: string, code?: string | null}} [problem]
   */
  constructor(message, { reason = "", code = null } = {}) {
    super(message);
    this.reason = reason;
    this.code = code;
  }
}

/**
 * An element that the page has.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return /** @type {T} */ (element);
}

/** @param {string} id  @returns {HTMLButtonElement} */
export const buttonOf = (id) => byId(id);

/** @param {string} id  @returns {HTMLProgressElement} */
export const progressOf = (id) => byId(id);

/** @param {number} milliseconds */
export const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
