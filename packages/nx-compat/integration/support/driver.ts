import { join } from 'node:path';

interface Request {
  scenario: string;
  input: unknown;
}

/** Runs in a process of its own, inside a workspace: loads the scenario it is told to and sends back what came of it. */
process.once('message', (message) => {
  const { scenario, input } = message as Request;
  const answer = (reply: object): void => {
    process.send?.(reply, () => {
      process.exit(0);
    });
  };
  const load = async (): Promise<unknown> => {
    const module = (await import(join(__dirname, '../scenarios', scenario))) as {
      run(input: unknown): Promise<unknown>;
    };
    return module.run(input);
  };
  load().then(
    (result) => {
      answer({ result });
    },
    (error: unknown) => {
      answer({ error: error instanceof Error ? error.stack : String(error) });
    },
  );
});
