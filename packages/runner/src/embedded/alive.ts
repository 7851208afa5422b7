import { httpClient, openTunnel } from '@org/dte-client';
import type { LimitValues, RendezvousRecord } from '@org/dte-protocol';

async function isHealthy(url: string, limits: LimitValues): Promise<boolean> {
  const http = httpClient({
    url,
    token: () => '',
    limits: { ...limits, httpRequestMs: Math.min(limits.connectTimeoutMs, limits.httpRequestMs) },
  });
  try {
    await http.health();
    return true;
  } catch {
    return false;
  } finally {
    http.close();
  }
}

/** Does the coordinator of a record answer, at any of its addresses and with its key? */
export async function coordinatorAnswers(record: RendezvousRecord, limits: LimitValues): Promise<boolean> {
  if (record.state === 'finished') return false;
  const { url, alternatives = [], pin } = record;
  if (pin === undefined) return isHealthy(url, limits);
  const tunnel = await openTunnel(limits);
  try {
    tunnel.pointTo({ urls: [url, ...alternatives], pin });
    return await isHealthy(tunnel.url, limits);
  } finally {
    tunnel.close();
  }
}
