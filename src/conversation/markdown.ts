// A conversation as a Markdown page for people: each message is a quotation, so that nothing in it can end it or pass for the page's own.

import { printUsd } from "../money/money.ts";
import type { Message } from "./message.ts";
import type { Session } from "./session.ts";

/** The page's head, up to the first message. */
export function printHead(session: Session): string {
  const lines = [`# ${printLine(session.title ?? "Conversation")}`, ""];
  lines.push(`- Begun: ${printMoment(session.createdAt)}`);
  if (session.user !== null) lines.push(`- For: ${printLine(session.user)}`);
  if (session.model !== null) lines.push(`- Model: ${printLine(session.model)}`);
  lines.push(`- Cost: ${printCost(session.cost)}`);
  if (session.system !== null) lines.push("", "## Instructions", "", quote(session.system));
  return `${lines.join("\n")}\n`;
}

/** A message, with an empty line before it. */
export function printMessage(message: Message): string {
  const { role, createdAt, content, model, cost, status, error } = message;
  if (role === "user") return `\n## You, ${printMoment(createdAt)}\n\n${quote(content)}\n`;
  const about = [`${printLine(model ?? "The model")}`, `cost: ${cost === null ? "not known yet" : printCost(cost)}`];
  if (status !== "complete") about.push(status);
  if (error) about.push(printLine(error.detail));
  const said = content === "" ? "" : `${quote(content)}\n\n`;
  return `\n## Answer\n\n${said}${about.join(", ")}\n`;
}

/** What the other branches hold is in the JSON form alone. */
export function printFoot(hiddenTurns: number): string {
  if (hiddenTurns === 0) return "";
  const what = hiddenTurns === 1 ? "1 other answer or branch" : `${hiddenTurns} turns on other branches`;
  return `\n---\n\nNot shown here: ${what} of this conversation.\n`;
}

function printMoment(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

function printCost({ total, accuracy }: { total: bigint | null; accuracy: string }): string {
  if (total === null) return accuracy === "unknown" ? "not known" : "0 USD";
  return `${printUsd(total)} USD${accuracy === "exact" ? "" : ` (${accuracy})`}`;
}

/** A text of somebody's on one line, with nothing that Markdown would take for its own. */
function printLine(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/[\\`*_{}[\]<>#|~!&]/g, "\\$&");
}

/** Every line begins with the mark: a quotation ends where a line does not. */
function quote(text: string): string {
  return escapeHtml(text.split(/\r\n|[\r\n\u2028\u2029\v\f\x85]/))
    .map((line) => (line === "" ? ">" : `> ${line}`))
    .join("\n");
}

const fence = /^[ \t>*+\d.)-]*(`{3,}|~{3,})/;

/** Tags are shown as they were written. In code they are anyway; a fence that nothing closes is none. */
function escapeHtml(lines: string[]): string[] {
  const escaped: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!;
    const opened = fence.exec(line)?.[1];
    const end = opened === undefined ? -1 : findFenceEnd(lines, at + 1, opened);
    if (end === -1) escaped.push(escapeLine(line));
    else {
      escaped.push(...lines.slice(at, end + 1));
      at = end;
    }
  }
  return escaped;
}

function findFenceEnd(lines: string[], from: number, opened: string): number {
  const closing = new RegExp(`^[ \\t>]*\\${opened[0]}{${opened.length},}[ \\t]*$`);
  for (let at = from; at < lines.length; at++) if (closing.test(lines[at]!)) return at;
  return -1;
}

/** Outside of code that begins and ends on this line. */
function escapeLine(line: string): string {
  return line.replace(/(?<!`)(`+)(?!`)(?:.*?[^`])\1(?!`)|<(?=[a-zA-Z/!?])/g, (found) =>
    found === "<" ? "&lt;" : found,
  );
}
