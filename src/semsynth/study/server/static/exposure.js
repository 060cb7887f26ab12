/** Shows something for a given time, counted in frames of the screen, and measures how long it was really there. */

/** The median time between two frames, in milliseconds. */
export async function frameInterval(frames = 40) {
  /** @type {number[]} */
  const times = [];
  for (let i = 0; i <= frames; i++) times.push(await new Promise(requestAnimationFrame));
  const steps = times
    .slice(1)
    .map((time, i) => time - times[i])
    .sort((a, b) => a - b);
  return steps[steps.length >> 1];
}

/**
 * Call `show` in one frame and `hide` in the frame that comes nearest to `seconds` later.
 *
 * What is changed in a frame's callback is painted at the end of that frame, so the difference of the callbacks' times
 * is the time on the screen.
 * @param {() => void} show
 * @param {() => void} hide
 * @param {number} seconds
 * @param {number} interval  between two frames, in milliseconds
 * @returns {Promise<{shown: number, dropped: number}>} seconds, and how many frames the browser left out in between
 */
export function expose(show, hide, seconds, interval) {
  return new Promise((resolve) => {
    /** @type {number | undefined} */
    let start;
    let [last, dropped] = [0, 0];
    /** @param {number} now */
    const frame = (now) => {
      if (start === undefined) {
        show();
        start = last = now;
      } else {
        dropped += Math.max(0, Math.round((now - last) / interval) - 1);
        last = now;
        if (now - start >= 1000 * seconds - interval / 2) {
          hide();
          resolve({ shown: (now - start) / 1000, dropped });
          return;
        }
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
}

/**
 * A canvas of coloured blocks: seen after a picture, it ends what the eye keeps of it.
 * @param {number} width
 * @param {number} height
 */
export function noiseMask(width, height, block = 8) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  for (let y = 0; y < height; y += block) {
    for (let x = 0; x < width; x += block) {
      context.fillStyle = `rgb(${[0, 0, 0].map(() => Math.floor(256 * Math.random())).join()})`;
      context.fillRect(x, y, block, block);
    }
  }
  return canvas;
}
