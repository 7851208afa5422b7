import { SCHEDULED } from '@org/dte-testing';

/** A test that takes too long for each commit: it runs with `npm test -- --scheduled`. */
export function inSchedule(title: string, test: () => Promise<void>): void {
  if (SCHEDULED) it(title, test);
}
