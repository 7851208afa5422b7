import { useEffect } from 'preact/hooks';
import { Detail } from './detail/detail';
import { Failures } from './failures';
import { Facts, Headline } from './headline';
import { Insights } from './insights';
import { Messages } from './messages';
import { model, unselect } from './core/state';
import { Tasks } from './tasks/tasks';
import { Timeline } from './timeline/timeline';

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement;

function onKey(event: KeyboardEvent): void {
  if (event.key === 'Escape') unselect();
  if (event.key !== '/' || isTyping(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  document.getElementById('filter')?.focus();
}

const Keys = () => (
  <footer class="foot">
    <span>
      <kbd>/</kbd> filters the tasks
    </span>
    <span>
      <kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd> go through timeline and tasks
    </span>
    <span>
      <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd> or <kbd>Ctrl</kbd> with the wheel zoom the timeline
    </span>
    <span>
      <kbd>Enter</kbd> shows a task, <kbd>Esc</kbd> closes it
    </span>
  </footer>
);

export function App() {
  useEffect(() => {
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const hasTasks = model.value.model.runs.some(({ tasks }) => tasks.length > 0);
  useEffect(() => {
    if (!hasTasks) document.documentElement.dataset['complete'] = 'true';
  }, [hasTasks]);
  return (
    <div class="page">
      {hasTasks && (
        <a class="skip" href="#tasks">
          Skip to the tasks
        </a>
      )}
      <Headline />
      <main>
        {model.value.model.runs.length > 0 && <Facts />}
        <Messages />
        <Failures />
        {hasTasks && (
          <>
            <Timeline />
            <Tasks />
            <Insights />
          </>
        )}
      </main>
      <Detail />
      {hasTasks && <Keys />}
    </div>
  );
}
