// A form of parameters while a person fills it in: what stands in its fields, and what is wrong with that.

import { signal } from "@preact/signals";

import type { Field } from "../../data/views";
import { readForm, textAtFirst } from "./form_values";

export class Filling {
  readonly texts = signal<Readonly<Record<string, string>>>({});
  readonly errors = signal<Readonly<Record<string, string>>>({});

  constructor(readonly fields: readonly Field[]) {
    this.texts.value = Object.fromEntries(fields.map((field) => [field.name, textAtFirst(field)]));
  }

  write(name: string, text: string): void {
    this.texts.value = { ...this.texts.peek(), [name]: text };
  }

  /** The parameters as a JSON object; null if something is wrong, which the form then says. */
  read(): string | null {
    const reading = readForm(this.fields, this.texts.peek());
    this.errors.value = "errors" in reading ? reading.errors : {};
    return "errors" in reading ? null : reading.json;
  }
}
