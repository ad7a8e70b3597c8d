// Postgres: to be.
import { AppError } from "../errors.ts";
import type { Engine } from "./engine.ts";
export interface PostgresOptions {
  poolSize?: number | undefined;
}
export async function openPostgres(_url: string, _options: PostgresOptions): Promise<Engine> {
  throw new AppError("storage_unavailable", "Postgres is not supported yet.");
}
