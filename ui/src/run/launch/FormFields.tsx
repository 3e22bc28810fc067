// The fields of a form of parameters.

import type { JSX } from "preact";

import type { Filling } from "./filling";
import { FormField } from "./FormField";

export function FormFields({ filling }: { filling: Filling }): JSX.Element {
  const { fields, texts, errors } = filling;
  return (
    <>
      {fields.map((field) => (
        <FormField
          key={field.name}
          field={field}
          text={texts.value[field.name] ?? ""}
          error={errors.value[field.name] ?? null}
          onText={(text) => filling.write(field.name, text)}
        />
      ))}
    </>
  );
}
