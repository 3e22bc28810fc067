// The one way to write a question to the server: the answers in an exported file are found by it.

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;

/** The path and its query: names in order, without what is empty. A list gives its name once for each item. */
export function keyOf(path: string, query: Query): string {
  const parameters = new URLSearchParams();
  for (const name of Object.keys(query).sort()) {
    const value = query[name];
    if (value === null || value === undefined || value === "") continue;
    for (const item of Array.isArray(value) ? value : [value]) parameters.append(name, String(item));
  }
  return parameters.size === 0 ? path : `${path}?${parameters}`;
}
