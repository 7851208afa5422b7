import { ACCESS_TOKEN, parseNxJson, RUNNER } from '@org/dte-nx-compat';

type Json = Record<string, unknown>;

const asJson = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

/** Options of the runner that say where a coordinator is: the one of a comparison is on this machine. */
const ELSEWHERE: readonly string[] = ['coordinatorUrl', 'rendezvous', 'rendezvousDir'];

function withoutVendor(nxJson: Json): Json {
  const { default: runner, ...others } = asJson(nxJson['tasksRunnerOptions']);
  const { accessToken: _token, ...options } = asJson(asJson(runner)['options']);
  delete nxJson['nxCloudId'];
  delete nxJson['nxCloudAccessToken'];
  if (runner !== undefined || Object.keys(others).length > 0)
    nxJson['tasksRunnerOptions'] = { ...others, default: { options } };
  return options;
}

function changed(text: string, change: (nxJson: Json) => void): string {
  const nxJson = parseNxJson(text);
  const before = JSON.stringify(nxJson);
  change(nxJson);
  return JSON.stringify(nxJson) === before ? text : `${JSON.stringify(nxJson, null, 2)}\n`;
}

/**
 * nx.json of a plain run: unchanged, except that a vendor's service is disabled, so nothing is sent to anybody.
 * @throws Error if it is not valid
 */
export const plainNxJson = (text: string): string =>
  changed(text, (nxJson) => {
    if ('nxCloudId' in nxJson || 'nxCloudAccessToken' in nxJson || 'tasksRunnerOptions' in nxJson)
      withoutVendor(nxJson);
  });

/**
 * nx.json of a distributed run, as `setup-gitlab` writes it.
 * @throws Error if it is not valid
 */
export const distributedNxJson = (text: string): string =>
  changed(text, (nxJson) => {
    const options = withoutVendor(nxJson);
    for (const name of ELSEWHERE) Reflect.deleteProperty(options, name);
    delete nxJson['neverConnectToCloud'];
    nxJson['tasksRunnerOptions'] = {
      ...asJson(nxJson['tasksRunnerOptions']),
      default: { runner: RUNNER, options: { ...options, accessToken: ACCESS_TOKEN } },
    };
  });
