import { render } from 'preact';
import type { SessionModel } from '../src/model/model';
import { unpack } from '../src/page/columns';
import type { LiveAddresses } from '../src/page/live-page';
import { App } from './app';
import { follow } from './core/live';
import { show } from './core/state';
import './style/base.css';
import './style/parts.css';
import './style/tasks.css';
import './style/timeline.css';

const textOf = (id: string): string | null => document.getElementById(id)?.textContent ?? null;

/** The model of a static page: gzipped columns in base64. */
async function modelIn(text: string): Promise<SessionModel> {
  const packed = atob(text);
  const bytes = new Uint8Array(packed.length);
  for (let index = 0; index < packed.length; index++) bytes[index] = packed.charCodeAt(index);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return unpack(JSON.parse(await new Response(plain).text())) as SessionModel;
}

async function begin(): Promise<void> {
  const root = document.getElementById('app');
  if (root === null) return;
  const [data, live] = [textOf('dte-data'), textOf('dte-live')];
  if (live !== null) follow(JSON.parse(live) as LiveAddresses);
  else if (data !== null) show(await modelIn(data));
  root.textContent = '';
  render(<App />, root);
  document.documentElement.dataset['ready'] = 'true';
}

// What was rendered before stays readable where this browser cannot do it.
void begin().catch((thrown: unknown) => console.error(thrown));
