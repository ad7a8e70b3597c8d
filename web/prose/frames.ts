// Drawing in portions: what is ready goes on the page at most so much in one task, so that no task is long.

/** What one task may cost, in elements: about 5 ms on a phone to make them, and as much to lay them out. */
const taskNodes = 200;

interface Portion {
  cost: number;
  draw(): void;
}
const waiting: Portion[] = [];
let asked = false;
/** What has been drawn at once since the last portion. */
let spentNow = 0;

const tasks = new MessageChannel();
tasks.port1.onmessage = drawSome;

/** Draws in its turn, behind the next frame. Frames stop in a hidden tab, and drawing with them. */
export function drawSoon(cost: number, draw: () => void): void {
  waiting.push({ cost, draw });
  askForFrame();
}

/** Draws at once, so that nothing is seen to change later, as long as there is room for it; else in its turn. */
export function drawNow(cost: number, draw: () => void): void {
  if (spentNow > 0 && spentNow + cost > taskNodes) {
    drawSoon(cost, draw);
    return;
  }
  spentNow += cost;
  askForFrame();
  draw();
}

function askForFrame(): void {
  if (!asked) requestAnimationFrame(askForTask);
  asked = true;
}

function askForTask(): void {
  asked = true;
  tasks.port2.postMessage(null);
}

/** Not in the frame itself: that is painting enough on a slow machine, and between two tasks a key is heard. */
function drawSome(): void {
  asked = false;
  spentNow = 0;
  let spent = 0;
  while (waiting.length > 0 && (spent === 0 || spent + (waiting[0]?.cost ?? 0) <= taskNodes)) {
    const portion = waiting.shift();
    spent += portion?.cost ?? 0;
    portion?.draw();
  }
  if (waiting.length > 0) askForTask();
  queueMicrotask(layOut);
}

/** Who looks at what grows: called in the task that drew it, and by asking for a size they have it laid out there. */
export const followers = new Set<() => void>();

/** Behind Preact, which draws in a microtask: the frame finds what is new laid out and has only to paint it. */
function layOut(): void {
  for (const follow of followers) follow();
}
