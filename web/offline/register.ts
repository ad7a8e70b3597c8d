// Asks the browser to keep the page for times without the server; without that it works all the same.

export function keepForLater(): void {
  navigator.serviceWorker?.register("sw.js").catch(() => undefined); // not over plain HTTP from another machine
}
