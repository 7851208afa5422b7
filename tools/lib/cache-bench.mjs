// `npm run bench -- cache`: what the shared cache saves, how fast the coordinator moves bytes, and what a large store costs.
import { pipelinesBench } from './cache-bench-pipelines.mjs';
import { nginxVersion } from './cache-bench-servers.mjs';
import { storeBench } from './cache-bench-store.mjs';
import { transferBench } from './cache-bench-transfer.mjs';

const PARTS = ['pipelines', 'transfer', 'store'];
const round = (value, digits) => (value === undefined ? null : Number(value.toFixed(digits)));

/** The lowest of all sizes: none is hidden behind another. */
const lowest = (sizes, what) =>
  sizes === undefined ? undefined : Math.min(...sizes.map((size) => size[what]));

/**
 * @param {{ runs: number, only?: string, sizes?: string, bare: boolean, profile?: string, say: (text: string) => void }} options `only`: one
 *   part; the figures of the others are null then. `sizes`, `bare`: see `transferBench`
 */
export async function cacheBench({ runs, only, sizes, bare, profile, say }) {
  if (only !== undefined && !PARTS.includes(only)) throw new Error(`--only is one of ${PARTS.join(', ')}.`);
  const wanted = (part) => only === undefined || only === part;
  if (wanted('transfer')) say(`  ${nginxVersion()}`);
  const store = wanted('store') ? await storeBench({ runs, say }) : undefined;
  const transfer = wanted('transfer') ? await transferBench({ runs, sizes, bare, profile, say }) : undefined;
  const pipelines = wanted('pipelines') ? await pipelinesBench({ runs, say }) : undefined;
  return {
    warmRatio: round(pipelines?.warmRatio, 2),
    putRatio: round(lowest(transfer?.sizes, 'put'), 2),
    getRatio: round(lowest(transfer?.sizes, 'get'), 2),
    startMs: round(store?.startMs, 0),
    askMs: round(store?.askMs, 0),
    rssMb: round(store?.rssMb, 0),
  };
}
