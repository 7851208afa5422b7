import { plural } from '@org/dte-protocol';
import type { Reasons } from './by-rule';

/** Tasks that a line names; more are counted. Not configurable: it is only text of a message. */
const NAMED = 5;

/** `dte: a:deploy and b:deploy run on the main job (runOnMain: deploy)`: one line for each reason. */
export function reasonLines(reasons: Reasons): string[] {
  const tasks = new Map<string, string[]>();
  for (const [id, reason] of reasons) tasks.set(reason, [...(tasks.get(reason) ?? []), id]);
  return [...tasks].map(([reason, ids]) => {
    const more = ids.length > NAMED + 1 ? [plural(ids.length - NAMED, 'more task')] : [];
    const named = [...(more.length > 0 ? ids.slice(0, NAMED) : ids), ...more];
    const last = named.pop() ?? '';
    const list = named.length === 0 ? last : `${named.join(', ')} and ${last}`;
    return `dte: ${list} ${ids.length === 1 ? 'runs' : 'run'} on the main job (${reason})`;
  });
}
