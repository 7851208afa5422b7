import { select, type Row } from '../core/state';
import { Name } from './name';
import { Icon, lookOf } from './status';

/** The name of a task; shows the task. */
export const TaskLink = ({ row }: { readonly row: Row }) => (
  <button type="button" class="link task" onClick={() => select(row)}>
    <Icon look={lookOf(row.task)} size={14} />
    <Name text={row.task.id} />
  </button>
);
