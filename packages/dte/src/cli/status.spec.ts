import { sessionStatusSchema, statusJsonSchema, type SessionStatus } from '@org/dte-protocol';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderStatus } from './status';

const PAGE = join(__dirname, '..', '..', '..', '..', 'docs', 'reference', 'commands.md');

describe('the documented status of a session', () => {
  const [, json = ''] = /```json\n(\{\n {2}"sessionId"[\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8')) ?? [];
  const read = (): SessionStatus => sessionStatusSchema.parse(JSON.parse(json));

  it('is one that a coordinator may send, and has every part of it', () => {
    const { properties } = statusJsonSchema() as { properties: object };
    expect(Object.keys(read())).toEqual(Object.keys(properties));
  });

  it('is the one that people see as tables', () => {
    const text = renderStatus(read());
    expect(text).toMatch(/nx-agent 1\/3 +linux +\S*connected/);
    expect(text).toContain('left early: nothing is left that they could do');
    expect(text).toContain('nx affected -t lint,test,build,e2e-ci');
    expect(text).toContain('app:e2e-ci--src/cart.cy.ts');
  });
});
