// The demo answer: says that no AI is answering, and shows what the server handed over. The same request, the same words.

import { createHash } from "node:crypto";
import { english } from "./demo-english.ts";
import type { Facts, Phrases } from "./demo-phrases.ts";
import { ukrainian } from "./demo-ukrainian.ts";
import { type GenerateRequest, lastUserText, textOf } from "./request.ts";
import { countContent, countTextTokens } from "./tokens.ts";

function shorten(text: string, limit: number): string {
  const characters = Array.from(text.replace(/\s+/g, " ").trim());
  return characters.length <= limit ? characters.join("") : `${characters.slice(0, limit).join("")}…`;
}

function gatherFacts(request: GenerateRequest): Facts {
  const last = lastUserText(request);
  const firstUser = request.contents.find((content) => content.role !== "model");
  const system = request.systemInstruction ? textOf(request.systemInstruction) : "";
  return {
    earlier: Math.max(0, request.contents.length - 1),
    first: shorten(textOf(firstUser), 80),
    last: shorten(last, 160),
    words: last.split(/\s+/).filter((word) => word !== "").length,
    characters: Array.from(last).length,
    lastTokens: countTextTokens(last),
    promptTokens: request.contents.reduce((sum, content) => sum + countContent(content), 0),
    system: system === "" ? null : shorten(system, 80),
  };
}

function pick<T>(options: readonly T[], seed: number): T {
  return options[seed % options.length]!;
}

function table(phrases: Phrases, facts: Facts): string {
  const rows = phrases.tableRows(facts).map(([name, value]) => `| ${name} | ${value} |`);
  return [`| ${phrases.tableHead[0]} | ${phrases.tableHead[1]} |`, "|---|---:|", ...rows].join("\n");
}

function phrasesFor(text: string): Phrases {
  return /\p{Script=Cyrillic}/u.test(text) ? ukrainian : english;
}

/** Markdown with a list, a table and a code block; larger ones when the message asks for a table, code or a long answer. */
export function composeDemo(request: GenerateRequest): string {
  const text = lastUserText(request);
  const facts = gatherFacts(request);
  const phrases = phrasesFor(text);
  const seed = createHash("sha256").update(text).digest().readUInt16BE(0);
  const blocks = [phrases.notice, `${pick(phrases.openers, seed)}\n\n> ${facts.last === "" ? "…" : facts.last}`];
  blocks.push(phrases.conversation(facts));
  if (facts.system !== null) blocks.push(phrases.system(facts.system));
  if (/\blong\b|довг|детальн|розгорн/iu.test(text)) blocks.push(...phrases.paragraphs);
  blocks.push(
    `${phrases.listTitle}\n\n${pick(phrases.list, seed)
      .map((item) => `- ${item}`)
      .join("\n")}`,
  );
  blocks.push(table(phrases, facts));
  if (/\btable\b|таблиц/iu.test(text)) blocks.push(phrases.wideTable);
  blocks.push(/\bcode\b|(?<!\p{L})код/iu.test(text) ? `${phrases.code}\n\n${phrases.longCode}` : phrases.code);
  return blocks.join("\n\n");
}

/** What a thought part says when thoughts are asked for. */
export function composeThoughts(request: GenerateRequest): string {
  return phrasesFor(lastUserText(request)).thoughts(gatherFacts(request));
}

/** Whether the instruction wants no more than a name for what is in the message. */
export function asksForTitle(request: GenerateRequest): boolean {
  return request.systemInstruction !== undefined && /\banswer with a title\b/i.test(textOf(request.systemInstruction));
}

/** The first words that somebody said, as a name of what follows. */
export function composeTitle(request: GenerateRequest): string {
  const text = lastUserText(request).replace(/^\s*\p{L}+:\s*/u, "");
  const words = shorten(text.split("\n", 1)[0] ?? "", 200)
    .split(" ")
    .slice(0, 5);
  const demo = /\p{Script=Cyrillic}/u.test(text) ? "Демо" : "Demo";
  return `${demo}: ${words.join(" ").replace(/[\s.,:;!?…]+$/u, "")}`;
}
