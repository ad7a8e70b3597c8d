// The scripts of docs/ that derive a receipt again, run as anybody would run them, over every receipt that a server has.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { call, type HistoryBody, type ReceiptBody, readHistory, readReceipt, type SessionBody } from "./client.ts";

const docs = join(import.meta.dirname, "..", "docs");
export const hasPython = spawnSync("python3", ["--version"]).status === 0;

export type Script = "verify-receipt.mjs" | "verify-receipt.py";

/** The receipts of all turns that are settled, of every session that is not in the trash. */
export async function listReceipts(base: string): Promise<ReceiptBody[]> {
  const receipts: ReceiptBody[] = [];
  for (let after = ""; ; ) {
    const { body } = await call<{ data: SessionBody[]; has_more: boolean; last_id: string }>(
      `${base}/sessions?limit=100${after}`,
      "GET",
    );
    for (const { id } of body.data) {
      const { data }: HistoryBody = await readHistory(base, id);
      const turns = new Set(data.map(({ turn_id }) => turn_id));
      for (const turn of turns) receipts.push(await readReceipt(base, turn));
    }
    if (!body.has_more) return receipts.filter(({ settled }) => settled);
    after = `&after=${body.last_id}`;
  }
}

/** Runs a script over receipts, each in a file of its own. */
export function runScript(script: Script, receipts: readonly object[]): { code: number | null; stdout: string } {
  const folder = mkdtempSync(join(tmpdir(), "rozmova-receipts-"));
  try {
    const files = receipts.map((receipt, index) => {
      const file = join(folder, `${index}.json`);
      writeFileSync(file, JSON.stringify(receipt));
      return file;
    });
    const program = script.endsWith(".py") ? "python3" : "node";
    const { status, stdout, stderr } = spawnSync(program, [join(docs, script), ...files], { encoding: "utf8" });
    return { code: status, stdout: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
