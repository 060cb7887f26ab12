/** Autosave in the browser: a reload, a crash or another server loses nothing. Every tab has a project of its own. */

import { restore, saved } from "./project.js";

/** @import { Saved } from "./project.js" */
/** @import { Store } from "./store.js" */

const TAB = "semsynth-project";
/** Projects kept at most. */
const KEPT = 8;
/** Milliseconds after a change. */
const DELAY = 200;

/** Kept open: what is asked of it while the page goes away is still done. @type {IDBDatabase | null} */
let connection = null;

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("semsynth-studio", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("projects", { keyPath: "key" });
    request.onsuccess = () => {
      connection = request.result;
      connection.onclose = () => (connection = null);
      resolve(connection);
    };
    request.onerror = () => reject(request.error);
  });
}

/**
 * @template T
 * @param {IDBTransactionMode} mode
 * @param {(projects: IDBObjectStore) => IDBRequest<T>} ask
 * @returns {Promise<T>}
 */
async function projects(mode, ask) {
  const opened = connection ?? (await database());
  return new Promise((resolve, reject) => {
    const transaction = opened.transaction("projects", mode, { durability: "relaxed" });
    const request = ask(transaction.objectStore("projects"));
    // At once, not when the page comes to rest: it may be on its way out.
    transaction.commit();
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * Hold a project for this tab until it is closed, so that no two tabs write one.
 * @param {string} key
 * @returns {Promise<boolean>} false: another tab has it
 */
function claim(key) {
  // Locks exist at secure addresses only (loopback is one); elsewhere a project belongs to the tab that made it.
  if (!navigator.locks) return Promise.resolve(sessionStorage.getItem(TAB) === key);
  return new Promise((resolve) => {
    navigator.locks.request(`${TAB}-${key}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise(() => {});
    });
  });
}

export class Autosave {
  /**
   * @param {Store} store
   * @param {(state: "saving" | "saved" | "failed") => void} tell
   */
  constructor(store, tell) {
    this.store = store;
    this.tell = tell;
    this.key = "";
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  /**
   * Go on with this tab's project, or with the newest that no tab has open.
   * @returns {Promise<Saved | null>} what was restored
   */
  async start() {
    /** @type {Saved[]} */
    let records = [];
    try {
      records = await projects("readonly", (all) => all.getAll());
    } catch {
      this.tell("failed");
    }
    records.sort((a, b) => b.time - a.time);
    const own = sessionStorage.getItem(TAB);
    const first = records.filter(({ key }) => key === own);
    for (const record of [...first, ...records.filter(({ key }) => key !== own)]) {
      if (!(await claim(record.key))) continue;
      try {
        await restore(this.store, record);
      } catch {
        continue; // of a model that is not served now; it stays for the day when it is
      }
      this.#use(record.key);
      return record;
    }
    this.fresh();
    await this.#forget(records.slice(KEPT));
    return null;
  }

  /** Keep what comes now as a project of its own. */
  fresh() {
    const key = Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join("");
    claim(key);
    this.#use(key);
  }

  /** @param {string} key */
  #use(key) {
    this.key = key;
    sessionStorage.setItem(TAB, key);
  }

  /** Something has changed: save it soon. */
  soon() {
    clearTimeout(this.timer);
    this.tell("saving");
    this.timer = setTimeout(() => this.now(), DELAY);
  }

  /** Save, if anything is waiting to be. */
  async now() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const record = saved(this.store, this.key);
    try {
      await projects("readwrite", (all) => all.put(record));
      if (this.timer === undefined) this.tell("saved"); // else there is something newer
    } catch {
      this.tell("failed");
    }
  }

  /** Save before the page goes away. */
  leave() {
    if (this.timer !== undefined) this.now();
  }

  /** @param {Saved[]} records */
  async #forget(records) {
    for (const { key } of records) {
      if (await claim(key)) await projects("readwrite", (all) => all.delete(key));
    }
  }
}
