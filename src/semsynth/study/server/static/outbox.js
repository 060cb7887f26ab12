// Answers on their way: kept in the browser until the server has acknowledged them, sent in order, again if needed.

const LONGEST_WAIT = 8000;
const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

/** 128 random bits; crypto.randomUUID exists only on secure pages. */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}

/** localStorage, or nothing where the browser forbids it, as in some frames. */
export const memory = {
  get(key) { try { return localStorage.getItem(key); } catch { return null; } },
  set(key, value) { try { localStorage.setItem(key, value); } catch { /* then only this page remembers */ } },
};

export class Outbox {
  #token;
  #name;
  #waiting;
  #sending = null;
  #onDelay;

  /** `onDelay(true)` is called when answers have to wait, `onDelay(false)` when they are through. */
  constructor(token, onDelay) {
    this.#token = token;
    this.#name = `semsynth-study-outbox-${token}`;
    this.#waiting = JSON.parse(memory.get(this.#name) ?? "[]");
    this.#onDelay = onDelay;
  }

  /** Positions of the pairs whose answers wait. */
  get trials() { return this.#waiting.map(answer => answer.trial); }

  add(answer) {
    this.#waiting.push({ key: randomKey(), ...answer });
    this.#keep();
    void this.flush().catch(() => {}); // the last flush tells
  }

  /** Send everything. Resolves to the last reply, or null if nothing was to be sent; rejects if the server refuses. */
  flush() {
    this.#sending ??= this.#send().finally(() => { this.#sending = null; });
    return this.#sending;
  }

  async #send() {
    let reply = null;
    for (let failures = 0; this.#waiting.length;) {
      const response = await this.#post(this.#waiting[0]);
      if (response === null || response.status >= 500 || response.status === 429) {
        this.#onDelay(true);
        await wait(Math.min(LONGEST_WAIT, 400 * 2 ** failures++) * (0.75 + Math.random() / 2));
        continue;
      }
      const body = await response.json();
      const known = response.status === 409 && body.reason === "conflict"; // answered in another window
      if (!response.ok && !known) throw Object.assign(new Error(body.message ?? "The server refused an answer."), body);
      failures = 0;
      if (!known) reply = body;
      this.#waiting.shift();
      this.#keep();
      this.#onDelay(false);
    }
    return reply;
  }

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

  #keep() { memory.set(this.#name, JSON.stringify(this.#waiting)); }
}
