// The receipt of one answer, as a receipt: a strip of paper, line by line, that can be printed alone and copied.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type ApiError, api } from "../api/api.ts";
import type { Attempt, Receipt, ReceiptLine, Turn } from "../api/wire.ts";
import { CopyButton } from "../shell/button.tsx";
import { asApiError } from "../shell/errors.ts";
import { Problem } from "../shell/problem.tsx";
import { locale, text } from "../shell/state.ts";
import { type Dictionary, fill, printNumber } from "../text/text.ts";
import { printDateTime, printDay, printSpan } from "../text/time.ts";
import { columnOf, decimalsOf, perMillionOf, receiptWords, savedByCache } from "./receipt-words.ts";

interface ReceiptProps {
  turnId: string;
  /** The first line of the question that was answered. */
  question: string;
}

export function ReceiptView({ turnId, question }: ReceiptProps) {
  const receipt = useSignal<Receipt | null>(null);
  const turn = useSignal<Turn | null>(null);
  const error = useSignal<ApiError | null>(null);
  const load = () => {
    error.value = null;
    receipt.value = null;
    let current = true;
    Promise.all([api.getReceipt(turnId), api.getTurn(turnId)]).then(
      ([found, its]) => {
        if (!current) return;
        turn.value = its;
        receipt.value = found;
      },
      (cause) => {
        if (current) error.value = asApiError(cause);
      },
    );
    return () => {
      current = false;
    };
  };
  useEffect(load, [turnId]);
  if (error.value)
    return (
      <Problem code={error.value.code} detail={error.value.message}>
        <button type="button" class="button small" onClick={load}>
          {text.value.tryAgain}
        </button>
      </Problem>
    );
  if (!receipt.value || !turn.value) return <p class="quiet">{text.value.loading}</p>;
  return <Paper receipt={receipt.value} turn={turn.value} question={question} />;
}

function Paper({ receipt, turn, question }: { receipt: Receipt; turn: Turn; question: string }) {
  const t = text.value;
  const saved = savedByCache(receipt);
  const decimals = decimalsOf(receipt);
  const json = () => JSON.stringify(receipt, null, 2);
  return (
    <>
      <article class="receipt" aria-label={t.receipt}>
        <header>
          <strong>{t.appName}</strong>
          <span>{t.receipt}</span>
          <span class="number">№ {receipt.turn_id.slice(-12)}</span>
          <span>{printDateTime(locale.value, receipt.at)}</span>
        </header>
        {question !== "" && (
          <p class="asked" dir="auto">
            {question}
          </p>
        )}
        {receipt.attempts.map((attempt) => (
          <AttemptLines
            key={attempt.attempt}
            attempt={attempt}
            alone={receipt.attempts.length === 1}
            decimals={decimals}
          />
        ))}
        {saved && (
          <p class="line saved">
            <span>{t.savedByCache}</span>
            <b>−{columnOf(saved, locale.value, decimals)}</b>
          </p>
        )}
        <p class="line total">
          <span>{t.total}</span>
          <b>{receipt.total === null ? "—" : `$${columnOf(receipt.total, locale.value, decimals)}`}</b>
        </p>
        <p class="small">
          {!receipt.settled && `${t.settling} `}
          {t.accuracyMore[receipt.accuracy]} {!receipt.balanced && t.unbalanced}
        </p>
        <Timing turn={turn} />
        <PriceSource receipt={receipt} />
      </article>
      <div class="receipt-actions">
        <CopyButton read={() => receiptWords(receipt, question, text.value, locale.value)} label={t.copy} wordy />
        <CopyButton read={json} label="JSON" wordy />
        <button type="button" class="button small" onClick={printReceipt}>
          {t.print}
        </button>
      </div>
      <details class="raw-usage">
        <summary>{t.rawUsage}</summary>
        <pre class="raw">{JSON.stringify(receipt.usage_raw, null, 2)}</pre>
      </details>
    </>
  );
}

/** The style sheet for paper prints the receipt alone while the page says so. */
function printReceipt(): void {
  document.documentElement.dataset.print = "receipt";
  window.addEventListener("afterprint", () => delete document.documentElement.dataset.print, { once: true });
  window.print();
}

interface AttemptProps {
  attempt: Attempt;
  alone: boolean;
  decimals: number;
}

/** One call to the vendor; named where one answer took several. */
function AttemptLines({ attempt, alone, decimals }: AttemptProps) {
  const errors: Dictionary = text.value.errors;
  const trouble = attempt.error_code && (errors[attempt.error_code] ?? attempt.error_code);
  const model = attempt.model_served ?? attempt.model_requested;
  return (
    <section>
      <p class="model">
        {!alone && `${fill(text.value.attempt, { n: String(attempt.attempt) })} · `}
        {model}
        {model !== attempt.model_requested &&
          ` (${fill(text.value.requested, { requested: attempt.model_requested })})`}
        {trouble && ` · ${trouble}`}
      </p>
      {attempt.lines.map((line) => (
        <Line key={`${line.item} ${line.unit_price}`} line={line} decimals={decimals} />
      ))}
      {!alone && attempt.total !== null && (
        <p class="line subtotal">
          <span>{text.value.subtotal}</span>
          <b>{columnOf(attempt.total, locale.value, decimals)}</b>
        </p>
      )}
    </section>
  );
}

function Line({ line, decimals }: { line: ReceiptLine; decimals: number }) {
  const items: Dictionary = text.value.items;
  return (
    <div class="line">
      <p>
        <span>{items[line.item] ?? line.item}</span>
        <b>{columnOf(line.amount, locale.value, decimals)}</b>
      </p>
      <p class="small">{quantityWords(line)}</p>
    </div>
  );
}

/** "344 × $0.30/M" */
function quantityWords(line: ReceiptLine): string {
  const number = printNumber(locale.value, line.quantity);
  return `${number} × ${unitPriceWords(line)}`;
}

function unitPriceWords({ unit, unit_price }: ReceiptLine): string {
  const per = unit === "token" ? pricePerMillion(unit_price) : `$${columnOf(unit_price, locale.value)}`;
  return per;
}

function pricePerMillion(price: string): string {
  return fill(text.value.perMillion, { price: `$${perMillionOf(price, locale.value)}` });
}

function Timing({ turn }: { turn: Turn }) {
  const t = text.value;
  const first = printSpan(locale.value, turn.started_at, turn.first_token_at);
  const whole = printSpan(locale.value, turn.started_at, turn.ended_at);
  const seconds =
    turn.first_token_at && turn.ended_at ? (Date.parse(turn.ended_at) - Date.parse(turn.first_token_at)) / 1000 : 0;
  const speed =
    seconds > 0.2 && turn.usage ? printNumber(locale.value, Math.round(turn.usage.output_tokens / seconds)) : null;
  const facts: [string, string | null][] = [
    [t.firstWord, first],
    [t.duration, whole],
    [t.speed, speed],
  ];
  return (
    <dl class="small">
      {facts.map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

function PriceSource({ receipt: { price } }: { receipt: Receipt }) {
  const t = text.value;
  if (!price) return <p class="small">{t.noPrice}</p>;
  const [link] = /https?:\/\/\S+/.exec(price.source) ?? [];
  return (
    <p class="small">
      {fill(t.priceInForce, { date: printDay(locale.value, price.effective_from) })},{" "}
      {fill(t.priceReadOn, { date: printDay(locale.value, price.read_on) })}:{" "}
      {link ? (
        <a href={link} target="_blank" rel="noopener noreferrer">
          {price.source}
        </a>
      ) : (
        <span lang="en">{price.source}</span>
      )}
    </p>
  );
}
