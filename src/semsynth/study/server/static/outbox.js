/** Answers on their way: kept in the browser until the server acknowledges them, sent in order, again if needed. */

import { RefusedError, wait } from "./page.js";

/** @import { AnswerReply, NewAnswer } from "./page.js" */

const LONGEST_WAIT = 8000;

/** 128 random bits; crypto.randomUUID exists only on secure pages. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** localStorage, or nothing where the browser forbids it, as in some frames. */
export const memory = {
  /** @param {string} key */
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  /** @param {string} key @param {string} value */
  set(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // Then only this page remembers.
    }
  },
};

export class Outbox {
  #token;
  #name;
  /** @type {Array<NewAnswer & {key: string}>} */
  #waiting;
  /** @type {Promise<AnswerReply | null> | null} */
  #sending = null;
  #onDelay;

  /**
   * @param {string} token
   * @param {(waits: boolean) => void} onDelay  told when answers have to wait, and when they are through
   */
  constructor(token, onDelay) {
    this.#token = token;
    this.#name = `semsynth-study-outbox-${token}`;
    this.#waiting = JSON.parse(memory.get(this.#name) ?? "[]");
    this.#onDelay = onDelay;
  }

  /** Positions of the pairs whose answers wait. */
  get trials() {
    return this.#waiting.map((answer) => answer.trial);
  }

  /** @param {NewAnswer} answer */
  add(answer) {
    this.#waiting.push({ key: randomKey(), ...answer });
    this.#keep();
    this.flush().catch(() => {}); // the last flush tells
  }

  /**
   * Send everything.
   * @returns {Promise<AnswerReply | null>} the last reply, or null if nothing was to be sent
   * @throws {RefusedError} the server refuses an answer
   */
  flush() {
    this.#sending ??= this.#send().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #send() {
    /** @type {AnswerReply | null} */
    let reply = null;
    for (let failures = 0; this.#waiting.length; ) {
      const response = await this.#post(this.#waiting[0]);
      if (response === null || response.status >= 500 || response.status === 429) {
        this.#onDelay(true);
        await wait(Math.min(LONGEST_WAIT, 400 * 2 ** failures++) * (0.75 + Math.random() / 2));
        continue;
      }
      const body = await response.json();
      const known = response.status === 409 && body.reason === "conflict"; // answered in another window
      if (!response.ok && !known) throw new RefusedError(body.message ?? "The server refused an answer.", body);
      failures = 0;
      if (!known) reply = body;
      this.#waiting.shift();
      this.#keep();
      this.#onDelay(false);
    }
    return reply;
  }

  /** @param {NewAnswer} answer */
  async #post(answer) {
    try {
      return await fetch("api/answers", {
        method: "POST",
        headers: { "Content-Type": "application/json", Authorization: `Bearer ${this.#token}` },
        body: JSON.stringify(answer),
        keepalive: true,
      });
    } catch {
      return null; // no connection
    }
  }

  #keep() {
    memory.set(this.#name, JSON.stringify(this.#waiting));
  }
}
