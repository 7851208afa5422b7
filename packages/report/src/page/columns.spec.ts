import fc from 'fast-check';
import { pack, unpack } from './columns';

const through = (data: unknown): unknown => unpack(JSON.parse(JSON.stringify(pack(data))));

describe('columns', () => {
  it('give back any data that JSON can hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const data = JSON.parse(JSON.stringify(value)) as unknown;
        expect(through(data)).toEqual(data);
      }),
    );
  });

  it('give back rows of the same fields, with nulls, lists and names that repeat', () => {
    const row = fc.record({
      id: fc.constantFrom('a', 'b', 'constructor', '__proto__'),
      atMs: fc.integer(),
      half: fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => (Object.is(n, -0) ? 0 : n)),
      from: fc.option(fc.constantFrom('local', 'remote')),
      on: fc.array(fc.nat()),
      attempts: fc.array(
        fc.record({ ok: fc.boolean(), measured: fc.option(fc.record({ runMs: fc.nat() })) }),
      ),
    });
    fc.assert(fc.property(fc.array(row), (rows) => expect(through(rows)).toEqual(rows)));
  });

  it('need a fraction of the rows, which is why they are there', () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => ({
      project: `project-${n % 10}`,
      status: 'success',
      startMs: 1_700_000_000_000 + n * 250,
      measured: null,
    }));
    expect(JSON.stringify(pack(rows)).length).toBeLessThan(JSON.stringify(rows).length / 10);
  });
});
