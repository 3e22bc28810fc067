// The log as a text file: all lines that are looked for, from the first to the last.

import { stripAnsi } from "../../text/ansi";
import { levelName } from "./levels";
import type { LogBook, LogLine } from "./log_book";

export async function saveLog(book: LogBook, name: string): Promise<void> {
  const parts: string[] = [];
  for await (const lines of book.all()) parts.push(lines.map(textOf).join(""));
  const address = URL.createObjectURL(new Blob(parts, { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${name.replace(/[^\w.-]+/g, "_")}.log`;
  link.click();
  URL.revokeObjectURL(address);
}

/** `2026-01-31T12:00:00.000Z INFO     [load-3] message` */
export function textOf({ at_us, level, task_run_name, message }: LogLine): string {
  const time = new Date(at_us / 1000).toISOString();
  const run = task_run_name === null ? "" : `[${task_run_name}] `;
  return `${time} ${levelName(level).padEnd(8)} ${run}${stripAnsi(message)}\n`;
}
