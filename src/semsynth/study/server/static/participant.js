// A participant's way through the study: consent, instructions, screen check, pairs, completion code.

import { expose, frameInterval, noiseMask } from "./exposure.js";
import { Outbox, memory } from "./outbox.js";
import { Pictures } from "./pictures.js";
import { isPreview, offerReturn, workerId } from "./platform.js";

const GAP = 24, MARGIN = 28, CONTROLS = 200; // of study.css, in CSS pixels
const SLOWEST = 40; // milliseconds between frames, above which times of 1/8 s would be guesses
const element = id => document.getElementById(id);
const clicked = id => new Promise(resolve => element(id).addEventListener("click", resolve, { once: true }));

function show(section) {
  for (const other of document.querySelectorAll("main > section")) other.hidden = other.id !== section;
  document.body.classList.toggle("judging", section === "trial");
}

function paragraphs(id, text) {
  element(id).replaceChildren(...text.split(/\n\s*\n/).map(part => {
    const paragraph = document.createElement("p");
    paragraph.textContent = part;
    return paragraph;
  }));
}

/** JSON of the server; a busy server is asked again. */
async function ask(path, body) {
  for (let attempt = 0; ; attempt++) {
    const response = await fetch(path, body && {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    }).catch(() => null);
    const reply = await response?.json().catch(() => null);
    if (response?.ok) return reply;
    const busy = !response || reply?.reason === "unavailable";
    if (!busy || attempt === 5) throw Object.assign(new Error(reply?.message ?? "The server cannot be reached."), reply);
    await new Promise(resolve => setTimeout(resolve, 400 * 2 ** attempt));
  }
}

async function checkScreen(study) {
  show("screen");
  const columns = study.layout ? 3 : 2;
  const width = columns * study.width + (columns - 1) * GAP + MARGIN, height = study.height + CONTROLS;
  const interval = await frameInterval();
  const status = element("screen-status"), start = element("start");
  const judge = () => {
    const small = innerWidth < width || innerHeight < height;
    const slow = study.timed && interval > SLOWEST;
    status.textContent = small
      ? `This window is ${innerWidth} by ${innerHeight}; the pictures need ${width} by ${height}. Please make it larger, or turn the device.`
      : slow ? "This device draws too few frames per second for pictures that are shown briefly. Please use another one."
      : "Your screen is fine. Please stay in this window until the end.";
    start.disabled = small || slow;
  };
  judge();
  addEventListener("resize", judge);
  await clicked("start");
  removeEventListener("resize", judge);
  return interval;
}

/** Shows pairs and collects answers. */
class Judge {
  constructor(study, pairs, interval, outbox) {
    Object.assign(this, { study, pairs, interval, outbox, pictures: new Pictures(pairs), choose: null, reveal: null });
    element("question").textContent = study.question;
    element("layout").hidden = !study.layout;
    element("choose-tie").hidden = !study.ties;
    element("progress").max = pairs.length;
    for (const side of ["left", "right"]) {
      element(side).addEventListener("click", () => this.choose?.(side));
      element(`choose-${side}`).addEventListener("click", () => this.choose?.(side));
    }
    element("choose-tie").addEventListener("click", () => this.choose?.("tie"));
    element("show").addEventListener("click", () => this.reveal?.());
    addEventListener("keydown", event => this.#key(event));
  }

  #key(event) {
    if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    const choice = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: this.study.ties ? "tie" : undefined }[event.key];
    if (choice && this.choose) { event.preventDefault(); this.choose(choice); }
    if (event.key === " " && this.reveal) { event.preventDefault(); this.reveal(); }
  }

  #enable(answers, reveal) {
    for (const id of ["left", "right", "choose-left", "choose-right", "choose-tie"]) element(id).disabled = !answers;
    element("show").hidden = !reveal;
  }

  /** One pair, from loading to the answer. */
  async judge(position, done) {
    const pair = this.pairs[position];
    element("practice").style.visibility = pair.practice ? "visible" : "hidden";
    element("progress").value = done;
    element("count").textContent = `${done + 1} of ${this.pairs.length}`;
    this.#enable(false, false);
    this.#blank();
    const { left, right, layout } = await this.pictures.of(position); // both are decoded from here on
    const slots = [["left", left], ["right", right], ...(layout ? [["layout", layout]] : [])];
    for (const [id, image] of slots) this.#size(id, image);
    const reveal = () => { for (const [id, image] of slots) element(id).replaceChildren(image); };

    let shown = null, dropped = 0;
    if (pair.exposure === null) await new Promise(resolve => requestAnimationFrame(() => { reveal(); resolve(); }));
    else ({ shown, dropped } = await this.#timed(pair, slots, reveal));
    const appeared = performance.now() - 1000 * (shown ?? 0);
    this.#enable(true, false);
    const choice = await new Promise(resolve => { this.choose = resolve; });
    this.choose = null;
    this.#enable(false, false);
    const response = (performance.now() - appeared) / 1000;
    this.outbox.add({ trial: position, choice, response_seconds: response, shown_seconds: shown, dropped_frames: dropped });
  }

  async #timed(pair, slots, reveal) {
    const masks = slots.map(([id, image]) => [id, noiseMask(image.naturalWidth, image.naturalHeight)]);
    this.#enable(false, true);
    await new Promise(resolve => { this.reveal = resolve; });
    this.reveal = null;
    this.#enable(false, false);
    const hide = () => { for (const [id, mask] of masks) element(id).replaceChildren(mask); };
    return expose(reveal, hide, pair.exposure, this.interval);
  }

  #size(id, image) {
    element(id).style.width = `${image.naturalWidth}px`;
    element(id).style.height = `${image.naturalHeight}px`;
  }

  #blank() { for (const id of ["left", "right", "layout"]) element(id).replaceChildren(); }
}

function finish(code) {
  show("done");
  element("code").textContent = code;
  offerReturn(code);
}

async function takePart() {
  const study = await ask("api/study");
  paragraphs("consent", study.consent);
  paragraphs("instructions-text", study.instructions);
  element("instructions-question").textContent = study.question;
  element("ties-help").hidden = !study.ties;
  element("timed-help").hidden = !study.timed;
  element("agree").disabled = isPreview;
  if (isPreview) element("agree").textContent = "Accept the task to take part";
  const begun = `semsynth-study-begun-${workerId()}`;
  if (memory.get(begun)) element("agree").textContent = "Continue where you stopped";
  show("welcome");
  await clicked("agree");
  if (!memory.get(begun)) {
    show("instructions");
    await clicked("understood");
  }
  const interval = await checkScreen(study);
  const screen = {
    width: innerWidth, height: innerHeight, pixel_ratio: devicePixelRatio, frames_per_second: Math.min(1000, 1000 / interval),
  };
  const joined = await ask("api/join", { worker: workerId(), screen });
  memory.set(begun, "yes");
  const status = element("status");
  const outbox = new Outbox(joined.token, waits => { status.textContent = waits ? "Saving your answers takes a moment…" : ""; });
  const answered = new Set([...joined.answered, ...outbox.trials]);
  const judge = new Judge(study, joined.pairs, interval, outbox);
  let last = null;
  show("trial");
  for (const position of joined.pairs.keys()) {
    if (answered.has(position)) continue;
    await judge.judge(position, answered.size);
    answered.add(position);
  }
  element("progress").value = joined.pairs.length;
  last = await outbox.flush();
  if (last?.complete) finish(last.code);
  else finish((await ask("api/join", { worker: workerId(), screen }).catch(problem => problem)).code ?? "");
}

element("again").addEventListener("click", () => location.reload());
takePart().catch(problem => {
  if (problem.reason === "done" && problem.code) { finish(problem.code); return; }
  element("problem-text").textContent = problem.message;
  show("problem");
});
