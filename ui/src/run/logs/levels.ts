// The levels of log lines, as Python's logging counts them.

export interface Level {
  readonly least: number;
  readonly name: string;
}

export const LEVELS: readonly Level[] = [
  { least: 10, name: "DEBUG" },
  { least: 20, name: "INFO" },
  { least: 30, name: "WARNING" },
  { least: 40, name: "ERROR" },
  { least: 50, name: "CRITICAL" },
];

/** What a level is called: that of the highest known one it reaches. */
export function levelName(level: number): string {
  return LEVELS.filter(({ least }) => level >= least).at(-1)?.name ?? "TRACE";
}
