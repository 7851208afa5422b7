import { join } from 'node:path';
import { NEXT_INPUT } from './next-input';

interface Request {
  scenario: string;
  inputs: unknown[];
}

/**
 * Runs in a separate process inside a workspace: loads a scenario, runs it for each input, one after the other, and
 * sends the results back.
 */
process.once('message', (message) => {
  const { scenario, inputs } = message as Request;
  const answer = (reply: object): void => {
    process.send?.(reply, () => {
      process.exit(0);
    });
  };
  const load = async (): Promise<unknown[]> => {
    const module = (await import(join(__dirname, '../scenarios', scenario))) as {
      run(input: unknown): Promise<unknown>;
    };
    const results: unknown[] = [];
    for (const [index, input] of inputs.entries()) {
      if (index > 0) for (const stream of [process.stdout, process.stderr]) stream.write(NEXT_INPUT);
      results.push(await module.run(input));
    }
    return results;
  };
  load().then(
    (results) => {
      answer({ results });
    },
    (error: unknown) => {
      answer({ error: error instanceof Error ? error.stack : String(error) });
    },
  );
});
