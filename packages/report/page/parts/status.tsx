import type { TaskModel } from '../../src/model/model';

/** What a task looks like: one of few kinds, each with a colour, a shape and a word. */
export type Look =
  'ok' | 'failed' | 'cached' | 'flaky' | 'running' | 'waiting' | 'skipped' | 'stopped' | 'lost';

export const WORDS: Readonly<Record<Look, string>> = {
  ok: 'Succeeded',
  failed: 'Failed',
  cached: 'From cache',
  flaky: 'Flaky',
  running: 'Running',
  waiting: 'Waiting',
  skipped: 'Skipped',
  stopped: 'Stopped',
  lost: 'Lost',
};

const SHAPES: Readonly<Record<Look, string>> = {
  ok: 'M4.5 8.3l2.5 2.5 4.5-5',
  failed: 'M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6',
  cached: 'M8.8 3.8L5 8.8h3l-.8 3.4L11 7.2H8z',
  flaky: 'M3.8 9.6c1.4-4.6 2.8-4.6 4.2-1.6s2.8 3 4.2-1.6',
  running: 'M6.5 5l4.5 3-4.5 3z',
  waiting: 'M8 5v3.2l2 1.4',
  skipped: 'M5 8h6',
  stopped: 'M6 6h4v4H6z',
  lost: 'M6.2 6.4a1.9 1.9 0 1 1 2.6 1.8c-.6.3-.8.6-.8 1.2M8 11.3v.1',
};

export function lookOf({ status, from, flaky }: TaskModel): Look {
  switch (status) {
    case 'success':
      return flaky ? 'flaky' : from === null ? 'ok' : 'cached';
    case 'failure':
      return 'failed';
    case 'running':
    case 'waiting':
    case 'skipped':
    case 'stopped':
      return status;
  }
}

export const Icon = ({ look, size = 16 }: { readonly look: Look; readonly size?: number }) => (
  <svg class={`icon ${look}`} width={size} height={size} viewBox="0 0 16 16" aria-hidden="true">
    <circle cx="8" cy="8" r="7.25" />
    <path d={SHAPES[look]} />
  </svg>
);

export const Status = ({ look }: { readonly look: Look }) => (
  <span class={`status ${look}`}>
    <Icon look={look} />
    <span>{WORDS[look]}</span>
  </span>
);
