/** The editor: puts its parts together and starts it. */

import { ApiError, examples, models } from "./api.js";
import { Autosave } from "./autosave.js";
import { commandsOf } from "./commands.js";
import { Exports } from "./exports.js";
import { buildHeader } from "./header.js";
import { VOID } from "./labels.js";
import { Menus } from "./menus.js";
import { ObjectCard } from "./objectcard.js";
import { Palette } from "./palette.js";
import { PhotoMaker } from "./photo.js";
import { Pointers } from "./pointer.js";
import { Shortcuts } from "./shortcuts.js";
import { Stage } from "./stage.js";
import { Store } from "./store.js";
import { Strip, StyleBar } from "./stylebar.js";
import { Toolbar } from "./toolbar.js";
import { Tools } from "./tools.js";
import { announce, button, byId, h, hideToast, toast } from "./ui.js";

/** @import { Model } from "./api.js" */

const THEME = "semsynth-theme";
const SEEN = "semsynth-seen";

export class App {
  /** @param {Model[]} served */
  constructor(served) {
    const store = (this.store = new Store(served));
    this.maker = new PhotoMaker(store, (busy) => byId("photo-pane").setAttribute("aria-busy", String(busy)));
    this.tools = new Tools(store);
    this.stage = new Stage(store, this.tools);
    this.pointers = new Pointers(store, this.tools, this.stage.panes, () => this.stage.redraw());
    this.stage.hover = () => this.pointers.hover;
    this.palette = new Palette(store);
    this.styles = new StyleBar(store);
    this.strip = new Strip(store);
    this.autosave = new Autosave(store, (state) => this.#saving(state));
    this.menus = new Menus(store, this.styles, () => this.leaving());
    this.exports = new Exports(store, this.maker);
    this.objects = new ObjectCard(store, this.tools);
    // Nothing but the stroke itself goes on while a stroke does.
    const allowed = (/** @type {string} */ id) => !this.tools.busy || /^(cursor|brush|cancel|zoom|view)/.test(id);
    this.shortcuts = new Shortcuts(() => commandsOf(this), allowed);
    this.toolbar = new Toolbar(store, this.tools, this.shortcuts);
    buildHeader(this);
    this.#follow();
    this.#page();
  }

  #follow() {
    const { store, maker, tools } = this;
    store.on("pixels", () => {
      maker.hurry = tools.busy;
      if (store.view.live || !tools.busy) maker.want();
    });
    store.on(["layer", "style", "committed", "model", "compared"], () => maker.want());
    store.on(["committed", "style", "reference", "view", "brush", "title"], () => this.autosave.soon());
    store.on(["committed", "layer"], () => {
      const { done, undone } = store.history;
      /** @type {HTMLButtonElement} */ (byId("undo")).disabled = !done.length;
      /** @type {HTMLButtonElement} */ (byId("redo")).disabled = !undone.length;
    });
    store.on("photo", () => this.#photo());
  }

  #photo() {
    const { store, tools } = this;
    const { state, message, latency } = store.progress;
    const pane = byId("photo-state");
    pane.dataset["state"] = state;
    byId("photo-message").textContent = state === "refused" || state === "trying" ? message : "";
    byId("photo-empty").hidden = state !== "empty";
    byId("latency").textContent =
      state === "ready" ? `${Math.round(latency)} ms` : state === "working" ? "…" : "";
    byId("note").textContent = state === "ready" ? message : "";
    /** @type {HTMLButtonElement} */ (byId("before")).disabled = !store.photo;
    if (state === "ready" && !tools.busy) this.strip.add();
  }

  #page() {
    document.documentElement.dataset["theme"] = localStorage.getItem(THEME) ?? "auto";
    window.addEventListener("pagehide", () => this.autosave.leave());
    document.addEventListener("visibilitychange", () => document.hidden && this.autosave.leave());
    window.addEventListener("keydown", (event) => {
      if (event.code !== "Space" || !(/** @type {HTMLElement} */ (event.target).matches("canvas, body"))) return;
      event.preventDefault();
      this.pointers.spaceHeld = true;
      document.body.classList.add("panning");
    });
    window.addEventListener("keyup", (event) => {
      if (event.code !== "Space") return;
      this.pointers.spaceHeld = false;
      document.body.classList.remove("panning");
    });
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    for (const type of /** @type {const} */ (["dragleave", "drop"])) {
      document.addEventListener(type, (event) => {
        if (type === "dragleave" && event.relatedTarget) return;
        document.body.classList.remove("dropping");
      });
    }
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      const [file] = event.dataTransfer?.files ?? [];
      if (file) this.menus.file(file);
    });
    document.addEventListener("paste", (event) => {
      const [file] = event.clipboardData?.files ?? [];
      if (file) this.menus.file(file);
    });
  }

  /** Begin where the person was, or with an example. */
  async start() {
    const record = await this.autosave.start();
    if (record) {
      const when = new Date(record.time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      toast(`Welcome back: everything is as it was at ${when}.`, { action: ["New layout", () => this.menus.new()] });
    } else {
      const fits = (await examples().catch(() => [])).find(({ models }) => models.includes(this.store.model.id));
      if (fits) await this.menus.example(fits);
      if (fits) this.store.chooseClass(this.#mostObjects());
    }
    if (!localStorage.getItem(SEEN)) this.#hint();
    this.stage.fit();
    this.maker.want();
    document.body.dataset["ready"] = "";
  }

  /** Something worth painting: the class with the most objects. */
  #mostObjects() {
    const { layer, model } = this.store;
    /** @type {Map<number, Set<number>>} */
    const objects = new Map(model.classes.classes.map(({ id }) => [id, new Set()]));
    layer.ids.forEach((id, i) => objects.get(id)?.add(layer.instances[i]));
    return [...objects].reduce((a, b) => (b[1].size > a[1].size ? b : a))[0];
  }

  #hint() {
    const close = () => {
      hint.hidden = true;
      localStorage.setItem(SEEN, "1");
      document.removeEventListener("pointerdown", painting, true);
    };
    const painting = (/** @type {PointerEvent} */ event) => {
      if (/** @type {HTMLElement} */ (event.target).matches("canvas")) close();
    };
    const blank = this.store.layer.ids.every((id) => id === VOID);
    const hint = byId("hint");
    hint.hidden = false;
    hint.replaceChildren(
      h(
        "ol",
        {},
        h("li", {}, "Choose a class, such as ", h("b", {}, this.store.nameOf(this.store.painting.classId)), "."),
        h("li", {}, "Paint on the layout."),
        h("li", {}, "The photograph follows."),
      ),
      h(
        "div",
        { class: "actions" },
        blank
          ? null
          : button("Start with a blank sheet", "new", () => this.menus.blank(this.store.model.sizes.default)),
        button(blank ? "Start" : "Paint on this one", "brush", close, { class: "primary" }),
      ),
    );
    document.addEventListener("pointerdown", painting, true);
    this.store.on("layer", close);
  }

  /** @param {"saving" | "saved" | "failed"} state */
  #saving(state) {
    const words = {
      saving: "Saving …",
      saved: "Saved in this browser",
      failed: "Not saved: this browser keeps nothing. Save a project file.",
    };
    byId("saved").textContent = words[state];
    byId("saved").dataset["state"] = state;
  }

  /** Another project begins; the one that is open stays in the browser. */
  leaving() {
    if (this.store.history.done.length) this.autosave.now();
    this.autosave.fresh();
  }

  undo() {
    this.#stepped("Undone", this.store.undo(), "Nothing to undo.");
  }

  redo() {
    this.#stepped("Redone", this.store.redo(), "Nothing to redo.");
  }

  /** @param {string} what @param {string | null} name @param {string} nothing */
  #stepped(what, name, nothing) {
    this.tools.release();
    announce(name ? `${what}: ${name}` : nothing);
  }

  deselect() {
    this.tools.release();
    this.store.select(null);
    hideToast();
  }

  toggleSeparate() {
    const { store } = this;
    const separate = !store.painting.separate;
    store.paintWith({ separate });
    announce(separate ? "Strokes are new objects" : "Strokes join objects that they touch");
  }

  variations() {
    byId("variations").click();
  }

  /** Show the photo as it was at first. @param {boolean} on @param {KeyboardEvent | null} event */
  before(on, event) {
    if (event?.repeat || this.stage.showBefore === on) return;
    this.stage.showBefore = on;
    byId("before").setAttribute("aria-pressed", String(on));
    this.stage.redraw();
  }

  toggleTheme = () => {
    const { dataset } = document.documentElement;
    const dark =
      dataset["theme"] === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : dataset["theme"] === "dark";
    dataset["theme"] = dark ? "light" : "dark";
    localStorage.setItem(THEME, dataset["theme"]);
    this.stage.redraw();
  };
}

/** Ask for the models until the server answers. */
async function start() {
  for (;;) {
    try {
      const served = (await models()).filter(({ reads }) => reads === "labels");
      if (!served.length) {
        byId("loading-message").textContent = "None of the models here reads label maps: start the studio with one.";
        return;
      }
      const app = new App(served);
      /** @type {any} */ (window).studio = app; // for scripts and the tests
      byId("loading").hidden = true;
      await app.start();
      return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      byId("loading-message").textContent = error.message;
      if (error.status !== 0) return;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

start();
