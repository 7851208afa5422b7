import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { withQuery } from '../core/live';
import { addresses, type Row } from '../core/state';
import { Output } from '../parts/ansi';

/** Characters that are kept: what is read is the end. */
const KEPT_CHARS = 65_536;

/** What a running task writes, while it writes it. */
export function LiveOutput({ row }: { readonly row: Row }) {
  const text = useSignal('');
  const lost = useSignal(false);
  useEffect(() => {
    const abort = new AbortController();
    const url = addresses.value?.outputUrl;
    if (url === undefined) return;
    const read = async (): Promise<void> => {
      const query = { task: row.task.id, run: row.run.runId };
      const response = await fetch(withQuery(url, query), {
        signal: abort.signal,
        credentials: 'same-origin',
      });
      if (!response.ok || response.body === null) throw new Error(`${response.status}`);
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream()))
        text.value = (text.value + chunk).slice(-KEPT_CHARS);
    };
    read().catch(() => {
      if (!abort.signal.aborted) lost.value = true;
    });
    return () => abort.abort();
  }, [row.key]);
  return (
    <section>
      <h3>Output</h3>
      <Output text={text.value} label={`Output of ${row.task.id}`} />
      {lost.value && <p class="quiet">The output cannot be followed any more.</p>}
    </section>
  );
}
