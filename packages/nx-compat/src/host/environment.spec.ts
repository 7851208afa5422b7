import { HostEnvironment } from './environment';

const before = process.env;
beforeEach(() => {
  process.env = { KEPT: 'job', REPLACED: 'job' };
});
afterEach(() => {
  process.env = before;
});

it('gives each command its own values, and none that another command or the host itself has set', () => {
  const environment = new HostEnvironment();
  process.env['OF_HOST'] = 'host';
  environment.settle();
  const base = { KEPT: 'job', REPLACED: 'job', OF_HOST: 'host' };
  expect(environment.enter({})).toBe(false);
  expect(environment.enter({ REPLACED: 'run', ADDED: 'run', KEPT: undefined })).toBe(true);
  expect(process.env).toEqual({ REPLACED: 'run', ADDED: 'run', OF_HOST: 'host' });
  expect(environment.enter({ REPLACED: 'run', ADDED: 'run', KEPT: undefined })).toBe(false);
  expect(environment.enter({ ADDED: 'other' })).toBe(true);
  expect(process.env).toEqual({ ...base, ADDED: 'other' });
  environment.restore();
  expect(process.env).toEqual({ KEPT: 'job', REPLACED: 'job' });
});

it('removes what a task has set in the process, within the same command too', () => {
  const environment = new HostEnvironment();
  environment.settle();
  environment.enter({ ADDED: 'run' });
  Object.assign(process.env, { LEFT: 'by a task', KEPT: 'changed by it' });
  Reflect.deleteProperty(process.env, 'ADDED');
  expect(environment.enter({ ADDED: 'run' })).toBe(true);
  expect(process.env).toEqual({ KEPT: 'job', REPLACED: 'job', ADDED: 'run' });
});
