// The progress bar of backup and restore, as a terminal is sent it.

import { describe, expect, test } from "bun:test";
import { createProgress } from "../src/command/progress.ts";

describe("the progress bar", () => {
  const draw = (isTTY: boolean) => {
    let written = "";
    const write = (text: string) => {
      written += text;
      return true;
    };
    const progress = createProgress("Copying", { isTTY, write });
    for (const done of [0, 1, 50, 50, 100]) progress.report(done, 100);
    const drawn = written;
    progress.clear();
    return { drawn, cleared: written.slice(drawn.length) };
  };

  test("grows on a terminal and is wiped away, so that what follows stands alone", () => {
    const { drawn, cleared } = draw(true);
    const frames = drawn.split("\r").slice(1);
    expect(frames.map((frame) => frame.match(/\d+%$/)?.[0])).toEqual(["0%", "1%", "50%", "100%"]);
    expect(new Set(frames.map((frame) => frame.replace(/\d+%$/, "").length)).size).toBe(1);
    expect(cleared).toMatch(/^\r +\r$/);
  });

  test("is nothing anywhere else, so that logs stay clean", () => {
    expect(draw(false)).toEqual({ drawn: "", cleared: "" });
  });
});
