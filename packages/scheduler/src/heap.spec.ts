import fc from 'fast-check';
import { heapify, heapPop, heapPush } from './heap';

const before = (a: number, b: number): boolean => a < b;

const drain = (heap: number[]): number[] => {
  const out: number[] = [];
  for (let next = heapPop(heap, before); next !== undefined; next = heapPop(heap, before)) out.push(next);
  return out;
};

describe('heap', () => {
  it('returns in order what was pushed in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        const heap: number[] = [];
        for (const item of items) heapPush(heap, item, before);
        expect(drain(heap)).toEqual([...items].sort((a, b) => a - b));
      }),
    );
  });

  it('restores the order of an array that was filled directly', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        const heap = [...items];
        heapify(heap, before);
        expect(drain(heap)).toEqual([...items].sort((a, b) => a - b));
      }),
    );
  });

  it('keeps the order if pushes and pops alternate', () => {
    const heap: number[] = [];
    for (const item of [5, 1, 4]) heapPush(heap, item, before);
    expect(heapPop(heap, before)).toBe(1);
    heapPush(heap, 0, before);
    expect(drain(heap)).toEqual([0, 4, 5]);
  });

  it('is empty if nothing was pushed', () => {
    expect(heapPop([], before)).toBeUndefined();
  });
});
