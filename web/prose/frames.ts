// Drawing in portions: what is ready goes on the page at most so much in one frame, so that no frame is long.

/** What one frame may cost, in elements. About 10 ms on a phone. */
const frameNodes = 300;

interface Portion {
  cost: number;
  draw(): void;
}
const waiting: Portion[] = [];
let asked = false;
/** What has been drawn at once since the last frame. */
let spentNow = 0;

/** Draws in its turn, within this or one of the next frames. Frames stop in a hidden tab, and drawing with them. */
export function drawSoon(cost: number, draw: () => void): void {
  waiting.push({ cost, draw });
  if (!asked) requestAnimationFrame(drawSome);
  asked = true;
}

/** Draws at once, so that nothing is seen to change later, as long as there is room for it before the next frame; else in its turn. */
export function drawNow(cost: number, draw: () => void): void {
  if (spentNow > 0 && spentNow + cost > frameNodes) {
    drawSoon(cost, draw);
    return;
  }
  spentNow += cost;
  if (!asked) requestAnimationFrame(drawSome);
  asked = true;
  draw();
}

function drawSome(): void {
  asked = false;
  spentNow = 0;
  let spent = 0;
  while (waiting.length > 0 && (spent === 0 || spent + (waiting[0]?.cost ?? 0) <= frameNodes)) {
    const portion = waiting.shift();
    spent += portion?.cost ?? 0;
    portion?.draw();
  }
  if (waiting.length === 0) return;
  asked = true;
  requestAnimationFrame(drawSome);
}
