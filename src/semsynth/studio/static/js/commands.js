/** Every action that a key can do. */

import { TOOLS } from "./toolbar.js";
import { MODES } from "./stage.js";
import { announce } from "./ui.js";

/** @import { Command } from "./shortcuts.js" */
/** @import { App } from "./main.js" */

const TOOL_KEYS = /** @type {Record<string, string>} */ ({
  brush: "KeyB",
  eraser: "KeyE",
  line: "KeyL",
  rectangle: "KeyR",
  ellipse: "KeyO",
  polygon: "KeyP",
  fill: "KeyG",
  picker: "KeyI",
  object: "KeyV",
  hand: "KeyH",
});

/**
 * @param {App} app
 * @returns {Command[]}
 */
export function commandsOf(app) {
  const { store } = app;
  /** @type {(id: string, group: string, label: string, keys: string[], run: Command["run"]) => Command} */
  const command = (id, group, label, keys, run) => ({ id, group, label, keys, run });
  const tools = TOOLS.map(([name, label]) =>
    command(`tool.${name}`, "Tools", label, [TOOL_KEYS[name]], () => {
      app.toolbar.choose(name);
      announce(label);
    }),
  );
  const modes = MODES.map(([mode, label], i) =>
    command(`view.${mode}`, "View", label, [`Alt+Digit${i + 1}`], () => app.stage.setMode(mode)),
  );
  const numbers = Array.from({ length: 10 }, (_, i) =>
    command(`class.${i}`, "Classes", `Class ${i + 1} of the list`, [`Digit${(i + 1) % 10}`], () => {
      const item = store.model.classes.classes[i];
      if (!item) return;
      store.chooseClass(item.id);
      announce(item.name);
    }),
  );
  return [...tools, ...numbers, ...editing(app, command), ...modes, ...looking(app, command), ...cursor(app)];
}

/** @typedef {(id: string, group: string, label: string, keys: string[], run: Command["run"]) => Command} Make */

/** @param {App} app @param {Make} command @returns {Command[]} */
function editing(app, command) {
  const { store, tools, pointers, objects, styles, menus, exports } = app;
  return [
    command("class.search", "Classes", "Search a class", ["Slash", "KeyF"], () => app.palette.search.focus()),
    command("brush.smaller", "Brush", "Smaller", ["BracketLeft", "Comma"], () => pointers.resize(-1)),
    command("brush.larger", "Brush", "Larger", ["BracketRight", "Period"], () => pointers.resize(1)),
    command("brush.shape", "Brush", "Round or square", ["KeyS"], () => {
      store.setBrush({ shape: store.painting.brush.shape === "round" ? "square" : "round" });
    }),
    command("brush.separate", "Brush", "New object, or join", ["KeyN"], () => app.toggleSeparate()),
    command("undo", "Edit", "Undo", ["Ctrl+KeyZ", "KeyZ"], () => app.undo()),
    command("redo", "Edit", "Redo", ["Ctrl+Shift+KeyZ", "Ctrl+KeyY", "KeyY"], () => app.redo()),
    command("object.restyle", "Object", "Restyle", ["KeyT"], () => objects.restyle()),
    command("object.duplicate", "Object", "Duplicate", ["Ctrl+KeyD", "KeyD"], () => objects.duplicate()),
    command("object.forward", "Object", "Bring forward", ["KeyU"], () => objects.forward()),
    command("object.delete", "Object", "Delete", ["Delete", "Backspace"], () => objects.remove()),
    command("cancel", "Edit", "Give up a stroke; choose nothing", ["Escape"], () => {
      if (tools.busy || tools.open) tools.cancel();
      else app.deselect();
    }),
    command("photo.roll", "Photo", "Another look", ["KeyK"], () => styles.roll()),
    command("photo.variations", "Photo", "Variations", ["Shift+KeyK"], () => app.variations()),
    command("photo.before", "Photo", "Before (hold)", ["KeyQ"], (event) => app.before(true, event)),
    command("photo.copy", "Photo", "Copy photo", ["Ctrl+Shift+KeyC"], () => exports.copy()),
    command("file.new", "Project", "New", ["Alt+KeyN"], () => menus.new()),
    command("file.open", "Project", "Open", ["Ctrl+KeyO"], () => menus.open()),
    command("file.save", "Project", "Save as a file", ["Ctrl+KeyS"], () => exports.project()),
    command("file.photo", "Project", "Save the photo", ["Ctrl+KeyE"], () => exports.photo()),
  ];
}

/** @param {App} app @param {Make} command @returns {Command[]} */
function looking({ stage, store, toggleTheme, shortcuts }, command) {
  return [
    command("zoom.in", "View", "Zoom in", ["Equal", "Ctrl+Equal"], () => stage.zoom(1.25)),
    command("zoom.out", "View", "Zoom out", ["Minus", "Ctrl+Minus"], () => stage.zoom(0.8)),
    command("zoom.fit", "View", "Show all", ["Shift+Digit1", "Ctrl+Digit0"], () => stage.fit()),
    command("view.patterns", "View", "Patterns of classes", ["Shift+KeyP"], () =>
      store.look({ patterns: !store.view.patterns }),
    ),
    command("view.theme", "View", "Light or dark", ["Shift+KeyL"], toggleTheme),
    command("help.keys", "View", "This list of keys", ["Shift+Slash", "F1"], () => shortcuts.show()),
  ];
}

/** The keyboard's cursor on the canvas. @param {App} app @returns {Command[]} */
function cursor({ store, tools, pointers }) {
  const arrows = /** @type {const} */ ([
    ["ArrowLeft", "left", -1, 0],
    ["ArrowRight", "right", 1, 0],
    ["ArrowUp", "up", 0, -1],
    ["ArrowDown", "down", 0, 1],
  ]);
  const moves = arrows.map(([code, where, dx, dy]) => ({
    id: `cursor.${where}`,
    group: "On the canvas",
    label: `Cursor or object ${where} (Shift: 10 pixels)`,
    keys: [code, `Shift+${code}`],
    canvas: true,
    /** @param {KeyboardEvent | null} event */
    run: (event) => {
      const step = event?.shiftKey ? 10 : 1;
      if (store.painting.tool === "object" && store.selection !== null) {
        tools.float(dx * step, dy * step, false);
        tools.drop();
        return;
      }
      const { x, y } = pointers.nudge(dx * step, dy * step);
      const id = store.layer.ids[y * store.layer.width + x];
      announce(`${x}, ${y}: ${store.nameOf(id)}`);
    },
  }));
  return [
    ...moves,
    {
      id: "cursor.press",
      group: "On the canvas",
      label: "Pen down, pen up",
      keys: ["Enter"],
      canvas: true,
      run: () => {
        if (tools.open) tools.close();
        else announce(pointers.press() ? "Pen down" : "Done");
      },
    },
    {
      id: "cursor.corner",
      group: "On the canvas",
      label: "Corner of a polygon (Enter closes it)",
      keys: ["Shift+Enter"],
      canvas: true,
      run: () => pointers.press(),
    },
  ];
}
