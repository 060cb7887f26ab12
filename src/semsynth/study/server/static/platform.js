// Where participants come from, as the page's address says, and how they go back.

import { memory, randomKey } from "./outbox.js";

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

/** Show the way back with the completion code. */
export function offerReturn(code) {
  if (given.has("PROLIFIC_PID")) {
    const link = document.getElementById("return");
    link.href = PROLIFIC + encodeURIComponent(code);
    link.hidden = false;
  }
  const target = URL.canParse(given.get("turkSubmitTo") ?? "") ? new URL(given.get("turkSubmitTo")).origin : null;
  if (given.has("assignmentId") && MTURK.includes(target)) {
    const form = document.getElementById("submit");
    form.action = `${target}/mturk/externalSubmit`;
    form.elements.assignmentId.value = given.get("assignmentId");
    form.elements.code.value = code;
    form.hidden = false;
  }
}
