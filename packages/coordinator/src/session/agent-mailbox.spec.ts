import type { AgentSync } from '@org/dte-protocol';
import { AgentMailbox } from './agent-mailbox';

const sync = (seq: number, draining = false): AgentSync => ({
  type: 'agent.sync',
  seq,
  slots: 1,
  draining,
  work: [],
});
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** `draining` means "names an artifact" here. */
describe('AgentMailbox', () => {
  let delivered: (number | string)[];
  let pending: (() => void)[];
  let mailbox: AgentMailbox;

  beforeEach(() => {
    delivered = [];
    pending = [];
    mailbox = new AgentMailbox({
      needsCheck: ({ draining }) => draining,
      check: (each) => new Promise((resolve) => pending.push(() => resolve(each))),
      deliver: ({ seq }) => delivered.push(seq),
      onError: () => delivered.push('error'),
    });
  });

  it('delivers a sync immediately if it needs no check', () => {
    mailbox.sync(sync(1));
    mailbox.last(() => delivered.push('end'));
    expect(delivered).toEqual([1, 'end']);
  });

  it('keeps the order while an earlier sync is being checked', async () => {
    mailbox.sync(sync(1, true));
    mailbox.sync(sync(2));
    mailbox.last(() => delivered.push('end'));
    expect(delivered).toEqual([]);
    pending[0]?.();
    await turn();
    pending[1]?.();
    await turn();
    expect(delivered).toEqual([1, 2, 'end']);
  });

  it('keeps only the newest of several waiting syncs', async () => {
    mailbox.sync(sync(1, true));
    for (const seq of [2, 3, 4]) mailbox.sync(sync(seq, true));
    pending[0]?.();
    await turn();
    pending[1]?.();
    await turn();
    expect(delivered).toEqual([1, 4]);
    expect(pending).toHaveLength(2);
  });
});
