import { distributedNxJson, plainNxJson } from './nx-json';

const json = (text: string): unknown => JSON.parse(text);

describe('nx.json of the copies', () => {
  const own = {
    nxCloudId: 'x',
    tasksRunnerOptions: {
      default: {
        runner: '@org/dte',
        options: { accessToken: 'dte', coordinatorUrl: 'https://c', weights: { a: 1 } },
      },
    },
  };

  it('names neither a vendor nor our runner on the plain side', () => {
    expect(json(plainNxJson(JSON.stringify(own)))).toEqual({
      tasksRunnerOptions: { default: { options: { coordinatorUrl: 'https://c', weights: { a: 1 } } } },
    });
    expect(plainNxJson('{ // a comment\n }')).toBe('{ // a comment\n }');
  });

  it('names our runner on the other side, and no coordinator elsewhere', () => {
    expect(json(distributedNxJson(JSON.stringify({ ...own, neverConnectToCloud: true })))).toEqual({
      tasksRunnerOptions: {
        default: { runner: '@org/dte', options: { accessToken: 'dte', weights: { a: 1 } } },
      },
    });
  });
});
