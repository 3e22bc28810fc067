// Names with their values, as a list of terms.

import type { ComponentChildren, JSX } from "preact";

import "./facts.css";

export type Fact = readonly [name: string, value: ComponentChildren];

/** What there is to tell: facts without a value are left out. */
export function Facts({ facts }: { facts: readonly Fact[] }): JSX.Element | null {
  const told = withValues(facts);
  if (told.length === 0) return null;
  return (
    <dl class="facts">
      {told.map(([name, value]) => (
        <div class="fact" key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What is not known is `null`, or `false` where a condition left it out. */
export function withValues(facts: readonly Fact[]): Fact[] {
  return facts.filter(([, value]) => value !== null && value !== undefined && value !== false && value !== "");
}
