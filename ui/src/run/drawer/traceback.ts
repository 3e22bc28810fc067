// A traceback as Python prints it, read into exceptions and frames, so that a person sees their own code first. What cannot be
// read so (groups of exceptions, other notations) is given as null and shown as it is.

export interface Frame {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** The line of the source, and what Python underlined in it; a recursion's frame says how often it was left out. */
  readonly source: readonly string[];
  readonly isOurs: boolean;
  readonly repeated: number;
}

/** How an exception came to the one before it in the list. */
export type Link = "cause" | "context";

export interface Raised {
  readonly type: string;
  readonly message: string;
  readonly frames: readonly Frame[];
  /** What this exception is to the one that came after it: it caused that one, or was being handled. */
  readonly link: Link | null;
}

const HEAD = "Traceback (most recent call last):";
const CAUSE = "The above exception was the direct cause of the following exception:";
const CONTEXT = "During handling of the above exception, another exception occurred:";
const FRAME = /^ {2}File "(.*)", line (\d+), in (.*)$/;
const REPEATED = /^ {2}\[Previous line repeated (\d+) more times?\]$/;
const ENDING = /^([A-Za-z_][\w.]*)(?:: ?([\s\S]*))?$/;
const LIBRARY = /[\\/](?:site-packages|dist-packages)[\\/]|[\\/]lib[\\/]python\d|^<frozen |[\\/]headrace[\\/](?!.*tests?[\\/])/;

/** The exceptions of a traceback, the one that was raised last first; null if it cannot be read. */
export function parseTraceback(text: string): Raised[] | null {
  const raised: Raised[] = [];
  let rest = text.split("\n");
  for (let link: Link | null = null; ; ) {
    const end = rest.findIndex((line) => line === CAUSE || line === CONTEXT);
    const one = parseOne(end === -1 ? rest : rest.slice(0, end));
    if (one === null) return null;
    link = end === -1 ? null : rest[end] === CAUSE ? "cause" : "context";
    raised.unshift({ ...one, link });
    if (end === -1) return raised;
    rest = rest.slice(end + 1);
  }
}

const MEMBER = /^ *\+[-+]+ (\d+) -+$/;

/** What was raised first in the innermost first member of a group of exceptions; null for what is no group. */
export function firstOfGroup(text: string): Omit<Raised, "link"> | null {
  const lines = text.split("\n");
  const marks = lines.flatMap((line, at) => (MEMBER.test(line) ? [at] : []));
  const isFirst = (at: number | undefined): boolean => at !== undefined && MEMBER.exec(lines[at]!)![1] === "1";
  if (!isFirst(marks[0])) return null;
  const from = marks.find((_, at) => !isFirst(marks[at + 1]) || hasEnded(lines.slice(marks[at]! + 1, marks[at + 1])))!;
  const within = lines.slice(from + 1);
  const end = within.findIndex((line) => /^ *\+-/.test(line));
  const member = (end === -1 ? within : within.slice(0, end)).map((line) => line.replace(/^ *\| ?/, ""));
  return parseTraceback(member.join("\n"))?.at(-1) ?? ended(member, []);
}

/** Whether a group closes among these lines. */
function hasEnded(lines: readonly string[]): boolean {
  return lines.some((line) => /^ *\+-+$/.test(line));
}

function parseOne(lines: readonly string[]): Omit<Raised, "link"> | null {
  const head = lines.indexOf(HEAD);
  if (head === -1) return null;
  const frames: Frame[] = [];
  let at = head + 1;
  while (at < lines.length) {
    const match = FRAME.exec(lines[at]!);
    if (match === null) break;
    at++;
    const source: string[] = [];
    for (; lines[at]?.startsWith("    "); at++) source.push(lines[at]!.slice(4));
    const repeated = Number(REPEATED.exec(lines[at] ?? "")?.[1] ?? 0);
    if (repeated > 0) at++;
    frames.push({ file: match[1]!, line: Number(match[2]), name: match[3]!, source, isOurs: !LIBRARY.test(match[1]!), repeated });
  }
  return ended(lines.slice(at), frames);
}

/** The last lines say what was raised. A syntax error shows its place before that, which goes to its message. */
function ended(lines: readonly string[], frames: readonly Frame[]): Omit<Raised, "link"> | null {
  const from = lines.findIndex((line) => line !== "" && !line.startsWith(" "));
  if (from === -1) return null;
  const match = ENDING.exec(lines.slice(from).join("\n").trimEnd());
  if (match === null) return null;
  const place = lines.slice(0, from).join("\n");
  const message = match[2] ?? "";
  return { type: match[1]!, message: place === "" ? message : `${message}\n${place}`, frames };
}

/** Frames that follow each other and are all a person's own, or all of libraries. */
export interface Stretch {
  readonly isOurs: boolean;
  readonly frames: readonly Frame[];
}

export function stretchesOf(frames: readonly Frame[]): Stretch[] {
  const stretches: { isOurs: boolean; frames: Frame[] }[] = [];
  for (const frame of frames) {
    const last = stretches[stretches.length - 1];
    if (last?.isOurs === frame.isOurs) last.frames.push(frame);
    else stretches.push({ isOurs: frame.isOurs, frames: [frame] });
  }
  return stretches;
}

/** Whose code a library's frames are: the names of the packages, as far as paths tell. */
export function packagesOf(frames: readonly Frame[]): string[] {
  const names = frames.map(({ file }) => /[\\/](?:site|dist)-packages[\\/]([^\\/]+)/.exec(file)?.[1]?.replace(/\.py$/, "") ?? "Python");
  return [...new Set(names)];
}
