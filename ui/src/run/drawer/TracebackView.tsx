// A failure as a person reads it: what was raised, then where, their own code first and open, libraries folded, and the
// exceptions that led to it below.

import type { JSX } from "preact";

import type { Failure } from "../../data/views";
import { PlainText } from "../../text/PlainText";
import { visible } from "../../text/visible";
import { type Frame, packagesOf, parseTraceback, type Raised, type Stretch, stretchesOf } from "./traceback";
import "./traceback.css";

export function TracebackView({ failure }: { failure: Failure }): JSX.Element {
  const raised = parseTraceback(failure.traceback);
  if (raised === null)
    return (
      <div class="traceback">
        <Title type={failure.type} message={failure.message} />
        {failure.traceback !== "" && (
          <pre class="traceback-plain told" tabIndex={0}>
            {visible(failure.traceback)}
          </pre>
        )}
      </div>
    );
  return (
    <div class="traceback">
      {raised.map((one) => (
        <One raised={one} />
      ))}
    </div>
  );
}

const RELATION = { cause: "Caused by", context: "While handling" } as const;

function One({ raised }: { raised: Raised }): JSX.Element {
  return (
    <section class="traceback-one">
      {raised.link !== null && <p class="traceback-link">{RELATION[raised.link]}</p>}
      <Title type={raised.type} message={raised.message} />
      {stretchesOf(raised.frames).map((stretch) =>
        stretch.isOurs ? stretch.frames.map((frame) => <FrameView frame={frame} />) : <Folded stretch={stretch} />,
      )}
    </section>
  );
}

function Title({ type, message }: { type: string; message: string }): JSX.Element {
  return (
    <p class="traceback-title">
      <strong>
        <PlainText text={type} />
      </strong>
      {message !== "" && (
        <>
          {": "}
          <PlainText text={message} />
        </>
      )}
    </p>
  );
}

function Folded({ stretch }: { stretch: Stretch }): JSX.Element {
  const { frames } = stretch;
  const count = frames.length === 1 ? "1 frame" : `${frames.length} frames`;
  return (
    <details class="traceback-folded">
      <summary>
        {count} in {visible(packagesOf(frames).join(", "))}
      </summary>
      {frames.map((frame) => (
        <FrameView frame={frame} />
      ))}
    </details>
  );
}

function FrameView({ frame }: { frame: Frame }): JSX.Element {
  const { file, line, name, source, repeated, isOurs } = frame;
  return (
    <div class={`traceback-frame ${isOurs ? "is-ours" : ""}`}>
      <p class="traceback-place" title={visible(file)}>
        <PlainText text={name} />{" "}
        <span class="traceback-file">
          <PlainText text={shortened(file)} />:{line}
        </span>
      </p>
      {source.length > 0 && (
        <pre class="traceback-source told" tabIndex={0}>
          {visible(source.join("\n"))}
        </pre>
      )}
      {repeated > 0 && <p class="traceback-repeated">… {repeated.toLocaleString()} times more</p>}
    </div>
  );
}

/** The end of a path, which tells most. */
function shortened(file: string): string {
  const parts = file.split("/");
  return parts.length > 4 ? `…/${parts.slice(-3).join("/")}` : file;
}
