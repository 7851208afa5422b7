import { HTTP } from '@org/dte-protocol';
import { createConnection } from 'node:net';
import { createHash, randomBytes } from 'node:crypto';

const TEXT_FRAME = 0x81;
const LARGE = 127;
const DEADLINE_MS = 15_000;

/** A masked text frame, as a client must send it (RFC 6455, section 5.2). */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  const header = Buffer.alloc(10);
  header[0] = TEXT_FRAME;
  header[1] = 0x80 | LARGE;
  header.writeBigUInt64BE(BigInt(payload.length), 2);
  for (let index = 0; index < payload.length; index++) payload[index] = payload[index]! ^ mask[index % 4]!;
  return Buffer.concat([header, mask, payload]);
}

/** The JSON objects in the server's text frames; frames here are small and complete. */
function* messages(bytes: Buffer): Generator {
  for (let at = 0; at + 2 <= bytes.length;) {
    let length = bytes[at + 1]! & 0x7f;
    let start = at + 2;
    if (length === 126) {
      length = bytes.readUInt16BE(start);
      start += 2;
    }
    if (start + length > bytes.length) return;
    if (bytes[at] === TEXT_FRAME) yield JSON.parse(bytes.subarray(start, start + length).toString());
    at = start + length;
  }
}

/**
 * Connects like a foreign client, sends one frame, and returns the coordinator's answer to it. Uses plain sockets,
 * because a client library refuses to send what these tests send.
 * @returns the first message that is not the challenge; null if the connection ends without one
 */
export async function firstAnswer(url: string, message: string | object): Promise<unknown> {
  const { hostname, port } = new URL(url);
  const key = randomBytes(16).toString('base64');
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const socket = createConnection({ host: hostname, port: Number(port) });
  let received = Buffer.alloc(0);
  let sent = false;
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`No answer; received: ${received.toString()}`)),
        DEADLINE_MS,
      );
      const settle = (answer: unknown): void => {
        clearTimeout(timer);
        resolve(answer);
      };
      socket.on('connect', () =>
        socket.write(
          [
            `GET ${HTTP.connect} HTTP/1.1`,
            `Host: ${hostname}:${port}`,
            'Connection: Upgrade',
            'Upgrade: websocket',
            'Sec-WebSocket-Version: 13',
            `Sec-WebSocket-Key: ${key}`,
            '\r\n',
          ].join('\r\n'),
        ),
      );
      socket.on('data', (data) => {
        received = Buffer.concat([received, data]);
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!received.subarray(0, end).toString().includes(accept)) settle(received.toString());
        for (const answer of messages(received.subarray(end + 4))) {
          if ((answer as { type: string }).type !== 'challenge') settle(answer);
          else if (!sent) {
            sent = true;
            socket.write(frame(typeof message === 'string' ? message : JSON.stringify(message)));
          }
        }
      });
      socket.on('close', () => settle(null));
      socket.on('error', () => settle(null));
    });
  } finally {
    socket.destroy();
  }
}
