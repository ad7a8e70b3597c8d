// Imports' share of the store: a file is put in piece by piece, between which others write.

import type { ImportSession, ImportStore } from "../../conversation/import.ts";
import type { Session } from "../../conversation/session.ts";
import { newId } from "../../id.ts";
import type { Engine } from "../engine.ts";
import { type BegunImport, findImportedCalls } from "./import.ts";
import { cutTurns, placeTurns } from "./import-turn.ts";

/** How long a process must have been silent before its imports are given up; see `listGone`. */
const leaseMs = 3_000;

export function createImportStore(engine: Engine, processId: number): ImportStore {
  /** Tokens: one is here before its import can be seen, so that it is not taken for one that was left. */
  const underWay = new Set<string>();

  async function put(input: ImportSession): Promise<Session> {
    const token = newId();
    underWay.add(token);
    try {
      const begun = await engine.write("beginImport", { ...input, processId, token });
      return begun.kind === "here" ? begun.session : await putTurns(begun);
    } finally {
      underWay.delete(token);
    }
  }

  async function putTurns({ row, revives, file }: Extract<BegunImport, { kind: "begun" }>): Promise<Session> {
    try {
      const { placed, branches, tip } = placeTurns(file);
      let after = 0;
      for (const turns of cutTurns(placed)) {
        await engine.write("importSome", { row, revives, owner: file.owner, after, turns });
        after += turns.length;
      }
      return await engine.write("endImport", { row, revives, file, tip, branches });
    } catch (cause) {
      await undo(row).catch(() => {}); // it is looked for again
      throw cause;
    }
  }

  async function undo(row: number): Promise<void> {
    while (!(await engine.write("undoImport", { row }))) {
      // the next turns
    }
    while (!(await engine.write("purgeSome", { row }))) {
      // the next words
    }
  }

  async function undoLeft(): Promise<void> {
    const any = await engine.durable.all("SELECT 1 FROM import_begun LIMIT 1");
    if (any.length === 0) return;
    for (const { row, token } of await engine.write("listLeftImports", { processId, leaseMs }))
      if (!underWay.has(token)) await undo(row);
  }

  return {
    async importSession(input) {
      await undoLeft();
      return put(input);
    },
    undoLeftImports: undoLeft,
    findImportedCalls: (owner, turnId) => findImportedCalls(engine.durable, owner, turnId),
  };
}
