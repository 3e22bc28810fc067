// One parameter of a flow in a form, as its kind asks for.

import type { JSX } from "preact";

import type { Field } from "../../data/views";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import { choiceLabel } from "./form_values";

interface FormFieldProps {
  field: Field;
  text: string;
  error: string | null;
  onText: (text: string) => void;
}

export function FormField({ field, text, error, onText }: FormFieldProps): JSX.Element {
  const id = `parameter-${field.name}`;
  const hints = [hintOf(field), error].some((hint) => hint !== null) ? `${id}-hint` : undefined;
  return (
    <div class="form-field">
      <label for={id}>
        <PlainText text={field.name} />
        {field.annotation !== null && (
          <code class="form-annotation">
            <PlainText text={field.annotation} />
          </code>
        )}
        {field.is_required && <span class="form-required">required</span>}
      </label>
      <Input field={field} text={text} onText={onText} attributes={{ id, "aria-invalid": error !== null, "aria-describedby": hints }} />
      <p id={`${id}-hint`} class={error === null ? "form-hint" : "form-error"} role={error === null ? undefined : "alert"}>
        {error ?? hintOf(field)}
      </p>
    </div>
  );
}

interface InputProps {
  field: Field;
  text: string;
  onText: (text: string) => void;
  attributes: { id: string; "aria-invalid": boolean; "aria-describedby": string | undefined };
}

function Input({ field, text, onText, attributes }: InputProps): JSX.Element {
  const choices = field.kind === "boolean" ? ["true", "false"] : field.kind === "choice" ? (field.choices ?? []) : null;
  if (choices !== null)
    return (
      <select {...attributes} value={text} onChange={(event) => onText(event.currentTarget.value)}>
        {(!field.is_required || text === "") && <option value="">{field.is_required ? "choose" : "default"}</option>}
        {choices.map((choice) => (
          <option value={choice}>{visible(choiceLabel(choice))}</option>
        ))}
      </select>
    );
  if (field.kind === "json" || text.includes("\n"))
    return (
      <textarea
        {...attributes}
        rows={Math.min(10, Math.max(2, text.split("\n").length))}
        spellcheck={false}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    );
  const common = {
    ...attributes,
    spellcheck: false,
    value: text,
    onInput: (event: { currentTarget: HTMLInputElement }) => onText(event.currentTarget.value),
  };
  if (field.kind === "secret") return <input {...common} type="password" autocomplete="new-password" />;
  return <input {...common} type="text" inputMode={KEYS[field.kind] ?? "text"} autocomplete="off" />;
}

/** Which keys a telephone offers. */
const KEYS: Partial<Record<Field["kind"], "numeric" | "decimal">> = { integer: "numeric", number: "decimal" };

function hintOf({ kind, shown, value, default: preset }: Field): string | null {
  if (kind === "secret") return "The history does not keep secrets: give it again.";
  if (shown !== null && value === null) return `Was ${visible(shown)}, which the history does not tell wholly.`;
  return preset === null ? null : `Left out, it is ${visible(preset)}.`;
}
