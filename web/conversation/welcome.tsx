// What an empty conversation shows: a greeting and a few ways to begin.

import { Logo } from "../shell/icon.tsx";
import { text } from "../shell/state.ts";

export function Welcome({ onPick }: { onPick(words: string): void }) {
  return (
    <div class="welcome">
      <Logo />
      <h2>{text.value.greeting}</h2>
      <p class="quiet">{text.value.greetingMore}</p>
      <div class="ideas">
        {text.value.ideas.map((idea) => (
          <button type="button" key={idea} onClick={() => onPick(idea)}>
            {idea}
          </button>
        ))}
      </div>
    </div>
  );
}
