import type { ParityResult, Round } from '../run/result';
import { conclude } from './sentence';

const jsonOfRound = ({ name, plain, distributed, places, verdict }: Round): object => ({
  name,
  plain: { exitCode: plain.observation.exitCode, ms: Math.round(plain.durationMs) },
  distributed: { exitCode: distributed.observation.exitCode, ms: Math.round(distributed.durationMs) },
  ratio: Number((distributed.durationMs / Math.max(1, plain.durationMs)).toFixed(3)),
  tasks: Object.entries(distributed.observation.tasks).map(([id, { status }]) => ({
    id,
    plain: plain.observation.tasks[id]?.status ?? null,
    distributed: status,
    place: places.get(id) ?? '',
  })),
  differences: verdict.differences,
  notReproducible: verdict.unstable,
  plainNxIsWrong: verdict.fault,
  notCompared: verdict.uncompared,
});

/** The result as JSON, for programs. */
export function reportJson(result: ParityResult): string {
  const { sentence, exitCode } = conclude(result);
  const { command, agents, rounds, changedModules } = result;
  const document = { exitCode, sentence, command, agents, rounds: rounds.map(jsonOfRound), changedModules };
  return JSON.stringify(document, null, 2);
}
