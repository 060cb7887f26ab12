/** A participant's way through the study: consent, instructions, screen check, pairs, completion code. */

import { frameInterval } from "./exposure.js";
import { Judge } from "./judge.js";
import { memory, Outbox } from "./outbox.js";
import { buttonOf, byId, progressOf, RefusedError, wait } from "./page.js";
import { isPreview, offerReturn, workerId } from "./platform.js";

/** @import { JoinReply, StudyMessage } from "./page.js" */

/** Of study.css, in CSS pixels. */
const [GAP, MARGIN, CONTROLS] = [24, 28, 200];
/** Milliseconds between frames, above which times of 1/8 s would be guesses. */
const SLOWEST = 40;

/** @param {string} id */
const clicked = (id) => new Promise((resolve) => byId(id).addEventListener("click", resolve, { once: true }));

/** @param {string} section */
function show(section) {
  for (const other of document.querySelectorAll("main > section")) {
    /** @type {HTMLElement} */ (other).hidden = other.id !== section;
  }
  document.body.classList.toggle("judging", section === "trial");
}

/** @param {string} id @param {string} text */
function paragraphs(id, text) {
  byId(id).replaceChildren(
    ...text.split(/\n\s*\n/).map((part) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = part;
      return paragraph;
    }),
  );
}

/**
 * JSON of the server; a busy server is asked again.
 * @param {string} path
 * @param {object} [body]  to be posted
 * @throws {RefusedError}
 */
async function ask(path, body) {
  const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(path, body && post).catch(() => null);
    const reply = await response?.json().catch(() => null);
    if (response?.ok) return reply;
    if (response?.status === 429) {
      byId("screen-status").textContent = reply?.message ?? "Many people are here: trying again in a moment.";
      await wait(1000 * Number(response.headers.get("Retry-After") ?? 5));
      attempt--;
      continue;
    }
    const busy = !response || reply?.reason === "unavailable";
    if (!busy || attempt === 5) throw new RefusedError(reply?.message ?? "The server cannot be reached.", reply ?? {});
    await wait(400 * 2 ** attempt);
  }
}

/**
 * Wait until the window is large enough, and the participant starts.
 * @param {StudyMessage} study
 * @returns {Promise<number>} the time between two frames, in milliseconds
 */
async function checkScreen(study) {
  show("screen");
  const columns = study.layout ? 3 : 2;
  const [width, height] = [columns * study.width + (columns - 1) * GAP + MARGIN, study.height + CONTROLS];
  const interval = await frameInterval();
  const check = () => {
    const small = innerWidth < width || innerHeight < height;
    const slow = study.timed && interval > SLOWEST;
    byId("screen-status").textContent = small
      ? `This window is ${innerWidth} by ${innerHeight}; the pictures need ${width} by ${height}. ` +
        "Please make it larger, or turn the device."
      : slow
        ? "This device draws too few frames per second for pictures that are shown briefly. Please use another one."
        : "Your screen is fine. Please stay in this window until the end.";
    buttonOf("start").disabled = small || slow;
  };
  check();
  addEventListener("resize", check);
  await clicked("start");
  removeEventListener("resize", check);
  return interval;
}

/** @param {string} code */
function finish(code) {
  show("done");
  byId("code").textContent = code;
  offerReturn(code);
}

/**
 * Consent and instructions.
 * @param {StudyMessage} study
 * @param {boolean} again  the participant comes back, and has read the instructions
 */
async function welcome(study, again) {
  paragraphs("consent", study.consent);
  paragraphs("instructions-text", study.instructions);
  byId("instructions-question").textContent = study.question;
  byId("ties-help").hidden = !study.ties;
  byId("timed-help").hidden = !study.timed;
  buttonOf("agree").disabled = isPreview;
  if (isPreview) byId("agree").textContent = "Accept the task to take part";
  if (again) byId("agree").textContent = "Continue where you stopped";
  show("welcome");
  await clicked("agree");
  if (again) return;
  show("instructions");
  await clicked("understood");
}

async function takePart() {
  /** @type {StudyMessage} */
  const study = await ask("api/study");
  const begun = `semsynth-study-begun-${workerId()}`;
  await welcome(study, memory.get(begun) !== null);
  const interval = await checkScreen(study);
  const screen = {
    width: innerWidth,
    height: innerHeight,
    pixel_ratio: devicePixelRatio,
    frames_per_second: Math.min(1000, 1000 / interval),
  };
  const join = () => ask("api/join", { worker: workerId(), screen });
  /** @type {JoinReply} */
  const joined = await join();
  memory.set(begun, "yes");
  const status = byId("status");
  const outbox = new Outbox(joined.token, (waits) => {
    status.textContent = waits ? "Saving your answers takes a moment…" : "";
  });
  const answered = new Set([...joined.answered, ...outbox.trials]);
  const judge = new Judge(study, joined.pairs, interval, outbox);
  show("trial");
  for (const position of joined.pairs.keys()) {
    if (answered.has(position)) continue;
    await judge.judge(position, answered.size);
    answered.add(position);
  }
  progressOf("progress").value = joined.pairs.length;
  const last = await outbox.flush();
  // Answers that were all sent before, or in another window: joining again is refused with the code.
  const end = last?.complete ? last : await join().catch((problem) => problem);
  if (!end.code) throw new RefusedError(end.note ?? end.message ?? "There is no completion code.");
  finish(end.code);
}

byId("again").addEventListener("click", () => location.reload());
takePart().catch((problem) => {
  if (problem instanceof RefusedError && problem.reason === "done" && problem.code) {
    finish(problem.code);
    return;
  }
  byId("problem-text").textContent = problem.message;
  show("problem");
});
