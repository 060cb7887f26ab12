/** The server's interface (docs/studio-api.md), and what went wrong in words for people. */

/** @typedef {{id: number, name: string, color: [number, number, number], group: string, modes: number}} LabelClass */
/** @typedef {{name: string, void: number, void_8bit: number | null, classes: LabelClass[]}} LabelClasses */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{default: Size, fixed: boolean, multiple_of: Size, max_pixels: number}} PhotoSizes */
/**
 * @typedef {object} Abilities
 * @property {boolean} styles
 * @property {boolean} object_styles
 * @property {number} style_vector
 * @property {boolean} reads_photos
 * @property {boolean} needs_instances
 * @property {boolean} uses_instances
 * @property {number} images_per_layout
 * @property {boolean} segmenter
 */
/**
 * @typedef {object} Model
 * @property {string} id
 * @property {string} name
 * @property {string} hash
 * @property {"labels" | "pictures"} reads
 * @property {LabelClasses} classes
 * @property {PhotoSizes} sizes
 * @property {Abilities} abilities
 * @property {string} data
 * @property {string} licence
 * @property {string} intended_use
 */
/** @typedef {{name: string, class_set: string, models: string[], instances: boolean, photo: boolean}} Example */
/** @typedef {{blob: Blob, headers: Headers}} Picture */

/** Who asks, for the server's "a newer stroke overtakes"; every page has a name of its own. */
const CLIENT = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16)).join("");

/** What the server refused, or that it did not answer. */
export class ApiError extends Error {
  /**
   * @param {number} status  0: no answer
   * @param {string} message
   * @param {number} [retryAfter]  seconds; trying again may help
   */
  constructor(status, message, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

const TITLES = /** @type {Record<number, string>} */ ({
  401: "The server wants its token: open the address that it printed when it started.",
  403: "The server does not answer pages from other addresses.",
  413: "Too large for the server:",
  415: "The server cannot read this file:",
  422: "The server could not use this:",
  429: "The server is busy; trying again.",
  503: "The server is busy; trying again.",
});

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 * @throws {ApiError}
 */
async function ask(path, init) {
  let response;
  try {
    response = await fetch(path, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "The server does not answer. Your work is safe in this browser; trying again …", 1);
  }
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const said = typeof problem.message === "string" ? problem.message : "";
  const title = TITLES[response.status];
  const words = title ? (title.endsWith(":") ? `${title} ${said}` : title) : said || `Error ${response.status}`;
  const again = response.status === 429 || response.status === 503;
  throw new ApiError(response.status, words, again ? Number(response.headers.get("Retry-After")) || 1 : 0);
}

/**
 * @param {Record<string, unknown>} options
 * @param {Record<string, Blob | null | undefined>} [files]
 * @returns {RequestInit}
 */
function form(options, files = {}) {
  const body = new FormData();
  body.set("options", JSON.stringify(options));
  for (const [name, file] of Object.entries(files)) if (file) body.set(name, file, name);
  return { method: "POST", body };
}

/** @returns {Promise<Model[]>} */
export async function models() {
  return (await (await ask("/api/models")).json()).models;
}

/** @returns {Promise<Example[]>} */
export async function examples() {
  return (await (await ask("/api/examples")).json()).examples;
}

/**
 * @param {string} model
 * @param {number} seed
 * @returns {Promise<Example>}
 */
export async function randomExample(model, seed) {
  return (await ask(`/api/examples/random?model=${encodeURIComponent(model)}&seed=${seed}`)).json();
}

/** @typedef {"label" | "instances" | "preview" | "photo"} ExamplePart */

/**
 * The address of an example's picture.
 * @param {string} name
 * @param {ExamplePart} part
 */
export function examplePath(name, part) {
  const base = `/api/examples/${encodeURIComponent(name)}`;
  return part === "label" ? `${base}.png` : `${base}/${part}.png`;
}

/**
 * @param {string} name
 * @param {ExamplePart} part
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function exampleFile(name, part) {
  return new Uint8Array(await (await ask(examplePath(name, part))).arrayBuffer());
}

/**
 * Make photos of a layout.
 * @param {string} model
 * @param {{label: Blob, instances?: Blob | null, style?: Blob | null}} files
 * @param {Record<string, unknown>} options
 * @param {AbortSignal} [signal]
 * @returns {Promise<Picture | null>} null: a newer stroke overtook this one
 */
export async function synthesize(model, files, options, signal) {
  return picture(`/api/models/${encodeURIComponent(model)}/synthesize`, files, options, signal);
}

/**
 * One object in every style of its class, as a sheet.
 * @param {string} model
 * @param {{label: Blob, instances?: Blob | null}} files
 * @param {Record<string, unknown>} options
 */
export async function styleChoices(model, files, options) {
  return picture(`/api/models/${encodeURIComponent(model)}/style-choices`, files, options);
}

/**
 * @param {string} path
 * @param {Record<string, Blob | null | undefined>} files
 * @param {Record<string, unknown>} options
 * @param {AbortSignal} [signal]
 * @returns {Promise<Picture | null>}
 */
async function picture(path, files, options, signal) {
  const turn = "stroke" in options ? { client: CLIENT } : {};
  const response = await ask(path, { ...form({ ...turn, ...options }, files), signal: signal ?? null });
  if (response.status === 204) return null;
  return { blob: await response.blob(), headers: response.headers };
}

/**
 * A photo's style as numbers.
 * @param {string} model
 * @param {Blob} photo
 * @returns {Promise<number[]>}
 */
export async function styleOf(model, photo) {
  const path = `/api/models/${encodeURIComponent(model)}/style`;
  return (await (await ask(path, form({}, { style: photo }))).json()).vector;
}

/**
 * A layout of a photo.
 * @param {string} model
 * @param {Blob} photo
 * @param {Size} size
 * @returns {Promise<Uint8Array<ArrayBuffer>>} a label PNG
 */
export async function segment(model, photo, size) {
  const path = `/api/models/${encodeURIComponent(model)}/segment`;
  return new Uint8Array(await (await ask(path, form({ size }, { photo }))).arrayBuffer());
}

/** Runs one job at a time; what is asked for meanwhile is done once, with the newest state. */
export class Newest {
  /**
   * @param {() => Promise<void>} job
   * @param {(running: boolean) => void} [tell]  called when the first of several jobs begins, and when all are done
   */
  constructor(job, tell = () => {}) {
    this.job = job;
    this.tell = tell;
    this.running = false;
    this.wanted = false;
  }

  /** Ask for the job to run with what is there now. */
  async want() {
    this.wanted = true;
    if (this.running) return;
    this.running = true;
    this.tell(true);
    try {
      while (this.wanted) {
        this.wanted = false;
        await this.job();
      }
    } finally {
      this.running = false;
      this.tell(false);
    }
  }
}
