import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nearest } from './nearest';
import { readNxJsonOptions } from './nx-json';
import { sessionIdOf } from './session-id';

describe('sessionIdOf', () => {
  it('is the configured id, whatever CI provides', () => {
    expect(sessionIdOf({ session: 'mine' }, { projectId: null, pipelineId: '9' })).toBe('mine');
  });

  it('is project and pipeline on GitLab', () => {
    expect(sessionIdOf({}, { projectId: '7', pipelineId: '1001' })).toBe('7-1001');
  });

  it('separates environments of one pipeline', () => {
    expect(sessionIdOf({ environment: 'linux' }, { projectId: '7', pipelineId: '1001' })).toBe(
      '7-1001-linux',
    );
  });

  it('is local outside CI', () => {
    expect(sessionIdOf({}, null)).toBe('local');
  });

  it('rejects parts that give no valid id', () => {
    expect(() => sessionIdOf({}, { projectId: null, pipelineId: 'a/b' })).toThrow(/set DTE_SESSION_ID/);
  });
});

describe('nearest', () => {
  it.each([
    ['DTE_SLOT', 'DTE_SLOTS'],
    ['dte_host', 'DTE_HOST'],
    ['SOMETHING_ELSE_ALTOGETHER', null],
  ])('of %s is %s', (name, expected) => {
    expect(nearest(name, ['DTE_SLOTS', 'DTE_HOST', 'DTE_PORT'])).toBe(expected);
  });
});

describe('readNxJsonOptions', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'dte-nx-json-'))));
  afterEach(() => rmSync(root, { recursive: true }));
  const write = (text: string): void => writeFileSync(join(root, 'nx.json'), text);

  it('reads the options of the default runner', () => {
    write('{"tasksRunnerOptions":{"default":{"runner":"@org/dte","options":{"rendezvousDir":"x"}}}}');
    expect(readNxJsonOptions(root)).toEqual({ rendezvousDir: 'x' });
  });

  it('is empty if there is no nx.json, or it has no such options', () => {
    expect(readNxJsonOptions(root)).toEqual({});
    write('{}');
    expect(readNxJsonOptions(root)).toEqual({});
  });

  it('accepts comments and trailing commas, and leaves strings alone', () => {
    write(`{ // why
      "tasksRunnerOptions": { "default": { "options": { "coordinatorUrl": "http://h:1//a,}", /* x */ "host": "h", }, }, },
    }`);
    expect(readNxJsonOptions(root)).toEqual({ coordinatorUrl: 'http://h:1//a,}', host: 'h' });
  });

  it('names the file if it is invalid', () => {
    write('{');
    expect(() => readNxJsonOptions(root)).toThrow(/nx\.json is not valid/);
  });
});
