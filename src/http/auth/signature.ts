// Tokens signed and read: JWT with HS256, by a library that is loaded when the first one comes.

import { randomBytes } from "node:crypto";
import type { CallerStore } from "../../caller/caller-store.ts";
import type { TokenClaims } from "../../caller/token.ts";

const algorithm = "HS256";
/** A token with anything else in these places is none of ours. */
const issuer = "rozmova";
const mostKnown = 1_000;

export class Signer {
  private readonly store: Pick<CallerStore, "takeTokenSecret">;
  private readonly now: () => number;
  private secret: Promise<Uint8Array> | undefined;
  /** Tokens whose signature was found good, by their text: what they say never changes. */
  private readonly known = new Map<string, TokenClaims>();

  constructor(store: Pick<CallerStore, "takeTokenSecret">, now: () => number) {
    this.store = store;
    this.now = now;
  }

  async sign({ project, keyId, user, scopes, sessions, expiresAt }: TokenClaims): Promise<string> {
    const { SignJWT } = await import("jose");
    return new SignJWT({ project, key: keyId, scopes, ...(sessions ? { sessions } : {}) })
      .setProtectedHeader({ alg: algorithm, typ: "JWT" })
      .setIssuer(issuer)
      .setSubject(user)
      .setIssuedAt(Math.floor(this.now() / 1000))
      .setExpirationTime(expiresAt / 1000)
      .sign(await this.getSecret());
  }

  /** What a token of ours says, also one that is over; undefined for what we have not signed. */
  async read(token: string): Promise<TokenClaims | undefined> {
    const known = this.known.get(token);
    if (known) return known;
    const { jwtVerify, errors } = await import("jose");
    try {
      // Whether it is over is the rules' to say (caller/token.ts), by the server's own clock.
      const currentDate = new Date(0);
      const { payload } = await jwtVerify(token, await this.getSecret(), {
        ...{ algorithms: [algorithm], issuer, currentDate },
        requiredClaims: ["sub", "exp"],
      });
      const claims = {
        project: payload.project as string,
        keyId: payload.key as string | null,
        user: payload.sub!,
        scopes: payload.scopes as TokenClaims["scopes"],
        sessions: (payload.sessions as string[] | undefined) ?? null,
        expiresAt: payload.exp! * 1000,
      };
      this.remember(token, claims);
      return claims;
    } catch (cause) {
      if (cause instanceof errors.JOSEError) return undefined;
      throw cause;
    }
  }

  private remember(token: string, claims: TokenClaims): void {
    const [oldest] = this.known.keys();
    if (this.known.size >= mostKnown && oldest !== undefined) this.known.delete(oldest);
    this.known.set(token, claims);
  }

  private getSecret(): Promise<Uint8Array> {
    this.secret ??= this.store.takeTokenSecret(randomBytes(32).toString("base64url")).then(
      (text) => Buffer.from(text, "base64url"),
      (cause) => {
        this.secret = undefined; // the next one asks again
        throw cause;
      },
    );
    return this.secret;
  }
}
