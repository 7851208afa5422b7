import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { withQuery } from '../core/live';
import { addresses, connection, type Row } from '../core/state';
import { Output } from '../parts/ansi';

/** Characters that are kept: what is read is the end. */
const KEPT_CHARS = 65_536;
/** Between two renderings, in ms: each parses everything that is kept. */
const RENDER_MS = 200;
/** Whoever is not further from the end than this, in pixels, is reading the end. */
const AT_END_PX = 24;

/** Follows the output of a task from now on, and again when the server has come back. */
function useOutput(row: Row) {
  const text = useSignal('');
  const lost = useSignal(false);
  const isConnected = connection.value === 'connected';
  useEffect(() => {
    const abort = new AbortController();
    const url = addresses.value?.outputUrl;
    if (url === undefined || !isConnected) return;
    let kept = '';
    let timer: number | null = null;
    const render = (): void => {
      timer = null;
      text.value = kept;
    };
    const read = async (): Promise<void> => {
      const query = { task: row.task.id, run: row.run.runId };
      const response = await fetch(withQuery(url, query), {
        signal: abort.signal,
        credentials: 'same-origin',
      });
      if (!response.ok || response.body === null) throw new Error(`${response.status}`);
      lost.value = false;
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        kept = (kept + chunk).slice(-KEPT_CHARS);
        timer ??= window.setTimeout(render, RENDER_MS);
      }
    };
    read().catch(() => {
      if (!abort.signal.aborted) lost.value = true;
    });
    return () => {
      abort.abort();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [row.key, isConnected]);
  return { text: text.value, lost: lost.value };
}

/** What a running task writes, while it writes it. */
export function LiveOutput({ row }: { readonly row: Row }) {
  const { text, lost } = useOutput(row);
  const section = useRef<HTMLElement>(null);
  const readsEnd = useRef(true);
  useLayoutEffect(() => {
    const output = section.current?.querySelector('.output') ?? null;
    if (output !== null && readsEnd.current) output.scrollTop = output.scrollHeight;
  }, [text]);
  return (
    <section
      ref={section}
      onScrollCapture={({ target }) => {
        if (!(target instanceof HTMLElement)) return;
        readsEnd.current = target.scrollHeight - target.scrollTop - target.clientHeight <= AT_END_PX;
      }}
    >
      <h3>Output</h3>
      <Output text={text} label={`Output of ${row.task.id}`} />
      {lost && <p class="quiet">The output cannot be followed any more.</p>}
    </section>
  );
}
