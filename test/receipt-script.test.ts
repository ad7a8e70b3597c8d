// The receipt alone is enough: a script that knows nothing of this program gets each line, the total and the accuracy from it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ReceiptBody } from "./client.ts";
import { createSqliteFile } from "./engines.ts";
import { hasPython, listReceipts, runScript, type Script } from "./receipt-script.ts";
import { startServer, type TestServer } from "./server.ts";
import { openTestStore } from "./stores.ts";
import { keepBooks } from "./verify-books.ts";

let server: TestServer;
let receipts: ReceiptBody[];
beforeAll(async () => {
  const databaseUrl = await createSqliteFile();
  const store = await openTestStore(databaseUrl);
  await keepBooks(store);
  await store.close();
  server = await startServer({ databaseUrl });
  receipts = await listReceipts(server.url);
});
afterAll(() => server.stop());

const scripts: [Script, boolean][] = [
  ["verify-receipt.mjs", true],
  ["verify-receipt.py", hasPython],
];
for (const [script, isHere] of scripts) {
  describe.skipIf(!isHere)(isHere ? script : `${script}: skipped, there is no python3 here`, () => {
    test("derives a receipt of every kind of call", () => {
      expect(receipts.length).toBe(20);
      const { code, stdout } = runScript(script, receipts);
      expect(stdout).not.toContain("DIFFERENT");
      expect(code).toBe(0);
      for (const { turn_id, total, accuracy } of receipts)
        expect(stdout).toContain(`turn ${turn_id}: ${total} USD, ${accuracy}\n`);
      for (const item of [
        "input_audio",
        "cached_text",
        "tool_input",
        "output_unreported",
        "grounding_maps",
        "thinking",
      ])
        expect(stdout).toContain(`  ${item} `);
    });

    test("an answer that is no receipt is told in its own words", () => {
      const refusal = runScript(script, [{ detail: "There is no such turn." }]);
      expect([refusal.code, refusal.stdout.trim()]).toEqual([1, "This is no receipt: There is no such turn."]);
    });

    test("whatever is altered in a receipt is found", () => {
      const full = receipts.find(({ lines, usage_raw }) => lines.length > 6 && usage_raw?.serviceTier === undefined)!;
      const alter = (change: (attempt: ReceiptBody["attempts"][number], receipt: ReceiptBody) => void) => {
        const copy = structuredClone(full);
        change(copy.attempts[0]!, copy);
        return copy;
      };
      const altered = [
        alter((_, receipt) => {
          receipt.total = "0.1";
        }),
        alter((attempt) => {
          attempt.total = "0.1";
        }),
        alter((attempt) => {
          attempt.lines[0]!.quantity++;
        }),
        alter((attempt) => {
          attempt.lines[0]!.amount += "1";
        }),
        alter((attempt) => {
          attempt.lines.pop();
        }),
        alter((attempt) => {
          (attempt.usage_raw as { promptTokenCount: number }).promptTokenCount++;
        }),
        alter((attempt) => {
          attempt.price!.rates.output = "2.51";
        }),
        alter((attempt) => {
          attempt.accuracy = "partial";
        }),
        alter((attempt) => {
          attempt.balanced = false;
        }),
      ];
      const { code, stdout } = runScript(script, altered);
      const ofEach = stdout.split(/^turn .*\n/m).slice(0, altered.length);
      expect(ofEach.map((said) => said.includes("DIFFERENT"))).toEqual(altered.map(() => true));
      expect(code).toBe(1);
      expect(runScript(script, [full]).code).toBe(0);
    });
  });
}
