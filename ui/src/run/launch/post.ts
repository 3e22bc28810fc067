// How actions are asked for: with JSON as text, so that long numbers stay as they were typed. A refusal is thrown as an error
// that says why.

export type Post = <Answer>(path: string, json: string) => Promise<Answer>;

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
