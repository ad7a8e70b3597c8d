// What the tests of rendered answers load into their page.

import { render } from "preact";
import { drawSoon } from "../web/prose/frames.ts";
import { Prose } from "../web/prose/prose.ts";
import { ProseView } from "../web/prose/prose-view.tsx";

export { drawSoon, Prose };

export function drawProse(prose: Prose, place: Element): void {
  render(null, place);
  render(<ProseView prose={prose} live={false} />, place);
}
