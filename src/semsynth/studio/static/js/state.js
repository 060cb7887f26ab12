/** What the editor's state consists of, and how it begins. */

import { VOID } from "./labels.js";

/** @import { Model } from "./api.js" */
/** @import { Step } from "./history.js" */
/** @import { Maps } from "./instances.js" */
/** @import { LabelLayer } from "./labels.js" */

/**
 * @typedef {"brush" | "eraser" | "line" | "rectangle" | "ellipse" | "polygon" | "fill" | "picker" | "object" | "hand"}
 *   ToolName
 */
/** @typedef {"side" | "overlay" | "wipe" | "layout" | "photo"} ViewMode */
/** @typedef {{size: number, shape: import("./raster.js").BrushShape, pressure: boolean}} Brush */

/**
 * The tool in hand, and what it paints.
 * @typedef {object} Painting
 * @property {ToolName} tool
 * @property {number} classId
 * @property {number} eraseTo  what the eraser leaves: a class, or VOID
 * @property {Readonly<Brush>} brush
 * @property {number | null} only  paint only over this class
 * @property {boolean} separate  strokes are objects of their own
 * @property {boolean} fillEverywhere  fill all regions of a class at once
 * @property {readonly number[]} recent  classes, newest first
 */

/**
 * What gives the photo its look.
 * @typedef {object} Style
 * @property {number} seed
 * @property {number[] | null} vector  of a style photo, by models whose style is a vector
 * @property {Blob | null} photo  the style photo
 * @property {Record<string, number>} objects  single objects' styles: mode by instance id
 */

/**
 * A photo underneath: to paint over, or the person's own to be edited.
 * @typedef {object} Reference
 * @property {Blob} blob
 * @property {ImageBitmap} bitmap
 * @property {Maps | null} base  the layout that shows it; edits are what differs
 * @property {number} margin  pixels of the layout around an edit that are replaced as well
 */

/**
 * @typedef {object} View
 * @property {ViewMode} mode
 * @property {Readonly<{label: number, photo: number, reference: number, outlines: number}>} opacity
 * @property {number} overlay
 * @property {number} wipe
 * @property {boolean} patterns
 * @property {boolean} live
 */

/** @typedef {{blob: Blob, bitmap: ImageBitmap}} Photo */

/**
 * How far the photo is.
 * @typedef {object} Progress
 * @property {"empty" | "ready" | "working" | "trying" | "refused"} state
 * @property {string} message
 * @property {number} latency  from asking to having the last photo, milliseconds
 */

/**
 * A project that is opened again.
 * @typedef {object} Opened
 * @property {Model} model
 * @property {LabelLayer} layer
 * @property {string} title
 * @property {Style} style
 * @property {Partial<Painting>} painting
 * @property {Partial<View>} view
 * @property {Reference | null} reference
 * @property {{done: Step[], undone: Step[]}} steps
 */

/**
 * Topics: `layer` (another layout), `pixels` (its pixels), `committed` (a step of history), `model`, `compared` (the
 * model beside it), `brush` (tool, class and their settings), `view`, `selection`, `style`, `photo` (a new photo, or
 * how far it is), `reference`, `title`.
 * @typedef {"layer" | "pixels" | "committed" | "model" | "compared" | "brush" | "view" | "selection" | "style"
 *   | "photo" | "reference" | "title"} Topic
 */

/** @type {Readonly<Painting>} */
export const PAINTING = {
  tool: "brush",
  classId: 0,
  eraseTo: VOID,
  brush: { size: 12, shape: "round", pressure: true },
  only: null,
  separate: false,
  fillEverywhere: false,
  recent: [],
};

/** @type {Readonly<Style>} */
export const STYLE = { seed: 0, vector: null, photo: null, objects: {} };

/** @type {Readonly<View>} */
export const VIEW = {
  mode: "side",
  opacity: { label: 1, photo: 1, reference: 0.5, outlines: 0 },
  overlay: 0.5,
  wipe: 0.5,
  patterns: false,
  live: true,
};

/** @type {Readonly<Progress>} */
export const PROGRESS = { state: "empty", message: "", latency: 0 };

/** A class to begin with. @param {Model} model */
export function firstClass({ classes: { classes } }) {
  return (classes.find(({ group }) => group !== "void") ?? classes[0]).id;
}
