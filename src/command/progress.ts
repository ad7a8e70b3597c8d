// A progress bar on a terminal's stderr; nothing anywhere else, so that logs stay clean.

const width = 30;

/** Draws `done` of `total`; call `clear` before anything else is said. */
export function createProgress(
  what: string,
  out: Pick<NodeJS.WriteStream, "isTTY"> & { write(text: string): boolean } = process.stderr,
) {
  let drawn = "";
  return {
    report(done: number, total: number): void {
      if (!out.isTTY || total <= 0) return;
      const filled = Math.round((width * done) / total);
      const line = `\r${what} [${"#".repeat(filled)}${"-".repeat(width - filled)}] ${Math.floor((100 * done) / total)}%`;
      if (line !== drawn) out.write(line);
      drawn = line;
    },
    clear(): void {
      if (drawn !== "") out.write(`\r${" ".repeat(drawn.length)}\r`);
      drawn = "";
    },
  };
}
