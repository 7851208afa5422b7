/** The thread of all links of one run: see `links.ts`. */
import { parentPort } from 'node:worker_threads';
import type { LinkOrder } from './links';
import { TcpProxy } from './tcp-proxy';

const links: (TcpProxy | undefined)[] = [];
let targetPort = 0;

async function obey(order: LinkOrder): Promise<void> {
  if (order.what === 'target') {
    targetPort = order.port;
    return;
  }
  const index = order.link;
  if (order.what === 'open') {
    const opened = await TcpProxy.open(() => targetPort);
    links[index] = opened;
    parentPort?.postMessage({ link: index, url: opened.url });
    return;
  }
  const link = links[index];
  if (link === undefined) return;
  if (order.what === 'cut') link.cut(order.forMs);
  else if (order.what === 'reset') link.reset();
  else if (order.what === 'stall') link.stall(order.forMs);
  else if (order.what === 'slow') await link.slow(order.bytesPerSecond, order.forMs);
  else link.halfOpen(order.believer);
}

parentPort?.on('message', (order: LinkOrder) => void obey(order));
