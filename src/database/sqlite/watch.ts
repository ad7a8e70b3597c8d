// Whether the files that are open are still the whole files that the database's name leads to.

import { type BigIntStats, closeSync, openSync, read, readSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";

/** The database, its log, the log's index and the lock, by what their names end with. */
const fileEnds = ["", "-wal", "-shm", ".lock"] as const;
export type FileEnd = (typeof fileEnds)[number];

export interface Loss {
  end: FileEnd;
  /** `shorter`: the file has less in it than was stored there. `overwritten`: another program has written into it. */
  how: "missing" | "replaced" | "shorter" | "overwritten";
}

/** What the log's index says, at once for all who have the database open (sqlite.org/walformat.html 2.1, read 2026-11-27). */
interface LogIndex {
  pageSize: number;
  /** Frames in the log, and of them already in the database file. */
  frames: number;
  copied: number;
  /** Frames that checkpoints of this log have copied, or begun to copy (`nBackfillAttempted`): no other can be in the database file. */
  attempted: number;
  /** Pages of the whole database. */
  pages: number;
  /** What every frame of this log has in its head. */
  salt: Buffer;
}

const indexBytes = 136;
const logHeaderBytes = 32;
const frameHeaderBytes = 24;

/** Nothing here waits for the disk on the event loop. To be closed after the database: closing any file of it ends SQLite's own locks. */
export class FileWatch {
  readonly log: number;
  private readonly file: string;
  private readonly index: number;
  private readonly database: number;
  /** The first page of the file, as it was when the file had been written last. */
  private first: { mtimeNs: bigint; salt: Buffer; page: Buffer };
  private readonly seen: BigIntStats[];
  private databaseBytes: number;
  private holesTell = true;

  /** All four are there from the database's first statement until its last connection is closed. */
  constructor(file: string) {
    this.file = file;
    this.seen = fileEnds.map((end) => statSync(file + end, { bigint: true }));
    this.databaseBytes = Number(this.seen[0]!.size);
    this.log = openSync(`${file}-wal`, "r+");
    this.index = openSync(`${file}-shm`, "r");
    this.database = openSync(file, "r");
    const { salt, pageSize } = parseIndex(readBytesSync(this.index, indexBytes));
    this.first = { mtimeNs: this.seen[0]!.mtimeNs, salt, page: readBytesSync(this.database, pageSize) };
  }

  /** What is lost; empty when all is well. Others may write, and copy the log into the database, meanwhile. */
  async look(): Promise<Loss[]> {
    while (true) {
      const index = await this.readIndex(); // before the sizes: what it counts is in the files already
      const found = await Promise.all(fileEnds.map((end) => findFile(this.file + end)));
      const losses = fileEnds.flatMap((end, n): Loss[] => {
        const how = this.compare(n, found[n]);
        return how ? [{ end, how }] : [];
      });
      const [database, log] = found;
      if (losses.length > 0 || typeof database !== "object" || typeof log !== "object") return losses;
      const short = await this.findShort(index, Number(database.size), log);
      const foreign = short === undefined && (await this.isOverwritten(index, database));
      if (short === undefined && !foreign) {
        this.databaseBytes = Number(database.size);
        return [];
      }
      if (!isSame(index, await this.readIndex())) continue;
      return [short === undefined ? { end: "", how: "overwritten" } : { end: short, how: "shorter" }];
    }
  }

  /** Whether the file that has the name now is the one that was opened. */
  async isOurs(end: FileEnd): Promise<boolean> {
    const n = fileEnds.indexOf(end);
    const found = await findFile(this.file + end);
    return typeof found === "object" && this.compare(n, found) === undefined;
  }

  /** The file that has the name now is ours from now on. */
  adopt(end: FileEnd): void {
    this.seen[fileEnds.indexOf(end)] = statSync(this.file + end, { bigint: true });
  }

  close(): void {
    closeSync(this.log);
    closeSync(this.index);
    closeSync(this.database);
  }

  private compare(n: number, found: Found | undefined): "missing" | "replaced" | undefined {
    if (found === "missing") return found;
    if (found === undefined || found === "unknown") return undefined;
    const { dev, ino } = this.seen[n]!;
    return found.dev === dev && found.ino === ino ? undefined : "replaced";
  }

  private async findShort(index: LogIndex, databaseBytes: number, log: BigIntStats): Promise<FileEnd | undefined> {
    if (await this.isLogShort(index, log)) return "-wal";
    return (await this.isDatabaseShort(index, databaseBytes)) ? "" : undefined;
  }

  /** Frames that are in the database too are not needed any more: others may have taken them away. */
  private async isLogShort(
    { frames, copied, pageSize, salt }: LogIndex,
    { size, blocks }: BigIntStats,
  ): Promise<boolean> {
    if (frames <= copied) return false;
    if (size < logHeaderBytes + frames * (frameHeaderBytes + pageSize)) return true;
    // What was cut off and then written on has a hole in it; so may have a file on a disk that compresses.
    if (!this.holesTell || blocks * 512n >= size) return false;
    for (let frame = 0; frame < frames; frame++)
      if (!(await this.readFrameHead(frame, pageSize)).subarray(8, 16).equals(salt)) return true;
    this.holesTell = false;
    return false;
  }

  /** What the file has not, the log must have: a VACUUM makes the file shorter too. */
  private async isDatabaseShort({ frames, copied, pages, pageSize }: LogIndex, bytes: number): Promise<boolean> {
    if (bytes === 0) return true;
    if (pages === 0) return bytes < this.databaseBytes; // nothing was written since the log was begun
    if (bytes >= pages * pageSize) return false;
    if (frames === copied) return true;
    if (bytes >= this.databaseBytes) return false; // the file grows with the next checkpoint
    const inLog = new Set<number>();
    for (let frame = 0; frame < frames; frame++) inLog.add((await this.readFrameHead(frame, pageSize)).readUInt32BE());
    for (let page = Math.floor(bytes / pageSize) + 1; page <= pages; page++) if (!inLog.has(page)) return true;
    return false;
  }

  /** Only checkpoints write into the file: while the log is the same, its first page is what it was, or a page that was copied from the log. */
  private async isOverwritten({ attempted, pageSize, salt }: LogIndex, { mtimeNs }: BigIntStats): Promise<boolean> {
    if (this.first.mtimeNs === mtimeNs) return false;
    const page = await readBytes(this.database, pageSize, 0);
    if (this.first.salt.equals(salt) && !this.first.page.equals(page) && !(await this.isInLog(page, attempted)))
      return true;
    this.first = { mtimeNs, salt, page };
    return false;
  }

  /** The newest first: the file has that one. */
  private async isInLog(page: Buffer, frames: number): Promise<boolean> {
    for (let frame = frames - 1; frame >= 0; frame--) {
      if ((await this.readFrameHead(frame, page.length)).readUInt32BE() !== 1) continue;
      const at = logHeaderBytes + frame * (frameHeaderBytes + page.length) + frameHeaderBytes;
      if ((await readBytes(this.log, page.length, at)).equals(page)) return true;
    }
    return false;
  }

  private readFrameHead(frame: number, pageSize: number): Promise<Buffer> {
    return readBytes(this.log, 16, logHeaderBytes + frame * (frameHeaderBytes + pageSize));
  }

  private async readIndex(): Promise<LogIndex> {
    return parseIndex(await readBytes(this.index, indexBytes, 0));
  }
}

function parseIndex(bytes: Buffer): LogIndex {
  const size = bytes.readUInt16LE(14);
  return {
    pageSize: size === 1 ? 65_536 : size,
    frames: bytes.readUInt32LE(16),
    pages: bytes.readUInt32LE(20),
    copied: bytes.readUInt32LE(96),
    attempted: bytes.readUInt32LE(128),
    salt: bytes.subarray(32, 40),
  };
}

function isSame(one: LogIndex, other: LogIndex): boolean {
  return (
    one.salt.equals(other.salt) &&
    one.frames === other.frames &&
    one.copied === other.copied &&
    one.attempted === other.attempted &&
    one.pages === other.pages
  );
}

type Found = BigIntStats | "missing" | "unknown";

/** `unknown`: a folder that may not be looked into, say; that is no loss. */
async function findFile(path: string): Promise<Found> {
  try {
    return await stat(path, { bigint: true });
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    return code === "ENOENT" || code === "ENOTDIR" || code === "ESTALE" ? "missing" : "unknown";
  }
}

/** What is missing at the file's end reads as zeros. */
function readBytes(handle: number, length: number, at: number): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    read(handle, Buffer.alloc(length), 0, length, at, (failure, _count, bytes) =>
      failure ? reject(failure) : resolve(bytes),
    ),
  );
}

function readBytesSync(handle: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(handle, bytes, 0, length, 0);
  return bytes;
}
