// What a quote is made from: where the message would stand, and how long the last answers were. Few rows, however much there is.

import { notFound } from "../../errors.ts";
import { type Ask, countsModel } from "../../money/budget.ts";
import type { PastAnswer } from "../../money/quote/quote.ts";
import type { QuoteBasis, QuoteBudgets, QuoteHolder, QuoteQuestion } from "../../money/quote/quote-store.ts";
import { findPlace } from "../turn-open.ts";
import type { Reader } from "../tx.ts";
import { listBudgets } from "./budget.ts";
import { findCounters } from "./budget-counter.ts";
import { grantBy } from "./hold.ts";

/** Turns that are looked at, whatever became of them: the last of the conversation, and of all. */
const lastHere = 12;
const lastOfAll = 200;

interface AnswerRow {
  row: number;
  input_tokens: number;
  cached_tokens: number;
  output_tokens: number;
  thinking_tokens: number;
  ended_at: number;
}

const columns = "t.row, t.input_tokens, t.cached_tokens, t.output_tokens, t.thinking_tokens, t.ended_at";
const answered = "t.status = 'complete' AND t.output_tokens IS NOT NULL AND t.ended_at IS NOT NULL";

export async function readQuoteBasis(reader: Reader, question: QuoteQuestion): Promise<QuoteBasis> {
  const { owner, session, model } = question;
  const found = question.parentId === undefined ? undefined : await findPlace(reader, question);
  if (found === "nowhere") throw notFound("message");
  const { branch, position } = found ?? { branch: session.tipBranch, position: session.tipPosition };
  const here = await reader.all<AnswerRow>(
    `SELECT ${columns} FROM turn t WHERE t.session = $1 AND t.branch = $2 AND t.position <= $3 AND t.position > $3 - ${lastHere}
       AND ${answered} AND t.model_requested = $4 ORDER BY t.position DESC`,
    [session.row, branch, position, model],
  );
  const elsewhere = await reader.all<AnswerRow>(
    `SELECT ${columns} FROM turn t JOIN session s ON s.row = t.session AND s.project = $1
     WHERE t.row > (SELECT MAX(row) FROM turn) - ${lastOfAll} AND t.session <> $2 AND ${answered} AND t.model_requested = $3 ORDER BY t.row DESC`,
    [owner, session.row, model],
  );
  const place = found && { branch, position };
  return { place, here: here.map(answerFrom), elsewhere: elsewhere.map(answerFrom) };
}

function answerFrom(row: AnswerRow): PastAnswer {
  return {
    inputTokens: row.input_tokens,
    cachedTokens: row.cached_tokens,
    answerTokens: row.output_tokens + row.thinking_tokens,
    endedAt: row.ended_at,
  };
}

/** Budgets that a message may have. */
const mostScopes = 10;

/** One read where there are none. */
export async function readQuoteBudgets(
  reader: Reader,
  { holder, ask }: { holder: QuoteHolder; ask: Ask | null },
): Promise<QuoteBudgets> {
  const { counters } = await findCounters(reader, holder);
  const mine = ask ? counters.filter((counter) => countsModel(counter, [ask.model])) : counters;
  if (mine.length === 0) return { budgets: [], grant: null, refusal: undefined };
  const page = { project: holder.project, global: true, limit: mostScopes, at: holder.at };
  const { data } = await listBudgets(reader, { ...page, scopes: mine.map(({ scope }) => scope) });
  if (!ask) return { budgets: data, grant: null, refusal: undefined };
  const budgets = data.filter(({ models }) => models === null || models.includes(ask.model));
  return { budgets, ...grantBy(mine, ask) };
}
