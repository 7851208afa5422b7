import { Report } from '../workspace/report';
import { type CacheStore } from '../../pipeline/options';
import { cacheIn, setUpNxJson, tearDownNxJson } from './nx-json';

const setUp = (
  text: string,
  forwardEnv: string[] = [],
  cache: CacheStore = 'none',
): { text: string; report: Report } => {
  const report = new Report();
  return { text: setUpNxJson(text, { forwardEnv, stopOnFailure: false, cache }, report), report };
};

describe('nx.json', () => {
  it('gets the runner and the switch, and nothing else changes', () => {
    const before = '{\n  // ours\n  "targetDefaults": {\n    "build": { "cache": true }\n  }\n}\n';
    const { text } = setUp(before);
    expect(text).toBe(
      '{\n  // ours\n  "targetDefaults": {\n    "build": { "cache": true }\n  },\n  "tasksRunnerOptions": {\n    "default": {\n      "runner": "@org/dte",\n      "options": {\n        "accessToken": "dte"\n      }\n    }\n  }\n}\n',
    );
    expect(setUp(text).text).toBe(text);
    expect(setUp(text).report.changed).toEqual([]);
    expect(tearDownNxJson(text)).toBe(before);
  });

  it('loses the settings that make Nx connect to the vendor, and the report does not show a token', () => {
    const { text, report } = setUp(
      JSON.stringify({
        nxCloudId: 'abc',
        nxCloudAccessToken: 'c2VjcmV0',
        neverConnectToCloud: true,
        tasksRunnerOptions: {
          default: {
            runner: 'nx-cloud',
            options: { accessToken: 'c2VjcmV0', cacheableOperations: ['build'], url: 'x' },
          },
          cloud: { runner: '@nrwl/nx-cloud' },
        },
      }),
    );
    expect(JSON.parse(text)).toEqual({
      tasksRunnerOptions: {
        default: { runner: '@org/dte', options: { cacheableOperations: ['build'], accessToken: 'dte' } },
      },
    });
    const said = report.render('', '');
    for (const name of [
      'nxCloudId',
      'nxCloudAccessToken',
      'neverConnectToCloud',
      'tasksRunnerOptions.cloud',
    ]) {
      expect(said).toContain(`removed ${name}`);
    }
    expect(said).toContain('options of the runner nx-cloud: url');
    expect(said).not.toContain('c2VjcmV0');
  });

  it('gets the option cache, changes it, and loses it again', () => {
    const { text: before } = setUp('{}');
    const { text: set, report } = setUp(before, [], 's3');
    expect([cacheIn(before), cacheIn(set), report.changed]).toEqual([
      null,
      's3',
      ['nx.json: the option cache is s3'],
    ]);
    expect(setUp(set, [], 's3')).toMatchObject({ text: set, report: { changed: [] } });
    expect(cacheIn(setUp(set, [], 'gitlab-artifacts').text)).toBe('gitlab-artifacts');
    expect(setUp(set, [], 'none').text).toBe(before);
    expect(
      cacheIn(before.replace('"accessToken"', '"cache": "a store of tomorrow", "accessToken"')),
    ).toBeNull();
  });

  it('keeps existing dte options and only adds the switch', () => {
    const { text } = setUp('{"tasksRunnerOptions":{"default":{"runner":"@org/dte","options":{"slots":3}}}}');
    expect(JSON.parse(text)).toEqual({
      tasksRunnerOptions: { default: { runner: '@org/dte', options: { slots: 3, accessToken: 'dte' } } },
    });
  });

  it('keeps other runner entries when the dte entry is removed', () => {
    const before = '{ "tasksRunnerOptions": { "ci": { "runner": "x" } } }';
    expect(tearDownNxJson(setUp(before).text)).toBe(before);
  });

  it('gets the variables that the vendor forwarded, once each', () => {
    const first = setUp('{}', ['A', 'B']).text;
    expect(JSON.parse(first)).toMatchObject({
      tasksRunnerOptions: { default: { options: { forwardEnv: ['A', 'B'] } } },
    });
    expect(setUp(first, ['B']).text).toBe(first);
  });

  it("does not get the pipeline as an input of every task, and the report shows that the vendor's generator added it", () => {
    const { text, report } = setUp('{"namedInputs":{"sharedGlobals":["{workspaceRoot}/.gitlab-ci.yml"]}}');
    expect(JSON.parse(text)).toMatchObject({
      namedInputs: { sharedGlobals: ['{workspaceRoot}/.gitlab-ci.yml'] },
    });
    expect(report.byHand.join()).toContain('sharedGlobals');
    expect(setUp('{}').text).not.toContain('sharedGlobals');
  });
});
