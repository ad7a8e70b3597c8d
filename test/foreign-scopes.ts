// Budgets and messages that strangers ask for in test/foreign-ids.test.ts: of what is another's. A user is a name, for which anybody may make one at home.

interface Ids {
  key: string;
  session: string;
  running: string;
  project: string;
}

/** `end`: of the path. Whoever is bound to a user changes no budget at all. */
export function foreignScopes(end: string) {
  const row = (what: string, scopeOf: (ids: Ids) => string, status = 404) => ({
    ...{ what: `the scope of ${what}`, bound: 403, status },
    path: (ids: Ids) => `/budgets/${scopeOf(ids)}`,
  });
  return [
    row("a key", ({ key }) => `key%3A${key}${end}`),
    row("a session", ({ session }) => `session:${session}${end}`),
    row("a running session", ({ running }) => `session%3a${running}${end}`),
    row("a project", ({ project }) => `project${end}?project=${project}`, 403),
  ];
}

/** A message in a session's path, or what is none. */
export function foreignMessages(end: string) {
  return (["question", "answer", "turn"] as const).map((kind) => ({
    what: `the id of ${kind}`,
    path: (ids: { session: string; question: string; answer: string; turn: string }) =>
      `/sessions/${ids.session}/messages/${ids[kind]}${end}`,
  }));
}
