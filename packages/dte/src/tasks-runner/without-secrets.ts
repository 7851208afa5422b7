import { hideFromTasks } from '@org/dte-nx-compat';
import { SECRET_VARIABLES } from '@org/dte-protocol';
import { hideSecrets } from '@org/dte-config';

/**
 * Runs an nx command so that none of its tasks inherits the job's credentials.
 * @public required on demand by index.ts
 */
export async function withoutSecrets<T>(run: () => Promise<T>): Promise<T> {
  const restore = hideSecrets();
  try {
    const release = hideFromTasks(SECRET_VARIABLES);
    try {
      return await run();
    } finally {
      release();
    }
  } finally {
    restore();
  }
}
