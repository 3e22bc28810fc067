// What a paused run asks a person, with a form for each answer.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import type { Question } from "../../data/views";
import { messageOf } from "../../run/launch/post";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import { askedBy, readAnswer } from "./answers";
import type { RunHeaderProps } from "./RunHeader";

export function Questions({ run, post, notify }: Pick<RunHeaderProps, "run" | "post" | "notify">): JSX.Element {
  return (
    <section class="run-questions" aria-label="Questions">
      {run.questions.map((question) => (
        <QuestionForm
          key={`${question.prompt}/${question.occurrence}`}
          question={question}
          answer={async (json) => {
            const { prompt, occurrence } = question;
            const place = `"prompt":${JSON.stringify(prompt)},"occurrence":${occurrence}`;
            await post(`/api/runs/${run.id}/answer`, `{${place},"value":${json}}`);
            notify("The answer is recorded.");
          }}
        />
      ))}
    </section>
  );
}

function QuestionForm({ question, answer }: { question: Question; answer: (json: string) => Promise<void> }): JSX.Element {
  const asked = askedBy(question.question);
  const text = useSignal("");
  const error = useSignal<string | null>(null);
  const isSending = useSignal(false);
  const send = async (json: string): Promise<void> => {
    isSending.value = true;
    try {
      await answer(json);
      error.value = null;
    } catch (reason) {
      error.value = messageOf(reason);
    } finally {
      isSending.value = false;
    }
  };
  return (
    <form
      class="run-question"
      onSubmit={(event) => {
        event.preventDefault();
        const reading = readAnswer(asked, text.value);
        if ("error" in reading) error.value = reading.error;
        else void send(reading.json);
      }}
    >
      <p>
        <PlainText text={question.prompt} />
      </p>
      {asked.choices !== null ? (
        asked.choices.map(({ label, json }) => (
          <button type="button" class="button" disabled={isSending.value} onClick={() => void send(json)}>
            {visible(label)}
          </button>
        ))
      ) : (
        <>
          <input
            aria-label="Answer"
            aria-invalid={error.value !== null}
            placeholder={asked.hint}
            value={text.value}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
          <button type="submit" class="button is-primary" disabled={isSending.value}>
            Answer
          </button>
        </>
      )}
      {error.value !== null && (
        <p class="form-error" role="alert">
          {visible(error.value)}
        </p>
      )}
    </form>
  );
}
