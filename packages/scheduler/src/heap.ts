import { at, known } from './lookup';

/** True if `a` comes before `b`. Must be a strict order; otherwise, the result depends on the history of the heap. */
export type Before<T> = (a: T, b: T) => boolean;

/** A binary heap in a plain array, so that the state that contains it remains plain data. */
export function heapPush<T>(heap: T[], item: T, before: Before<T>): void {
  let place = heap.length;
  heap.push(item);
  while (place > 0) {
    const parentAt = (place - 1) >> 1;
    const parent = at(heap, parentAt);
    if (!before(item, parent)) break;
    heap[place] = parent;
    place = parentAt;
  }
  heap[place] = item;
}

/** Removes and returns the first item; undefined when the heap is empty. */
export function heapPop<T>(heap: T[], before: Before<T>): T | undefined {
  const first = heap[0];
  const last = heap.pop();
  if (heap.length > 0) sink(heap, known(last), 0, before);
  return first;
}

/** Restores the order of an array that was filled or filtered directly. */
export function heapify<T>(heap: T[], before: Before<T>): void {
  for (let place = (heap.length >> 1) - 1; place >= 0; place--) sink(heap, at(heap, place), place, before);
}

function sink<T>(heap: T[], item: T, from: number, before: Before<T>): void {
  let place = from;
  for (;;) {
    let childAt = 2 * place + 1;
    if (childAt >= heap.length) break;
    const right = childAt + 1;
    if (right < heap.length && before(at(heap, right), at(heap, childAt))) childAt = right;
    const child = at(heap, childAt);
    if (!before(child, item)) break;
    heap[place] = child;
    place = childAt;
  }
  heap[place] = item;
}
