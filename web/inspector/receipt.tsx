// The receipt of one answer, line by line, as the server keeps it for ever.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { type ApiError, api } from "../api/api.ts";
import type { Attempt, Receipt, ReceiptLine } from "../api/wire.ts";
import { servedWords } from "../conversation/message.tsx";
import { CopyButton } from "../shell/button.tsx";
import { Dialog } from "../shell/dialog.tsx";
import { Problem } from "../shell/problem.tsx";
import { locale, text } from "../shell/state.ts";
import { asApiError } from "../sidebar/sessions.ts";
import { printUsd, timesMillion } from "../text/money.ts";
import { type Dictionary, fill, printNumber } from "../text/text.ts";
import { printDate, printDateTime } from "../text/time.ts";
import { AccuracyBadge, receiptOf } from "./cost.tsx";

export function ReceiptDialog() {
  const turnId = receiptOf.value;
  if (turnId === null) return null;
  return (
    <Dialog
      title={text.value.receipt}
      onClose={() => {
        receiptOf.value = null;
      }}
    >
      <ReceiptBody turnId={turnId} />
    </Dialog>
  );
}

function ReceiptBody({ turnId }: { turnId: string }) {
  const receipt = useSignal<Receipt | null>(null);
  const error = useSignal<ApiError | null>(null);
  const load = () => {
    error.value = null;
    api.getReceipt(turnId).then(
      (found) => {
        receipt.value = found;
      },
      (cause) => {
        error.value = asApiError(cause);
      },
    );
  };
  useEffect(load, [turnId]);
  if (error.value) {
    return (
      <Problem code={error.value.code} detail={error.value.message}>
        <button type="button" class="button small" onClick={load}>
          {text.value.tryAgain}
        </button>
      </Problem>
    );
  }
  return receipt.value ? <ReceiptSheet receipt={receipt.value} /> : <p class="quiet">{text.value.loading}</p>;
}

function ReceiptSheet({ receipt }: { receipt: Receipt }) {
  const t = text.value;
  const { price } = receipt;
  return (
    <div class="receipt">
      <p class="quiet">
        {fill(t.receiptOf, { date: printDateTime(locale.value, receipt.at) })}
        <br />
        {servedWords(receipt.model_served ?? receipt.model_requested, receipt.model_requested)}
      </p>
      <div class="table">
        <table>
          <thead>
            <tr>
              <th>{t.item}</th>
              <th class="number">{t.quantity}</th>
              <th class="number unit-price">{t.unitPrice}</th>
              <th class="number">{t.amount}</th>
            </tr>
          </thead>
          {receipt.attempts.map((attempt) => (
            <tbody key={attempt.attempt}>
              {receipt.attempts.length > 1 && <AttemptHead attempt={attempt} />}
              {attempt.lines.map((line) => (
                <Line key={`${line.item} ${line.unit_price}`} line={line} />
              ))}
            </tbody>
          ))}
          <tfoot>
            <tr>
              <th>{t.total}</th>
              <td class="number" colSpan={3}>
                {receipt.total === null ? t.costUnknown : printUsd(receipt.total)}
              </td>
            </tr>
          </tfoot>
        </table>
      </div>
      <p class="quiet">
        {!receipt.settled && `${t.settling} `}
        <AccuracyBadge cost={receipt} /> {t.accuracyMore[receipt.accuracy]} {!receipt.balanced && t.unbalanced}
      </p>
      <p class="quiet">
        {price
          ? `${fill(t.priceInForce, { date: printDate(locale.value, price.effective_from) })}, ${fill(t.priceReadOn, {
              date: printDate(locale.value, price.read_on),
            })}: ${price.source}`
          : t.noPrice}
      </p>
      <details>
        <summary>{t.rawUsage}</summary>
        <pre class="raw">{JSON.stringify(receipt.usage_raw, null, 2)}</pre>
      </details>
      <CopyButton read={() => JSON.stringify(receipt, null, 2)} label={t.copyReceipt} wordy />
    </div>
  );
}

/** Names the call, where one answer took several. */
function AttemptHead({ attempt }: { attempt: Attempt }) {
  const errors: Dictionary = text.value.errors;
  const trouble = attempt.error_code && (errors[attempt.error_code] ?? attempt.error_code);
  return (
    <tr>
      <th colSpan={4} scope="rowgroup">
        {fill(text.value.attempt, { n: String(attempt.attempt) })} · {attempt.model_served ?? attempt.model_requested}
        {trouble && ` · ${trouble}`}
      </th>
    </tr>
  );
}

function Line({ line }: { line: ReceiptLine }) {
  const items: Dictionary = text.value.items;
  const price =
    line.unit === "token"
      ? fill(text.value.perMillion, { price: printUsd(timesMillion(line.unit_price)) })
      : printUsd(line.unit_price);
  return (
    <tr>
      <td>
        {items[line.item] ?? line.item}
        <small class="quiet">{price}</small>
      </td>
      <td class="number">{printNumber(locale.value, line.quantity)}</td>
      <td class="number unit-price">{price}</td>
      <td class="number">{printUsd(line.amount)}</td>
    </tr>
  );
}
