// What went wrong, where it went wrong: our sentence, the server's own words, the fields, and what can be done.

import type { ComponentChildren } from "preact";
import type { FieldProblem } from "../api/api.ts";
import type { Dictionary } from "../text/text.ts";
import { Icon } from "./icon.tsx";
import { language, text } from "./state.ts";

interface ProblemProps {
  code: string;
  detail: string;
  fields?: readonly FieldProblem[];
  children?: ComponentChildren;
}

export function Problem({ code, detail, fields = [], children }: ProblemProps) {
  const errors: Dictionary = text.value.errors;
  const sentence = errors[code];
  return (
    <div class="problem" role="alert">
      <Icon name="warning" />
      <div class="problem-words">
        <p>{sentence ?? detail}</p>
        {sentence && detail && <Detail detail={detail} />}
        {fields.length > 0 && (
          <ul class="quiet" lang="en">
            {fields.map((field) => (
              <li key={field.pointer}>
                <code>{field.pointer}</code> {field.detail}
              </li>
            ))}
          </ul>
        )}
        {children && <div class="problem-actions">{children}</div>}
      </div>
    </div>
  );
}

/** The server's own words are English: for readers of another language they are folded. */
function Detail({ detail }: { detail: string }) {
  if (language.value === "en") return <p class="quiet">{detail}</p>;
  return (
    <details class="quiet">
      <summary>{text.value.details}</summary>
      <p lang="en">{detail}</p>
    </details>
  );
}
