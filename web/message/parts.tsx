// What a message consists of, a component for each kind of part; a kind that this page does not know is shown as what it is, folded.

import type { ComponentChildren } from "preact";
import { ProseView } from "../prose/prose-view.tsx";
import { text } from "../shell/state.ts";
import { fill } from "../text/text.ts";
import type { Shown } from "./shown.ts";

/** A part as the server sends it; more kinds will come. */
interface Part {
  type: string;
}
type PartView = (props: { part: Part; shown: Shown }) => ComponentChildren;

/** Parts that are drawn together with all others of their kind, where the first of them stands. */
const together = new Set(["text", "thought"]);

/** New kinds of parts are new lines here, and nothing else. */
const views: Readonly<Record<string, PartView | undefined>> = {
  text: ({ shown }) => <ProseView prose={shown.prose} live={shown.live.value !== null} />,
  thought: ({ shown }) => <Thoughts shown={shown} />,
};

const whileLive: readonly Part[] = [{ type: "thought" }, { type: "text" }];

export function Parts({ shown }: { shown: Shown }) {
  const { parts, status } = shown.message.value;
  const drawn = shown.live.value || status === "running" ? whileLive : withText(parts, shown);
  const seen = new Set<string>();
  return (
    <>
      {drawn.map((part, index) => {
        if (together.has(part.type) && seen.has(part.type)) return null;
        seen.add(part.type);
        const View = views[part.type] ?? UnknownPart;
        return <View key={together.has(part.type) ? part.type : `${part.type} ${index}`} part={part} shown={shown} />;
      })}
    </>
  );
}

/** What was seen and not saved has no part. */
function withText(parts: readonly Part[], shown: Shown): readonly Part[] {
  if (parts.some(({ type }) => type === "text")) return parts;
  return shown.prose.text === "" ? parts : [...parts, { type: "text" }];
}

function Thoughts({ shown }: { shown: Shown }) {
  const { thoughts } = shown;
  if (thoughts.finished.value.length === 0 && thoughts.last.value === null) return null;
  const thinking =
    shown.live.value !== null && shown.prose.last.value === null && shown.prose.finished.value.length === 0;
  return (
    <details class="thoughts">
      <summary>{thinking ? text.value.thinkingNow : text.value.thoughts}</summary>
      <ProseView prose={thoughts} live={false} />
    </details>
  );
}

const longestShown = 20_000;

function UnknownPart({ part }: { part: Part }) {
  return (
    <details class="thoughts">
      <summary>{fill(text.value.unknownPart, { kind: part.type })}</summary>
      <pre class="raw">{JSON.stringify(part, null, 2).slice(0, longestShown)}</pre>
    </details>
  );
}
