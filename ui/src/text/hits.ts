// Where what a person looks for stands in a text, in any case: as pieces that are a hit or not.

export interface Stretch {
  readonly text: string;
  readonly isHit: boolean;
}

export function stretchesOf(text: string, wanted: string): Stretch[] {
  const low = wanted.toLowerCase();
  const lowText = text.toLowerCase();
  // A few letters change their length in lower case: places would be off.
  if (low === "" || lowText.length !== text.length) return [{ text, isHit: false }];
  const stretches: Stretch[] = [];
  let from = 0;
  for (let at = lowText.indexOf(low); at !== -1; at = lowText.indexOf(low, from)) {
    if (at > from) stretches.push({ text: text.slice(from, at), isHit: false });
    from = at + low.length;
    stretches.push({ text: text.slice(at, from), isHit: true });
  }
  if (from < text.length) stretches.push({ text: text.slice(from), isHit: false });
  return stretches;
}
