/** Where participants come from, as the page's address says, and how they go back. */

import { memory, randomKey } from "./outbox.js";
import { byId } from "./page.js";

const PROLIFIC = "https://app.prolific.com/submissions/complete?cc=";
const MTURK = ["https://www.mturk.com", "https://workersandbox.mturk.com"];
const PREVIEW = "ASSIGNMENT_ID_NOT_AVAILABLE";

const given = new URLSearchParams(location.search);

/** In MTurk's preview nobody has accepted the task yet. */
export const isPreview = given.get("assignmentId") === PREVIEW;

/** The platform's worker id; without a platform a random one that this browser keeps. */
export function workerId() {
  const named = given.get("PROLIFIC_PID") ?? given.get("workerId") ?? given.get("worker");
  if (named) return named.slice(0, 128);
  const kept = memory.get("semsynth-study-worker") ?? randomKey();
  memory.set("semsynth-study-worker", kept);
  return kept;
}

/** Show the way back with the completion code. @param {string} code */
export function offerReturn(code) {
  if (given.has("PROLIFIC_PID")) {
    const link = /** @type {HTMLAnchorElement} */ (byId("return"));
    link.href = PROLIFIC + encodeURIComponent(code);
    link.hidden = false;
  }
  const [target, assignment] = [given.get("turkSubmitTo") ?? "", given.get("assignmentId")];
  const origin = URL.canParse(target) ? new URL(target).origin : "";
  if (assignment === null || !MTURK.includes(origin)) return;
  const form = /** @type {HTMLFormElement} */ (byId("submit"));
  form.action = `${origin}/mturk/externalSubmit`;
  for (const [name, value] of [
    ["assignmentId", assignment],
    ["code", code],
  ]) {
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value = value;
  }
  form.hidden = false;
}
