import { helloSchema } from '@org/dte-protocol';
import { exampleHello } from '@org/dte-testing';
import { changed, type Json, randomBytes, toText, TRAVERSALS } from '../hostile';
import { frame, oddFrame, UPGRADE } from '../frames';
import { Examples } from '../from-schema';
import { LiveCoordinator, UNFORESEEN } from '../live-coordinator';
import { sendRaw } from '../raw-request';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

const asJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

/** What is said instead of a hello, or as one. */
function helloText(random: Random, examples: Examples): string {
  const kind = random.int(0, 3);
  if (kind === 0) return examples.text(random);
  if (kind === 1) return JSON.stringify(exampleHello({ sessionId: random.pick(TRAVERSALS) }));
  if (kind === 2) return JSON.stringify(exampleHello({ clientId: random.pick(TRAVERSALS) }));
  return toText(changed(random, asJson(exampleHello({ sessionId: `w${random.int(1, 5)}` }))));
}

function framesOf(random: Random, examples: Examples): Buffer[] {
  const kind = random.next();
  if (kind < 0.1) return [randomBytes(random, 500)];
  const text = helloText(random, examples);
  if (kind < 0.5) return [frame({ payload: Buffer.from(text) })];
  if (kind < 0.6) {
    const at = random.int(0, text.length);
    const rest = { payload: Buffer.from(text.slice(at)), opcode: 0 };
    return [frame({ payload: Buffer.from(text.slice(0, at)), fin: false }), frame(rest)];
  }
  return Array.from({ length: random.int(1, 4) }, () => oddFrame(random, text));
}

async function attempt(
  coordinator: LiveCoordinator,
  examples: Examples,
  random: Random,
  note: Note,
): Promise<void> {
  const bytes = framesOf(random, examples);
  note(Buffer.concat(bytes));
  const heard = await sendRaw(coordinator.port, [Buffer.from(UPGRADE), ...bytes]);
  mustHold(heard.startsWith('HTTP/1.1 101 '), () => `Not upgraded: ${heard.slice(0, 200)}`);
  mustHold(!heard.includes(UNFORESEEN), () => `Answered: ${heard.slice(-1_000)}`);
}

/** Frames of a WebSocket from somebody who has not authenticated. */
export const websocket: Target = {
  name: 'websocket',
  share: 40,
  caseMs: 60_000,
  async open(folder): Promise<Running> {
    const coordinator = await LiveCoordinator.start(folder);
    const examples = new Examples(helloSchema);
    return {
      attempt: (random, note) => attempt(coordinator, examples, random, note),
      check: () => coordinator.check(),
      close: () => coordinator.close(),
    };
  },
};
