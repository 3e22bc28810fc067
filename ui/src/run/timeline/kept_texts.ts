// Texts that are written in frame after frame, made once: a frame makes no garbage. They go with what they belong to.

export class KeptTexts<Owner extends object> {
  private readonly kept = new WeakMap<Owner, Map<number, string>>();

  /** The text of a number that belongs to the owner; made the first time that it is asked for. */
  of(owner: Owner, number: number, make: () => string): string {
    const texts = this.textsOf(owner);
    const known = texts.get(number);
    if (known !== undefined) return known;
    const text = make();
    texts.set(number, text);
    return text;
  }

  private textsOf(owner: Owner): Map<number, string> {
    const known = this.kept.get(owner);
    if (known !== undefined) return known;
    const texts = new Map<number, string>();
    this.kept.set(owner, texts);
    return texts;
  }
}
