import { type Artifact } from '@org/dte-protocol';

/** One string per artifact; the attempts of different runs differ. */
export const identityOf = (runId: string, artifact: Artifact): string => {
  switch (artifact.kind) {
    case 'cache':
      return `cache ${artifact.hash}`;
    case 'attempt':
      return `attempt ${runId} ${artifact.attempt}`;
    case 'none':
      return 'none';
  }
};
