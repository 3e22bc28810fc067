// A text where there is too little room for it. Pure.

/** The text with so many characters at most: its beginning and its end, since names of one task or flow differ at their ends. */
export function cutInside(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = Math.floor((most - 1) / 2);
  return `${text.slice(0, most - 1 - end)}…${text.slice(text.length - end)}`;
}
