// The audit: lines that are added and never changed, which the database itself sees to.

import type { Migration } from "../migration.ts";

export const audit: Migration = {
  version: 5,
  statements: ({ name, idType, clustered }) => [
    `CREATE TABLE audit (
      id ${idType} PRIMARY KEY, at BIGINT NOT NULL, project ${idType}, key_id ${idType}, action TEXT NOT NULL, target TEXT, count BIGINT NOT NULL) ${clustered}`,
    "CREATE INDEX audit_project ON audit (project, id)",
    "CREATE INDEX audit_action ON audit (action, id)",
    ...keep[name],
  ],
};

const keep = {
  sqlite: ["UPDATE", "DELETE"].map(
    (change) =>
      `CREATE TRIGGER audit_no_${change.toLowerCase()} BEFORE ${change} ON audit BEGIN SELECT RAISE(ABORT, 'lines of the audit are never changed'); END`,
  ),
  postgres: [
    "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'lines of the audit are never changed'; END $$",
    "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()",
  ],
};
