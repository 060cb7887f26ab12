/** Mouse, pen, touch and the keyboard's cursor on the panes: strokes, panning, zooming, pinching. */

/** @import { Pane } from "./pane.js" */
/** @import { Store } from "./store.js" */
/** @import { Hit, Tools } from "./tools.js" */

/** Touches this soon after a pen are the palm, or fingers that move the sheet; milliseconds. */
const PEN_MEMORY = 3000;

export class Pointers {
  /**
   * @param {Store} store
   * @param {Tools} tools
   * @param {Pane[]} panes
   * @param {() => void} redraw
   */
  constructor(store, tools, panes, redraw) {
    this.store = store;
    this.tools = tools;
    this.redraw = redraw;
    /** Where the pointer or the keyboard's cursor is, in pixels of the layout. @type {{x: number, y: number} | null} */
    this.hover = null;
    /** The keyboard's cursor is shown, the pointer's is not. */
    this.keyboard = false;
    /** @type {Map<number, PointerEvent>} */
    this.touches = new Map();
    this.panning = false;
    /** Space is held: the pointer moves the sheet. */
    this.spaceHeld = false;
    this.penAt = -Infinity;
    for (const pane of panes) this.#attach(pane);
  }

  /** @param {Pane} pane */
  #attach(pane) {
    const { canvas } = pane;
    canvas.addEventListener("pointerdown", (event) => this.#down(pane, event));
    canvas.addEventListener("pointermove", (event) => this.#move(pane, event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#up(event, true));
    canvas.addEventListener("pointerleave", () => {
      if (this.keyboard || this.tools.busy) return;
      this.hover = null;
      this.redraw();
    });
    canvas.addEventListener("dblclick", () => this.tools.close());
    canvas.addEventListener("contextmenu", (event) => {
      if (event.pointerType !== "mouse") event.preventDefault(); // a long touch paints
    });
    canvas.addEventListener("wheel", (event) => this.#wheel(pane, event), { passive: false });
  }

  /** @param {Pane} pane @param {PointerEvent} event */
  #down(pane, event) {
    if (event.pointerType === "mouse" && event.button === 2) return;
    pane.canvas.focus({ preventScroll: true });
    this.#capture(pane, event);
    this.keyboard = false;
    if (event.pointerType === "pen") this.penAt = event.timeStamp;
    if (event.pointerType === "touch") {
      this.touches.set(event.pointerId, event);
      if (this.touches.size > 1) {
        if (this.tools.busy) this.tools.cancel();
        return;
      }
      if (event.timeStamp - this.penAt < PEN_MEMORY) return;
    }
    this.panning = event.button === 1 || this.spaceHeld || this.store.painting.tool === "hand";
    if (this.panning) {
      event.preventDefault();
      return;
    }
    this.hover = this.#pixel(pane, event);
    this.tools.down(this.#hit(pane, event));
    this.redraw();
  }

  /** @param {Pane} pane @param {PointerEvent} event */
  #capture(pane, event) {
    try {
      pane.canvas.setPointerCapture(event.pointerId);
    } catch {
      // The pointer is gone already, or a script made the event: then it stays inside the pane.
    }
  }

  /** @param {Pane} pane @param {PointerEvent} event */
  #move(pane, event) {
    if (event.pointerType === "touch" && this.touches.has(event.pointerId)) {
      if (this.touches.size > 1) {
        this.#pinch(pane, event);
        return;
      }
      const before = this.touches.get(event.pointerId);
      this.touches.set(event.pointerId, event);
      if (before && event.timeStamp - this.penAt < PEN_MEMORY) this.#pan(pane, event, before);
    }
    if (this.panning && event.buttons) {
      pane.camera.pan(event.movementX, event.movementY);
      this.redraw();
      return;
    }
    this.hover = this.#pixel(pane, event);
    this.keyboard = false;
    const events = this.tools.busy ? event.getCoalescedEvents?.() : [];
    for (const one of events?.length ? events : [event]) {
      if (this.tools.busy || this.tools.open) this.tools.move(this.#hit(pane, one));
    }
    this.redraw();
  }

  /** @param {Pane} pane @param {PointerEvent} event @param {PointerEvent} before */
  #pan(pane, event, before) {
    pane.camera.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    this.redraw();
  }

  /** @param {PointerEvent} event @param {boolean} [cancelled] */
  #up(event, cancelled = false) {
    this.touches.delete(event.pointerId);
    if (this.panning) {
      this.panning = false;
      return;
    }
    if (cancelled) {
      if (this.tools.busy) this.tools.cancel();
    } else this.tools.up();
    if (event.pointerType === "touch") this.hover = null;
    this.redraw();
  }

  /**
   * Two fingers: zoom around their middle, and move with it.
   * @param {Pane} pane
   * @param {PointerEvent} event
   */
  #pinch(pane, event) {
    const before = [...this.touches.values()];
    this.touches.set(event.pointerId, event);
    const after = [...this.touches.values()];
    if (after.length !== 2) return;
    const [was, is] = [before, after].map(([a, b]) => ({
      clientX: (a.clientX + b.clientX) / 2,
      clientY: (a.clientY + b.clientY) / 2,
      apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY),
    }));
    pane.camera.pan(is.clientX - was.clientX, is.clientY - was.clientY);
    if (was.apart > 0) pane.camera.zoom(is.apart / was.apart, pane.fromMiddle(is));
    this.redraw();
  }

  /** @param {Pane} pane @param {WheelEvent} event */
  #wheel(pane, event) {
    event.preventDefault();
    const delta = (event.deltaY || event.deltaX) * (event.deltaMode === 1 ? 16 : 1);
    if (event.shiftKey) {
      this.resize(delta < 0 ? 1 : -1);
      return;
    }
    pane.camera.zoom(Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0015)), pane.fromMiddle(event));
    this.redraw();
  }

  /**
   * A larger or smaller brush, by steps that grow with it.
   * @param {number} direction
   */
  resize(direction) {
    const { size } = this.store.painting.brush;
    this.store.setBrush({ size: size + direction * Math.max(1, Math.round(size * 0.12)) });
    this.redraw();
  }

  /** @param {Pane} pane @param {PointerEvent} event */
  #pixel(pane, event) {
    const { x, y } = pane.locate(event);
    return { x: Math.floor(x), y: Math.floor(y) };
  }

  /** @param {Pane} pane @param {PointerEvent} event @returns {Hit} */
  #hit(pane, event) {
    const pressure = event.pointerType === "pen" && event.pressure > 0 ? event.pressure : null;
    return { ...this.#pixel(pane, event), pressure, shift: event.shiftKey, alt: event.altKey };
  }

  /**
   * Move the keyboard's cursor; it appears in the middle.
   * @param {number} dx
   * @param {number} dy
   */
  nudge(dx, dy) {
    const { width, height } = this.store.layer;
    this.keyboard = true;
    const from = this.hover ?? { x: width >> 1, y: height >> 1 };
    const x = Math.min(width - 1, Math.max(0, from.x + dx));
    const y = Math.min(height - 1, Math.max(0, from.y + dy));
    this.hover = { x, y };
    if (this.tools.busy || this.tools.open) this.tools.move(this.#typed());
    this.redraw();
    return this.hover;
  }

  /** Put the keyboard's pen down, or lift it. */
  press() {
    this.nudge(0, 0);
    if (this.tools.busy) this.tools.up();
    else {
      this.tools.down(this.#typed());
      // These are complete at once; the others last until the pen is lifted.
      if (["fill", "picker", "polygon", "object"].includes(this.store.painting.tool)) this.tools.up();
    }
    this.redraw();
    return this.tools.busy;
  }

  /** @returns {Hit} */
  #typed() {
    const { x, y } = this.hover ?? { x: 0, y: 0 };
    return { x, y, pressure: null, shift: false, alt: false };
  }
}
