import type { GenericEventHandler, KeyboardEventHandler } from 'preact';
import { counted, count } from '../core/text';
import { rows } from '../core/state';
import { Table } from './table';
import { counts, filterBy, kind, KINDS, listed, typed, type Kind } from './view';

const onInput: GenericEventHandler<HTMLInputElement> = ({ currentTarget }) => {
  filterBy(currentTarget.value);
};

/** Escape first empties the field, and only then leaves it. */
const onKey: KeyboardEventHandler<HTMLInputElement> = (event) => {
  if (event.key === 'Escape' && typed.value !== '') {
    event.stopPropagation();
    filterBy('');
  }
  if (event.key === 'ArrowDown') document.getElementById('grid')?.focus();
};

function Chips() {
  const shown = (Object.keys(KINDS) as Kind[]).filter(
    (name) => (counts.value[name] ?? 0) > 0 || kind.value === name,
  );
  return (
    <div class="chips" role="group" aria-label="Show only">
      <button
        type="button"
        class="chip"
        aria-pressed={kind.value === null}
        onClick={() => (kind.value = null)}
      >
        All
      </button>
      {shown.map((name) => (
        <button
          key={name}
          type="button"
          class="chip"
          aria-pressed={kind.value === name}
          onClick={() => (kind.value = kind.value === name ? null : name)}
        >
          {KINDS[name].name} <span class="number">{count(counts.value[name] ?? 0)}</span>
        </button>
      ))}
    </div>
  );
}

export function Tasks() {
  return (
    <section class="panel tasks" id="tasks" aria-labelledby="tasks-title">
      <div class="bar">
        <h2 id="tasks-title">Tasks</h2>
        <label class="search">
          <span class="hidden">Filter by name, agent or status</span>
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
            <circle cx="7" cy="7" r="4.5" />
            <path d="M10.5 10.5L14 14" />
          </svg>
          <input
            id="filter"
            type="search"
            placeholder="Filter by name, agent or status"
            autocomplete="off"
            spellcheck={false}
            value={typed.value}
            onInput={onInput}
            onKeyDown={onKey}
          />
          <kbd aria-hidden="true">/</kbd>
        </label>
        <p class="quiet" role="status">
          {listed.value.length === rows.value.length
            ? counted(rows.value.length, 'task')
            : `${count(listed.value.length)} of ${counted(rows.value.length, 'task')}`}
        </p>
      </div>
      <Chips />
      <Table />
    </section>
  );
}
