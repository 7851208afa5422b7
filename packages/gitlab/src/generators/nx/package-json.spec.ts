import { Report } from '../workspace/report';
import { setUpPackageJson, tearDownPackageJson } from './package-json';

const setUp = (text: string): string => setUpPackageJson(text, '1.2.3', new Report());

describe('package.json', () => {
  it.each([
    ['1.2.3', 'npm:@org/dte-nx-cloud-shim@1.2.3'],
    ['^1.2.0', 'npm:@org/dte-nx-cloud-shim@^1.2.3'],
    ['~1.2.0', 'npm:@org/dte-nx-cloud-shim@~1.2.3'],
    ['file:../dte.tgz', 'npm:@org/dte-nx-cloud-shim@1.2.3'],
  ])('with @org/dte %s gets the alias %s in its alphabetical place', (spec, alias) => {
    const before = `{\n  "devDependencies": {\n    "@org/dte": "${spec}",\n    "typescript": "5"\n  }\n}\n`;
    const after = setUp(before);
    expect(after).toBe(before.replace('    "typescript"', `    "nx-cloud": "${alias}",\n    "typescript"`));
    expect(setUp(after)).toBe(after);
    expect(tearDownPackageJson(after)).toBe(before);
  });

  it('keeps a shim that comes from a folder or a tarball', () => {
    const text = '{"devDependencies":{"@org/dte":"1","nx-cloud":"file:/x/org-dte-nx-cloud-shim-0.1.0.tgz"}}';
    expect(setUp(text)).toBe(text);
  });

  it("gets the vendor's client replaced in place, and the report names it", () => {
    const report = new Report();
    const text = setUpPackageJson(
      '{"dependencies":{"@org/dte":"1.2.3","nx-cloud":"19.1.0"}}',
      '1.2.3',
      report,
    );
    expect(JSON.parse(text)).toEqual({
      dependencies: { '@org/dte': '1.2.3', 'nx-cloud': 'npm:@org/dte-nx-cloud-shim@1.2.3' },
    });
    expect(report.withoutCounterpart.join()).toContain('nx-cloud 19.1.0');
  });

  it('gets @org/dte as well when it was only a transitive dependency', () => {
    const before = '{\n  "name": "x"\n}\n';
    expect(JSON.parse(setUp(before))).toEqual({
      name: 'x',
      devDependencies: { '@org/dte': '^1.2.3', 'nx-cloud': 'npm:@org/dte-nx-cloud-shim@^1.2.3' },
    });
  });
});
