// The settings: the only reader of the environment. Fails at start, listing every mistake at once.

import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import {
  apiKey,
  databaseAddress,
  hostNames,
  oneOf,
  optional,
  optionalWhole,
  type Setting,
  text,
  webAddress,
  webOrigins,
  whole,
  yesOrNo,
} from "./setting.ts";

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
    read: apiKey,
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
    says: "Address to listen on. On anything but loopback callers need a key.",
  },
  allowedHosts: {
    env: "ALLOWED_HOSTS",
    fallback: "",
    read: hostNames,
    says: "Names under which browsers and proxies may call, separated by commas (chat.example): needed behind a reverse proxy. With any, callers need a key.",
  },
  requireKey: {
    env: "REQUIRE_KEY",
    fallback: "auto",
    read: oneOf("auto", "yes"),
    says: "Who needs a key. auto: everybody, unless the server listens on loopback and ALLOWED_HOSTS is empty. yes: everybody.",
  },
  corsOrigins: {
    env: "CORS_ORIGINS",
    fallback: "",
    read: webOrigins,
    says: "Sites whose pages may call with a token of POST /tokens, separated by commas (https://shop.example).",
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
    says: "Ask nobody for a key, on any address: everyone who reaches the port can read, write and spend.",
  },
  maxConnections: {
    env: "MAX_CONNECTIONS",
    fallback: "10000",
    read: whole(1, 1_000_000),
    says: "Most open connections; fewer where the system allows the process fewer files. One that is idle gives way to a new one.",
  },
  idleConnectionMs: {
    env: "IDLE_CONNECTION_MS",
    fallback: "75000",
    read: whole(100, 60 * minute),
    says: "How long a connection stays open without a request, in milliseconds; more than the proxy in front keeps its own.",
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
  rememberedBytes: {
    env: "MEMORY_CACHE_BYTES",
    fallback: "",
    read: optionalWhole(0, 64 * 1024 ** 3),
    says: "Memory for the newest conversations, kept as they are sent, in bytes (each counts at least 64 KiB); empty: a tenth of the machine's, at most 64 MiB.",
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
  titles: {
    env: "TITLES",
    fallback: "off",
    read: oneOf("off", "auto"),
    says: "auto: after its first answer a session is named by the cheapest model that may be used, which is billed; off: its first words are its title.",
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
  maxImportBytes: {
    env: "MAX_IMPORT_BYTES",
    fallback: "33554432",
    read: whole(1_024, 256 * 1024 * 1024),
    says: "Largest session that is imported, in bytes of its JSON.",
  },
  maxBodiesBytes: {
    env: "MAX_BODIES_BYTES",
    fallback: "67108864",
    read: whole(65_536, 16 * 1024 ** 3),
    says: "Memory for all request bodies on their way together, in bytes; past it the one that has taken longest is refused.",
  },
  maxUnreadBytes: {
    env: "MAX_UNREAD_BYTES",
    fallback: "268435456",
    read: whole(65_536, 64 * 1024 ** 3),
    says: "Memory for all answers that wait for their readers, in bytes; past it those are cut that have not read for longest.",
  },
  maxTextChars: {
    env: "MAX_TEXT_CHARS",
    fallback: "1000000",
    read: whole(1, 16_000_000),
    says: "Longest message, in characters.",
  },
  trashDays: {
    env: "TRASH_DAYS",
    fallback: "30",
    read: whole(0, 36_500),
    says: "How many days a deleted session stays in the trash, and a deleted version of a message can be restored, before every word of it is erased; 0: until somebody purges it.",
  },
  idempotencyMs: {
    env: "IDEMPOTENCY_MS",
    fallback: String(day),
    read: whole(minute, 30 * day),
    says: "How long an Idempotency-Key is remembered, in milliseconds.",
  },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settings;
/** Its name in the environment. */
export type SettingEnv = (typeof settings)[SettingName]["env"];
export type Config = { readonly [Name in SettingName]: ReturnType<(typeof settings)[Name]["read"]> };

/** The flag of a setting: PORT -> --port, DATABASE_URL -> --database-url. */
export function flagOf(name: SettingName): string {
  return `--${settings[name].env.toLowerCase().replaceAll("_", "-")}`;
}

/** Whether its value must not be seen: then a file may hold it, and the environment's name for that file ends in _FILE. */
export function isSecret(name: SettingName): boolean {
  return "secret" in settings[name];
}
export function fileFlagOf(name: SettingName): string {
  return `${flagOf(name)}-file`;
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
  /** The file that held it, where one was named. */
  file?: string;
}

/** Which of the sources decides each setting; a blank value decides nothing. Adds to `mistakes` what the flags got wrong. */
export function resolveSettings(sources: ConfigSources, mistakes: string[]): ResolvedSetting[] {
  const flags = readFlags(sources.flags, mistakes);
  const dotEnv: Record<string, string | undefined> = sources.dotEnv === null ? {} : parseEnv(sources.dotEnv);
  return (Object.keys(settings) as SettingName[]).map((name) => {
    const { env, fallback } = settings[name];
    const given: [ResolvedSetting["origin"], string | undefined, string | undefined][] = [
      ["flag", flags.get(flagOf(name)), flags.get(fileFlagOf(name))],
      ["environment", sources.env[env], sources.env[`${env}_FILE`]],
      [".env", dotEnv[env], dotEnv[`${env}_FILE`]],
    ];
    for (const [origin, text, file] of given) {
      const value = text?.trim() ?? "";
      if (value !== "") return { name, value, origin };
      const path = file?.trim() ?? "";
      if (isSecret(name) && path !== "") return { name, value: readSecret(name, path, mistakes), origin, file: path };
    }
    return { name, value: fallback, origin: "default" };
  });
}

/** The text of a file that holds one secret and nothing else, as Docker and systemd hand them over. */
function readSecret(name: SettingName, path: string, mistakes: string[]): string {
  try {
    const text = readFileSync(path, "utf8").trim();
    if (text === "") mistakes.push(`${settings[name].env}_FILE (${fileFlagOf(name)}): ${path} is empty`);
    return text === "" ? settings[name].fallback : text;
  } catch (cause) {
    mistakes.push(
      `${settings[name].env}_FILE (${fileFlagOf(name)}): ${path} cannot be read: ${(cause as Error).message}`,
    );
    return settings[name].fallback;
  }
}

/** Whether an address stays on this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Whether nobody is let in without a key. */
export function needsKey(config: Config): boolean {
  if (config.insecureNoAuth) return false;
  return config.requireKey === "yes" || !isLoopback(config.host) || config.allowedHosts.length > 0;
}

/** Whether the bundled emulator must answer: nobody said where a model is. */
export function isDemo(config: Config): boolean {
  return config.geminiApiKey === null && config.geminiBaseUrl === settings.geminiBaseUrl.fallback;
}

/** What demo mode says to everybody who asks. */
export const demoHint =
  "No AI is answering: the bundled emulator of the Gemini API is. " +
  "Put GEMINI_API_KEY=<your key> into a file named .env in the folder the server is started from, and start it again.";

/** How many files and sockets the system allows this process, where that can be known; else what is usual. */
export function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
    return Number(line?.[1] ?? 1_024);
  } catch {
    return 10_240; // macOS; Windows has no such limit
  }
}

/** The proxies of the environment, in the names that every program on the machine reads, in small letters first as curl does; null where one is not set. */
export function readProxies(): Record<"http" | "https" | "except", string | null> {
  const read = (name: string) => process.env[name] || process.env[name.toUpperCase()] || null;
  return { http: read("http_proxy"), https: read("https_proxy"), except: read("no_proxy") };
}

function readFlags(words: string[], mistakes: string[]): Map<string, string> {
  const all = Object.keys(settings) as SettingName[];
  const names = new Map(all.map((name) => [flagOf(name), name]));
  for (const name of all) if (isSecret(name)) names.set(fileFlagOf(name), name);
  const found = new Map<string, string>();
  for (let i = 0; i < words.length; i++) {
    const [flag = "", attached] = words[i]!.split(/=(.*)/s, 2);
    const name = names.get(flag);
    if (!name && !flag.startsWith("-")) mistakes.push(`"${flag}" is not expected here; see --help`);
    else if (!name) {
      mistakes.push(`${flag}: there is no such flag; see --help`);
      if (attached === undefined && words[i + 1]?.startsWith("-") === false) i++; // what was meant as its value
    } else if (attached !== undefined) found.set(flag, attached);
    else if (settings[name].read === yesOrNo) found.set(flag, "yes");
    else if (words[i + 1] === undefined) mistakes.push(`${flag}: a value must follow`);
    else found.set(flag, words[++i]!);
  }
  return found;
}

/** Read from the folder the program is started in. */
export const dotEnvFile = ".env";

function readDotEnv(): string | null {
  try {
    return readFileSync(dotEnvFile, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new ConfigError(`.env cannot be read: ${(cause as Error).message}`);
  }
}
