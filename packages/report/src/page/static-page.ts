import { gzipSync } from 'node:zlib';
import type { SessionModel } from '../model/model';
import { outcomeOf } from '../views/outcome';
import { boundedModel } from './bounded';
import { pack } from './columns';
import { documentOf, policyOf } from './document';
import { prerender } from './prerender';

/**
 * The whole of dte-report.html: one file that asks nobody for anything and needs no server. Its outputs are cut to the last 200
 * lines of each failure and 2 MB together.
 */
export function staticPage(model: SessionModel): string {
  const bounded = boundedModel(model);
  const { kind, sentence } = outcomeOf(bounded);
  return documentOf({
    title: `${sentence} – ${bounded.runs.map(({ command }) => command).join(', ')}`,
    icon: kind === 'ok' ? 'ok' : kind === 'failed' ? 'failed' : 'neutral',
    policy: policyOf(null),
    body: prerender(bounded),
    // Base64, so that no character of it can end the element.
    data: { id: 'dte-data', text: gzipSync(JSON.stringify(pack(bounded))).toString('base64') },
  });
}
