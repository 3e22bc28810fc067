// The answers that an exported file carries; null on a server's page.

export const exported = read();
export const isExported = exported !== null;

function read(): Record<string, unknown> | null {
  const element = document.getElementById("headrace-export");
  return element === null ? null : (JSON.parse(element.textContent ?? "{}") as Record<string, unknown>);
}
