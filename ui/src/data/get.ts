// How the page asks the server: every question and every wish goes through here. In an exported file there is no server: what
// was asked when it was made is in the file, by the same key.

import { exported } from "./exported";
import { keyOf, type Query } from "./key";

/** The server said no; `message` says why. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

/** The server does not answer. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer.");
  }
}

export async function get<Answer>(path: string, query: Query = {}): Promise<Answer> {
  const key = keyOf(path, query);
  if (exported !== null) {
    if (!(key in exported)) throw new Refusal(404, "This is not in the exported file.");
    return exported[key] as Answer;
  }
  return ask<Answer>(key, {});
}

/** Asks for an action. The body is JSON as text: long numbers stay as they were typed. */
export function post<Answer>(path: string, json: string): Promise<Answer> {
  return ask<Answer>(path, { method: "POST", body: json, headers: { "content-type": "application/json" } });
}

async function ask<Answer>(address: string, request: RequestInit): Promise<Answer> {
  const response = await fetch(address, request).catch(() => {
    throw new Unreachable();
  });
  if (response.ok) return (await response.json()) as Answer;
  const problem = (await response.json().catch(() => ({}))) as { title?: string; detail?: string };
  throw new Refusal(response.status, problem.detail ?? problem.title ?? `The server answered ${response.status}.`);
}
