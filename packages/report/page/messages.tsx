import { model } from './core/state';
import { clock, counted, visible } from './core/text';

/** Above this, the messages are folded: the failures must not be below them. */
const OPEN_UP_TO = 3;

/** What dte itself had to say, with the code under which the documentation explains it. */
export function Messages() {
  const { messages } = model.value.model;
  if (messages.length === 0) return null;
  return (
    <details class="panel messages" open={messages.length <= OPEN_UP_TO}>
      <summary>
        <h2>{counted(messages.length, 'message')}</h2>
      </summary>
      <ul>
        {messages.map(({ atMs, reason }, index) => (
          <li key={index}>
            <time>{clock(atMs)}</time>
            <code>{reason.code}</code>
            <bdi>{visible(reason.message)}</bdi>
          </li>
        ))}
      </ul>
    </details>
  );
}
