// A session as a file: whole, as JSON that can be imported again, or as a Markdown page for people.

import { z } from "@hono/zod-openapi";
import { printFoot, printHead, printMessage } from "../../../conversation/markdown.ts";
import type { Session } from "../../../conversation/session.ts";
import { notFound } from "../../../errors.ts";
import { inPieces } from "../../answer.ts";
import type { AppDeps } from "../../deps.ts";
import { type Route, route } from "../../route.ts";
import { exportSchema, printExport } from "./export-wire.ts";

const exportQuery = z.strictObject({
  format: z.enum(["json", "markdown"]).optional().openapi({
    description:
      "json (default): everything, on all branches, to be imported again. markdown: the current branch, for people",
  }),
});
const types = { json: "application/json; charset=utf-8", markdown: "text/markdown; charset=utf-8" };

export function exportRoutes({ store, now }: AppDeps): Route[] {
  async function* printMarkdown(owner: string, session: Session): AsyncGenerator<string, void, void> {
    const { turns: hidden } = await store.sumHidden(owner, session.id);
    yield printHead(session);
    for await (const messages of store.readHistory(owner, session.id)) yield messages.map(printMessage).join("");
    yield printFoot(hidden);
  }

  return [
    route({
      method: "get",
      path: "/sessions/{id}/export",
      scope: "read",
      operationId: "exportSession",
      tag: "Sessions",
      summary: "Take a session along as a file",
      description:
        "The JSON holds all of it: every branch, ids, times, settings, thoughts, what the vendor signed, and each call's receipt. " +
        "It is written as it is read, however long it is; a file that broke off is no JSON.",
      params: { id: "session" },
      query: exportQuery,
      responses: {
        200: {
          description: "The file",
          content: {
            "application/json": { schema: exportSchema },
            "text/markdown": {
              schema: z
                .string()
                .openapi({ example: "# Borscht for two\n\n## You, 2026-11-23 09:30 UTC\n\n> What goes in?\n" }),
            },
          },
          headers: { "Content-Disposition": "attachment, with the title as the file's name" },
        },
      },
      errors: ["not_found", "invalid_request", "storage_unavailable"],
      async handler({ exchange, id, query: { format = "json" } }) {
        const { owner } = exchange;
        const exported = await store.exportSession(owner, id);
        if (!exported) throw notFound("session");
        const { session } = exported;
        const texts = format === "json" ? printExport(exported, now()) : printMarkdown(owner, session);
        const headers = {
          "content-type": types[format],
          "content-disposition": nameFile(session, format === "json" ? "json" : "md"),
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
        };
        return { status: 200, headers, body: inPieces(exchange, texts) };
      },
    }),
  ];
}

const longestName = 60;

/**
 * As an attachment, under the session's title: in ASCII for old readers (RFC 6266, 4.3), and as it is (RFC 8187, 3.2). Nothing in it
 * that a file's name may not have on any system.
 */
export function nameFile({ id, title }: Pick<Session, "id" | "title">, ending: string): string {
  const words = (title ?? "").normalize("NFC").replace(/[\p{C}\p{Z}<>:"/\\|?*]+/gu, " ");
  const name =
    [...words]
      .slice(0, longestName)
      .join("")
      .replace(/^[\s.]+|[\s.]+$/g, "") || `session ${id}`;
  const ascii =
    name
      .replace(/[^ \w.()-]+/g, "")
      .replace(/\s+/g, " ")
      .trim() || `session ${id}`;
  const plain = `attachment; filename="${ascii}.${ending}"`;
  if (ascii === name) return plain;
  const encoded = encodeURIComponent(`${name}.${ending}`).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${plain}; filename*=UTF-8''${encoded}`;
}
