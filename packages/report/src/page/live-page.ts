import { documentOf, policyOf } from './document';

/** Where the page finds what it shows; relative addresses are relative to the page. */
export interface LiveAddresses {
  /** Answers `{ seq, model }`. */
  readonly modelUrl: string;
  /** With `after=<seq>`: server-sent events, each with the id `<seq>` and a JSON array of report events. */
  readonly eventsUrl: string;
  /** With `task=<id>&run=<runId>`: the output of a running task as text, while it is written. */
  readonly outputUrl: string;
}

/** The policy of a live page, also as the header `Content-Security-Policy`: it may ask the server that it came from. */
export const livePagePolicy = (): string => policyOf("'self'");

/** The page that shows a session while it runs. The same for all: what it shows, it asks for. */
export function livePage({ modelUrl, eventsUrl, outputUrl }: LiveAddresses): string {
  return documentOf({
    title: 'dte',
    icon: 'neutral',
    policy: livePagePolicy(),
    body: '<div class="page"><p class="panel">Loading …</p><noscript><p class="panel">The live page needs JavaScript, which is off here.</p></noscript></div>',
    data: {
      id: 'dte-live',
      text: JSON.stringify({ modelUrl, eventsUrl, outputUrl }).replace(/</g, '\\u003c'),
    },
  });
}
