// Parameters or a result as the flow's process wrote them down: an object by its members, anything else as it is.

import type { JSX } from "preact";

import { JsonText } from "./JsonText";
import { membersOf } from "./json_text";
import { PlainText } from "./PlainText";
import "./preview.css";
import { visible } from "./visible";

export function Preview({ text, label }: { text: string; label: string }): JSX.Element {
  const members = membersOf(text);
  if (members === null || members.length === 0 || members.length > 50) return <JsonText text={text} label={label} />;
  return (
    <dl class="preview" aria-label={label}>
      {members.map(([name, json]) => (
        <div key={name}>
          <dt>
            <PlainText text={name} />
          </dt>
          <dd>
            <pre class="told" tabIndex={json.includes("\n") ? 0 : undefined}>
              {visible(json)}
            </pre>
          </dd>
        </div>
      ))}
    </dl>
  );
}
