// Money on the page: decimal strings from the server, moved and shown, never made into numbers.

/** "0.0004125" -> "$0.0004125", exactly as the server printed it. */
export function printUsd(amount: string): string {
  return amount.startsWith("-") ? `-$${amount.slice(1)}` : `$${amount}`;
}

/** A decimal string times a million, exactly: "0.0000003" -> "0.3". */
export function timesMillion(amount: string): string {
  const [whole = "0", fraction = ""] = amount.split(".");
  const padded = fraction.padEnd(6, "0");
  const integer = (whole + padded.slice(0, 6)).replace(/^(-?)0+(?=\d)/, "$1");
  const rest = padded.slice(6).replace(/0+$/, "");
  return rest === "" ? integer : `${integer}.${rest}`;
}
