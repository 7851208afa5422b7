import type { Fleet, Pipeline, ProcessExit } from '@org/dte-testing';

/**
 * The end of a test file: completes the session, waits until all processes have exited by themselves, and checks for
 * leaks. The fleet is closed in any case, so that a failure here leaves no process either.
 * @returns how the agents ended
 */
export async function completeAndClose(pipeline: Pipeline, fleet: Fleet): Promise<ProcessExit[]> {
  let exits: ProcessExit[];
  try {
    exits = await pipeline.complete();
  } catch (error) {
    await fleet.close();
    throw error;
  }
  expect(await fleet.close()).toEqual([]);
  return exits;
}
