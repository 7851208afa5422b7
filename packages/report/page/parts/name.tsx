import { visible } from '../core/text';

/** Characters at the end of a name that stay: the target of a task and the number of an agent are what tells them apart. */
const END = 14;
/** Names up to here are not worth parting. */
const SHORT = 2 * END;

/** A name in one line. If there is no room for it, its middle is left out. */
export function Name({ text, kind = '' }: { readonly text: string; readonly kind?: string }) {
  const shown = visible(text);
  if (shown.length <= SHORT) return <bdi class={kind}>{shown}</bdi>;
  // Not between the two halves of a character.
  const at = shown.length - END - (/[\uDC00-\uDFFF]/.test(shown.charAt(shown.length - END)) ? 1 : 0);
  return (
    <bdi class={`${kind} parted`}>
      <span>{shown.slice(0, at)}</span>
      <span>{shown.slice(at)}</span>
    </bdi>
  );
}
