// Who calls: a key, a token, or, where none is needed, whoever reaches this machine.

import type { AuditTally } from "../../caller/audit-tally.ts";
import { type Caller, loopbackCaller } from "../../caller/caller.ts";
import type { CallerStore } from "../../caller/caller-store.ts";
import { callerOf, type FoundKey, isGood, isSecret } from "../../caller/key.ts";
import type { KeyRing } from "../../caller/key-ring.ts";
import { callerWith } from "../../caller/token.ts";
import { seesSession } from "../../caller/user.ts";
import { AppError, notFound } from "../../errors.ts";
import type { Asked } from "../asked.ts";
import { readCookie } from "./cookie.ts";
import type { Cors } from "./cors.ts";
import type { Signer } from "./signature.ts";
import type { Visitors } from "./visitors.ts";

export interface AuthParts {
  store: CallerStore;
  keys: KeyRing;
  tally: AuditTally;
  signer: Signer;
  visitors: Visitors;
  cors: Cors;
  needsKey: boolean;
  now(): number;
}

const bearer = /^Bearer +([!-~]+) *$/i;
/** Three parts in base64url (RFC 7515, 3.1). */
const tokenPattern = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export class Auth {
  private readonly parts: AuthParts;

  constructor(parts: AuthParts) {
    this.parts = parts;
  }

  /**
   * Who makes the request; null: nobody that is known, where a key is needed. Throws unauthenticated for a key or token of ours that is no
   * longer good, and forbidden for a visitor without one who names a foreign host or comes from a foreign page. A known key costs no promise.
   */
  identify(request: Asked): Caller | null | Promise<Caller | null> {
    const shown = request.headers.get("authorization")?.match(bearer)?.[1];
    if (shown === undefined) return this.visitor(request);
    if (isSecret(shown)) {
      const found = this.parts.keys.find(shown);
      const admit = (key: FoundKey | null) => (key ? this.holder(key) : this.stranger("key.refused", request));
      return found instanceof Promise ? found.then(admit) : admit(found);
    }
    return tokenPattern.test(shown) ? this.tokenHolder(shown, request) : this.visitor(request);
  }

  /** The key that a page may have its browser remember. Throws unauthenticated unless it is good, and forbidden to other sites' pages. */
  async signIn(request: Asked, secret: string): Promise<Caller> {
    this.requireOwnPage(request);
    const found = isSecret(secret) ? await this.parts.keys.find(secret) : null;
    if (!found) {
      this.countStranger("key.refused");
      throw new AppError("unauthenticated", "No such key is known here.");
    }
    return this.holder(found);
  }

  /** Throws forbidden to a page of another site, also of one that may call with tokens. */
  requireOwnPage(request: Asked): void {
    this.parts.visitors.check(request);
  }

  /** Throws not_found, as for what is not there, unless the caller may see this session or turn. */
  async requireVisible(caller: Caller, kind: "session" | "turn", id: string): Promise<void> {
    if (caller.user === null && caller.sessions === null) return;
    const session = await this.parts.store.findSessionUser(caller.project, kind, id);
    if (!session || !seesSession(caller, session)) throw notFound(kind);
  }

  private holder(found: FoundKey): Caller {
    if (!isGood(found, this.parts.now())) throw this.refuse("key.refused", found);
    this.parts.keys.noteUse(found.key.id);
    return callerOf(found.key);
  }

  private async tokenHolder(token: string, request: Asked): Promise<Caller | null> {
    const claims = await this.parts.signer.read(token);
    if (claims === undefined) return this.stranger("token.refused", request);
    const made = claims.keyId === null ? null : await this.parts.keys.findById(claims.keyId);
    const caller = callerWith(claims, made, this.parts.now());
    if (!caller) throw this.refuse("token.refused", made);
    return caller;
  }

  /** Shows what nobody here has made: refused where a key is needed, and elsewhere a dummy that some clients send. */
  private stranger(action: "key.refused" | "token.refused", request: Asked): Caller | null | Promise<Caller | null> {
    if (this.parts.needsKey) this.countStranger(action);
    return this.visitor(request);
  }

  private countStranger(action: "key.refused" | "token.refused"): void {
    this.parts.tally.count({ action, project: null, keyId: null, target: null });
  }

  /** Shows what was good once. `found`: the key, or the one that the token was made with. */
  private refuse(action: "key.refused" | "token.refused", found: FoundKey | null): AppError {
    const { id, project } = found?.key ?? { id: null, project: null };
    this.parts.tally.count({ action, project, keyId: null, target: id });
    return noLongerGood();
  }

  private visitor(request: Asked): Caller | null | Promise<Caller | null> {
    // A page of a site that may call with tokens is told that it needs one; nothing else of it is looked at, its cookies neither.
    if (this.parts.cors.allows(request)) return null;
    this.parts.visitors.check(request);
    const remembered = readCookie(request);
    const nobody = this.parts.needsKey ? null : loopbackCaller;
    return remembered === undefined ? nobody : this.rememberedHolder(remembered, nobody);
  }

  /** A remembered key that is no longer good is as none: the page asks for another. */
  private async rememberedHolder(secret: string, nobody: Caller | null): Promise<Caller | null> {
    const found = await this.parts.keys.find(secret);
    return found && isGood(found, this.parts.now()) ? this.holder(found) : nobody;
  }
}

function noLongerGood(): AppError {
  return new AppError(
    "unauthenticated",
    "This key or token is no longer good: it is over, or was disabled, replaced or deleted. Ask for a new one where it came from.",
  );
}

export function keyNeeded(): AppError {
  return new AppError(
    "unauthenticated",
    "This needs a key, as `Authorization: Bearer rz-...`; the one that was sent, if any, is not known here.",
  );
}
