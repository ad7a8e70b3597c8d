// The settings: the only reader of the environment. Fails at start, listing every mistake at once.

import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";

/** One setting: how it is named, what it is for, and how its text becomes a value. */
interface Setting<T> {
  env: string;
  fallback: string;
  says: string;
  secret?: boolean;
  /** Throws with a sentence that says what is expected. */
  read: (text: string) => T;
}

const text = (value: string) => value;
const optional = (value: string) => (value === "" ? null : value);
function whole(least: number, most: number) {
  return (value: string) => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < least || number > most)
      throw new Error(`a whole number from ${least} to ${most}`);
    return number;
  };
}
function optionalWhole(least: number, most: number) {
  return (value: string) => (value === "" ? null : whole(least, most)(value));
}
function oneOf<const T extends string>(...words: T[]) {
  return (value: string): T => {
    const found = words.find((word) => word === value);
    if (!found) throw new Error(`one of ${words.join(", ")}`);
    return found;
  };
}
function yesOrNo(value: string): boolean {
  if (/^(1|true|yes|on)$/i.test(value)) return true;
  if (/^(0|false|no|off|)$/i.test(value)) return false;
  throw new Error("yes or no");
}
function webAddress(value: string): string {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value))
    throw new Error("an address that begins with http:// or https://");
  return value.replace(/\/+$/, "");
}
function databaseAddress(value: string): string {
  if (/^sqlite:.+/.test(value) || /^postgres(ql)?:\/\/.+/.test(value)) return value;
  throw new Error("sqlite:<file> or postgres://user:password@host/database");
}
function modelName(value: string): string {
  if (!/^[a-z0-9][a-z0-9.-]{0,127}$/.test(value)) throw new Error("a model id such as gemini-2.5-flash");
  return value;
}

const minute = 60_000;
const day = 24 * 60 * minute;

/** Every setting there is. The README's table is made from this and checked against it. */
export const settings = {
  geminiApiKey: {
    env: "GEMINI_API_KEY",
    fallback: "",
    secret: true,
    read: optional,
    says: "Key for Google's Gemini API. Without it (and without GEMINI_BASE_URL) the server runs in demo mode.",
  },
  geminiModel: {
    env: "GEMINI_MODEL",
    fallback: "gemini-2.5-flash",
    read: modelName,
    says: "Model for messages and sessions that name none.",
  },
  geminiBaseUrl: {
    env: "GEMINI_BASE_URL",
    fallback: "https://generativelanguage.googleapis.com",
    read: webAddress,
    says: "The vendor's address, or a stand-in's that speaks the same wire.",
  },
  host: {
    env: "HOST",
    fallback: "127.0.0.1",
    read: text,
    says: "Address to listen on. Anything but loopback needs INSECURE_NO_AUTH.",
  },
  port: { env: "PORT", fallback: "8000", read: whole(0, 65_535), says: "Port to listen on; 0 takes any free one." },
  databaseUrl: {
    env: "DATABASE_URL",
    fallback: "sqlite:./data/rozmova.db",
    secret: true,
    read: databaseAddress,
    says: "sqlite:<file>, or postgres://user:password@host/database for several processes.",
  },
  insecureNoAuth: {
    env: "INSECURE_NO_AUTH",
    fallback: "no",
    read: yesOrNo,
    says: "Serve other machines without any key: everyone who reaches the port can read, write and spend.",
  },
  logLevel: {
    env: "LOG_LEVEL",
    fallback: "info",
    read: oneOf("debug", "info", "warn", "error", "silent"),
    says: "How much is logged, as JSON lines on stderr.",
  },
  pricesFile: {
    env: "PRICES_FILE",
    fallback: "",
    read: optional,
    says: "JSON file with price rows that add to, or replace, the built-in ones: docs/prices.md.",
  },
  allowUnpriced: {
    env: "ALLOW_UNPRICED_MODELS",
    fallback: "no",
    read: yesOrNo,
    says: "Let models without a price answer; their cost is then unknown, not zero.",
  },
  memoryTokens: {
    env: "MEMORY_MAX_TOKENS",
    fallback: "",
    read: optionalWhole(1_000, 100_000_000),
    says: "Most tokens of a conversation sent with a message; empty: as many as the model takes.",
  },
  firstByteMs: {
    env: "PROVIDER_FIRST_BYTE_MS",
    fallback: "60000",
    read: whole(100, 30 * minute),
    says: "Longest wait for the vendor's first byte, in milliseconds.",
  },
  idleMs: {
    env: "PROVIDER_IDLE_MS",
    fallback: "60000",
    read: whole(100, 30 * minute),
    says: "Longest silence inside an answer, in milliseconds.",
  },
  totalMs: {
    env: "PROVIDER_TOTAL_MS",
    fallback: "600000",
    read: whole(1_000, 60 * minute),
    says: "Longest time for one answer, in milliseconds.",
  },
  retryBudgetMs: {
    env: "PROVIDER_RETRY_BUDGET_MS",
    fallback: "30000",
    read: whole(0, 10 * minute),
    says: "Longest time spent on trying again before the first word, in milliseconds.",
  },
  retryBaseMs: {
    env: "PROVIDER_RETRY_BASE_MS",
    fallback: "500",
    read: whole(1, minute),
    says: "Upper end of the first wait before trying again; it doubles with every try, in milliseconds.",
  },
  stopDrainMs: {
    env: "STOP_DRAIN_MS",
    fallback: "10000",
    read: whole(0, 10 * minute),
    says: "How long a stopped answer is still read, unseen, for its exact bill, in milliseconds.",
  },
  shutdownMs: {
    env: "SHUTDOWN_MS",
    fallback: "25000",
    read: whole(0, 10 * minute),
    says: "How long running answers may finish after SIGTERM, in milliseconds.",
  },
  queueLimit: {
    env: "QUEUE_LIMIT",
    fallback: "16",
    read: whole(0, 10_000),
    says: "Most messages that may wait for one busy session (`if_busy: queue`).",
  },
  maxBodyBytes: {
    env: "MAX_BODY_BYTES",
    fallback: "4194304",
    read: whole(1_024, 64 * 1024 * 1024),
    says: "Largest request body, in bytes.",
  },
  maxTextChars: {
    env: "MAX_TEXT_CHARS",
    fallback: "1000000",
    read: whole(1, 16_000_000),
    says: "Longest message, in characters.",
  },
  idempotencyMs: {
    env: "IDEMPOTENCY_MS",
    fallback: String(day),
    read: whole(minute, 30 * day),
    says: "How long an Idempotency-Key is remembered, in milliseconds.",
  },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settings;
export type Config = { readonly [Name in SettingName]: ReturnType<(typeof settings)[Name]["read"]> };

/** The flag of a setting: PORT -> --port, DATABASE_URL -> --database-url. */
export function flagOf(name: SettingName): string {
  return `--${settings[name].env.toLowerCase().replaceAll("_", "-")}`;
}

export class ConfigError extends Error {}

export interface ConfigSources {
  /** Command-line words after the command's name. */
  flags: string[];
  env: Record<string, string | undefined>;
  /** The text of `.env`, if there is one. The real environment wins over it, and flags over both. */
  dotEnv: string | null;
}

/** Reads the working folder's `.env`, the environment and the flags. Throws ConfigError naming every mistake. */
export function loadConfig(flags: string[]): Config {
  return readConfig(gatherSources(flags));
}

/** What this process was given. */
export function gatherSources(flags: string[]): ConfigSources {
  return { flags, env: process.env, dotEnv: readDotEnv() };
}

/** The settings from given sources. */
export function readConfig(sources: ConfigSources): Config {
  const mistakes: string[] = [];
  const config: Record<string, unknown> = {};
  for (const { name, value } of resolveSettings(sources, mistakes)) {
    const setting = settings[name];
    try {
      config[name] = setting.read(value);
    } catch (expected) {
      const shown = "secret" in setting ? "its value" : JSON.stringify(value);
      mistakes.push(`${setting.env} (${flagOf(name)}): ${shown} is not ${(expected as Error).message}`);
    }
  }
  if (mistakes.length > 0) throw new ConfigError(mistakes.join("\n"));
  return config as Config;
}

export interface ResolvedSetting {
  name: SettingName;
  /** As it was written, without surrounding space; unchecked. */
  value: string;
  origin: "flag" | "environment" | ".env" | "default";
}

/** Which of the sources decides each setting; a blank value decides nothing. Adds to `mistakes` what the flags got wrong. */
export function resolveSettings(sources: ConfigSources, mistakes: string[]): ResolvedSetting[] {
  const flags = readFlags(sources.flags, mistakes);
  const dotEnv: Record<string, string | undefined> = sources.dotEnv === null ? {} : parseEnv(sources.dotEnv);
  return (Object.keys(settings) as SettingName[]).map((name) => {
    const { env, fallback } = settings[name];
    const given: [ResolvedSetting["origin"], string | undefined][] = [
      ["flag", flags.get(name)],
      ["environment", sources.env[env]],
      [".env", dotEnv[env]],
    ];
    const [origin, value] = given.find(([, text]) => text !== undefined) ?? [];
    const text = (value ?? "").trim();
    return origin === undefined || text === ""
      ? { name, value: fallback, origin: "default" }
      : { name, value: text, origin };
  });
}

/** Whether an address stays on this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether the bundled emulator must answer: nobody said where a model is. */
export function isDemo(config: Config): boolean {
  return config.geminiApiKey === null && config.geminiBaseUrl === settings.geminiBaseUrl.fallback;
}

/** What demo mode says to everybody who asks. */
export const demoHint =
  "No AI is answering: the bundled emulator of the Gemini API is. " +
  "Put GEMINI_API_KEY=<your key> into a file named .env in the folder the server is started from, and start it again.";

/** The proxies of the environment, in the names that every program on the machine reads, in small letters first as curl does; null where one is not set. */
export function readProxies(): Record<"http" | "https" | "except", string | null> {
  const read = (name: string) => process.env[name] || process.env[name.toUpperCase()] || null;
  return { http: read("http_proxy"), https: read("https_proxy"), except: read("no_proxy") };
}

function readFlags(words: string[], mistakes: string[]): Map<SettingName, string> {
  const names = new Map((Object.keys(settings) as SettingName[]).map((name) => [flagOf(name), name]));
  const found = new Map<SettingName, string>();
  for (let i = 0; i < words.length; i++) {
    const [flag = "", attached] = words[i]!.split(/=(.*)/s, 2);
    const name = names.get(flag);
    if (!name) mistakes.push(`${flag}: there is no such flag; see --help`);
    else if (attached !== undefined) found.set(name, attached);
    else if (settings[name].read === yesOrNo) found.set(name, "yes");
    else if (words[i + 1] === undefined) mistakes.push(`${flag}: a value must follow`);
    else found.set(name, words[++i]!);
  }
  return found;
}

function readDotEnv(): string | null {
  try {
    return readFileSync(".env", "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new ConfigError(`.env cannot be read: ${(cause as Error).message}`);
  }
}
