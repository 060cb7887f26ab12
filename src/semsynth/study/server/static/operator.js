/** The operator's page: how far the study is, and who fails sentinels. */

import { buttonOf, byId, progressOf } from "./page.js";

/**
 * @typedef {object} LivePreference
 * @property {string} first
 * @property {string} second
 * @property {number} first_preferred
 * @property {number} second_preferred
 * @property {number} ties
 * @property {number} low
 * @property {number} high
 */
/**
 * @typedef {object} LiveWorker
 * @property {string} worker
 * @property {string} state
 * @property {number} answers
 * @property {number} sentinels
 * @property {number} sentinels_right
 * @property {string[]} excluded_for
 */
/**
 * @typedef {object} ProgressReply
 * @property {string} study
 * @property {number} assignments
 * @property {number} open
 * @property {number} active
 * @property {number} complete
 * @property {number} answers
 * @property {number} robots
 * @property {boolean} paused
 * @property {LivePreference[]} preferences
 * @property {LiveWorker[]} workers
 */
/** @typedef {string | number | {text: string, wrong: boolean}} Cell */

const EVERY = 3000; // milliseconds
let token = sessionStorage.getItem("semsynth-operator") ?? "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** The server refused the operator's token. */
class ForbiddenError extends Error {}

/**
 * @param {string} path
 * @param {object} [body]  to be posted
 */
async function ask(path, body) {
  const authorization = { Authorization: `Bearer ${token}` };
  const post = { method: "POST", body: JSON.stringify(body) };
  const response = await fetch(
    `api/operator/${path}`,
    body ? { ...post, headers: { ...authorization, "Content-Type": "application/json" } } : { headers: authorization },
  );
  if (response.status === 403) throw new ForbiddenError();
  if (!response.ok) throw new Error(response.statusText);
  return response;
}

/** @param {string} id @param {Cell[][]} lines */
function rows(id, lines) {
  byId(id).replaceChildren(
    ...lines.map((cells) => {
      const row = document.createElement("tr");
      for (const cell of cells) {
        const field = row.insertCell();
        const { text, wrong } = typeof cell === "object" ? cell : { text: String(cell), wrong: false };
        field.textContent = text;
        field.classList.toggle("wrong", wrong);
      }
      return row;
    }),
  );
}

/** @param {number} share */
const percent = (share) => `${(100 * share).toFixed(1)} %`;

/** @param {ProgressReply} progress */
function draw(progress) {
  byId("study").textContent = progress.study;
  for (const id of /** @type {const} */ (["complete", "active", "open", "answers"])) {
    byId(id).textContent = progress[id].toLocaleString("en");
  }
  progressOf("progress").max = progress.assignments;
  progressOf("progress").value = progress.complete;
  byId("pause").textContent = progress.paused ? "Resume" : "Pause";
  byId("pause").dataset["paused"] = String(progress.paused);
  byId("state").textContent = progress.paused
    ? "Paused: nobody new can start; those who have started can finish."
    : "Running.";
  if (progress.robots) byId("state").textContent += ` ${progress.robots} answers of robots are marked and not counted.`;
  rows("preferences", progress.preferences.map(preferenceRow));
  rows("workers", progress.workers.map(workerRow));
}

/** @param {LivePreference} one  @returns {Cell[]} */
function preferenceRow(one) {
  const counted = one.first_preferred + one.second_preferred;
  const share = counted ? percent(one.first_preferred / counted) : "–";
  return [`${one.first} > ${one.second}`, share, `${percent(one.low)} to ${percent(one.high)}`, counted, one.ties];
}

/** @param {LiveWorker} one  @returns {Cell[]} */
function workerRow(one) {
  const right = { text: `${one.sentinels_right} of ${one.sentinels}`, wrong: one.sentinels_right < one.sentinels };
  return [one.worker.slice(0, 12), one.state.replace("_", " "), one.answers, right, { text: one.excluded_for.join(", "), wrong: true }];
}

async function refresh() {
  clearTimeout(timer);
  try {
    draw(await (await ask("progress")).json());
    byId("login").hidden = true;
    byId("board").hidden = false;
    timer = setTimeout(refresh, EVERY);
  } catch (error) {
    if (error instanceof ForbiddenError) {
      byId("refused").textContent = token ? "This is not the token." : "";
      byId("login").hidden = false;
      byId("board").hidden = true;
    } else {
      byId("state").textContent = "The server does not answer; trying again.";
      timer = setTimeout(refresh, EVERY);
    }
  }
}

byId("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = /** @type {HTMLInputElement} */ (byId("token")).value.trim();
  sessionStorage.setItem("semsynth-operator", token);
  refresh();
});
buttonOf("pause").addEventListener("click", async () => {
  await ask("pause", { paused: byId("pause").dataset["paused"] !== "true" });
  await refresh();
});
buttonOf("export").addEventListener("click", async () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await (await ask("answers.csv")).blob());
  link.download = "answers.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});
refresh();
