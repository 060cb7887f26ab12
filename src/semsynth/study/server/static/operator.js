// The operator's page: how far the study is, and who fails sentinels.

const EVERY = 3000; // milliseconds
const element = id => document.getElementById(id);
let token = sessionStorage.getItem("semsynth-operator") ?? "";
let timer;

async function ask(path, body) {
  const response = await fetch(`api/operator/${path}`, {
    method: body ? "POST" : "GET",
    headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw Object.assign(new Error((await response.json()).detail ?? response.statusText), { status: response.status });
  return response;
}

function rows(id, lines) {
  element(id).replaceChildren(...lines.map(cells => {
    const row = document.createElement("tr");
    for (const cell of cells) {
      const field = row.insertCell();
      field.textContent = cell.text ?? cell;
      field.classList.toggle("wrong", Boolean(cell.wrong));
    }
    return row;
  }));
}

const percent = share => `${(100 * share).toFixed(1)} %`;

function draw(progress) {
  element("study").textContent = progress.study;
  for (const id of ["complete", "active", "open", "answers"]) element(id).textContent = progress[id].toLocaleString("en");
  element("progress").max = progress.assignments;
  element("progress").value = progress.complete;
  element("pause").textContent = progress.paused ? "Resume" : "Pause";
  element("pause").dataset.paused = progress.paused;
  element("state").textContent = progress.paused ? "Paused: nobody new can start; those who have started can finish." : "Running.";
  rows("preferences", progress.preferences.map(one => {
    const counted = one.first_preferred + one.second_preferred;
    const share = counted ? percent(one.first_preferred / counted) : "–";
    return [`${one.first} > ${one.second}`, share, `${percent(one.low)} to ${percent(one.high)}`, counted, one.ties];
  }));
  rows("workers", progress.workers.map(one => [
    one.worker.slice(0, 12), one.state, one.answers,
    { text: `${one.sentinels_right} of ${one.sentinels}`, wrong: one.sentinels_right < one.sentinels },
    { text: one.excluded_for.join(", "), wrong: true },
  ]));
}

async function refresh() {
  clearTimeout(timer);
  try {
    draw(await (await ask("progress")).json());
    element("login").hidden = true;
    element("board").hidden = false;
    timer = setTimeout(refresh, EVERY);
  } catch (error) {
    if (error.status === 403) {
      element("refused").textContent = token ? "This is not the token." : "";
      element("login").hidden = false;
      element("board").hidden = true;
    } else {
      element("state").textContent = "The server does not answer; trying again.";
      timer = setTimeout(refresh, EVERY);
    }
  }
}

element("login").addEventListener("submit", event => {
  event.preventDefault();
  token = element("token").value.trim();
  sessionStorage.setItem("semsynth-operator", token);
  void refresh();
});
element("pause").addEventListener("click", async () => {
  await ask("pause", { paused: element("pause").dataset.paused !== "true" });
  await refresh();
});
element("export").addEventListener("click", async () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await (await ask("answers.csv")).blob());
  link.download = "answers.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});
void refresh();
