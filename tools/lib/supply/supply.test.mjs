import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { auditOutcome } from './audit-outcome.mjs';
import { dependencyProblems } from './dependency-problems.mjs';
import { sbomProblems } from './sbom-problems.mjs';

const outcome = (report, stderr = '', status = 0) =>
  auditOutcome({ stdout: typeof report === 'string' ? report : JSON.stringify(report), stderr, status })
    .verdict;

describe('the outcome of an audit', () => {
  it('is clean only if npm says that nothing was found', () => {
    assert.equal(outcome({ metadata: { vulnerabilities: { total: 0 } }, vulnerabilities: {} }), 'clean');
  });

  it('is vulnerable if npm names something', () => {
    const vulnerabilities = { ws: { name: 'ws', severity: 'high', range: '<8', via: [{ title: 'DoS' }] } };
    const report = { metadata: { vulnerabilities: { total: 1 } }, vulnerabilities };
    assert.deepEqual(auditOutcome({ stdout: JSON.stringify(report), stderr: '', status: 1 }), {
      verdict: 'vulnerable',
      lines: ['ws <8 (high): DoS'],
    });
  });

  const none = [
    ['an error of npm', { error: { code: 'ENOAUDIT', summary: 'not supported' } }],
    ['a message of the registry', { message: '404 Not Found - POST /-/npm/v1/security/advisories/bulk' }],
    [
      'a status of the registry',
      { message: '405 Method Not Allowed', statusCode: 405, error: { summary: '', detail: '' } },
    ],
    ['no JSON', '<html>'],
    ['nothing', ''],
  ];
  for (const [what, report] of none)
    it(`is not audited, and not clean, if there is ${what}`, () =>
      assert.equal(outcome(report, '', 1), 'not audited'));

  it('says why there is none', () => {
    const report = { message: '405 Method Not Allowed', error: { summary: '', detail: '' } };
    const { lines } = auditOutcome({ stdout: JSON.stringify(report), stderr: '', status: 1 });
    assert.deepEqual(lines, ['The registry offers no audit: 405 Method Not Allowed']);
  });

  it('is not audited if npm counts nothing because its request failed', () => {
    const report = { metadata: { vulnerabilities: { total: 0 } } };
    assert.equal(
      outcome(report, 'npm warn audit 404\nnpm error audit endpoint returned an error'),
      'not audited',
    );
  });
});

it('an SBOM has all packages and their dependencies, with versions', () => {
  const manifests = [{ name: '@org/dte', dependencies: { zod: '^4' } }];
  const component = (name) => ({ name, version: '1.0.0', purl: `pkg:npm/${name}@1.0.0` });
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    components: [component('@org/dte'), component('zod')],
  };
  assert.deepEqual(sbomProblems(document, manifests), []);
  assert.deepEqual(sbomProblems({ ...document, components: [component('@org/dte')] }, manifests), [
    'zod is missing (of @org/dte)',
  ]);
  assert.equal(sbomProblems({}, []).length, 2);
});

it('each dependency has a reason, and each reason a dependency', () => {
  const manifests = [{ name: '@org/dte-client', dependencies: { ws: '^8', '@org/dte-protocol': '0.1.0' } }];
  const row = (name, users, reason) => `| \`${name}\` | ${users} | ${reason} |`;
  assert.deepEqual(dependencyProblems(row('ws', 'client', 'WebSockets'), manifests), []);
  assert.equal(dependencyProblems('', manifests).length, 1);
  assert.equal(dependencyProblems(row('ws', 'client', ''), manifests).length, 1);
  assert.equal(dependencyProblems(row('ws', 'agent', 'WebSockets'), manifests).length, 1);
  assert.equal(
    dependencyProblems(`${row('ws', 'client', 'x')}\n${row('left-pad', 'client', 'x')}`, manifests).length,
    1,
  );
});
