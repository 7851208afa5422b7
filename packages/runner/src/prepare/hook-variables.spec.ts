import { hookVariables } from './hook-variables';

const ROOT = '/builds/group/project';

it('sends what hooks have set or removed, in addition to what forwardEnv names', () => {
  const changed = { FROM_HOOK: 'v1', GONE: undefined, TOKEN: 'set by a hook' };
  expect(hookVariables(['TOKEN'], changed, ROOT)).toEqual({
    names: ['TOKEN', 'FROM_HOOK', 'GONE'],
    note: null,
  });
});

it('keeps variables of this machine here, reports their names, and sends them if forwardEnv names them', () => {
  const changed = { PATH: '/tools:/bin', CONFIG: `${ROOT}/tmp/config.json`, FROM_HOOK: 'v1' };
  const { names, note } = hookVariables([], changed, ROOT);
  expect(names).toEqual(['FROM_HOOK']);
  expect(note).toMatch(/^dte: PATH, CONFIG: set in this job by a plugin hook .* do not get them/);
  expect(note).not.toContain('/tools');
  const named = hookVariables(['PATH'], changed, ROOT);
  expect(named.names).toEqual(['PATH', 'FROM_HOOK']);
  expect(named.note).toMatch(/^dte: CONFIG: .* do not get it/);
});

it('lists those that do not fit in a run', () => {
  const changed = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`V${String(index)}`, 'v']));
  const { names, note } = hookVariables(['OWN'], changed, ROOT);
  expect(names).toHaveLength(200);
  expect(note?.split(':')[1]?.split(', ')).toHaveLength(51);
});

it('adds nothing if it is unknown what hooks have done', () => {
  expect(hookVariables(['OWN'], null, ROOT)).toEqual({ names: ['OWN'], note: null });
});
