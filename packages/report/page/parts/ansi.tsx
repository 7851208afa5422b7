import { AnsiUp } from 'ansi_up';
import type { CSSProperties } from 'preact';
import { visible } from '../core/text';

interface Colour {
  readonly rgb: readonly [number, number, number];
  readonly class_name: string;
}

interface Fragment {
  readonly text: string;
  readonly bold: boolean;
  readonly faint: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly fg: Colour | null;
  readonly bg: Colour | null;
}

/** The parser of ansi_up without its HTML: what it finds become text nodes. */
const Parser = AnsiUp as unknown as new () => {
  ansi_to_html(text: string): string;
  transform_to_html(fragment: Fragment): string;
};

class Fragments extends Parser {
  readonly found: Fragment[] = [];

  override transform_to_html(fragment: Fragment): string {
    this.found.push(fragment);
    return '';
  }
}

/** Titles of windows and links: the text of a link stays, and where it leads to is not offered. */
// eslint-disable-next-line no-control-regex
const COMMANDS = /\u001B\][^\u0007\u001B\n]*(?:\u0007|\u001B\\)?/g;

/** Enough text behind a sequence for the parser to be sure of it. */
const END = '\n\n\n';

function fragmentsOf(text: string): Fragment[] {
  const parser = new Fragments();
  // One sequence that does not end would keep the parser from everything behind it, and so would a last one.
  parser.ansi_to_html(`${text.replace(COMMANDS, '').replace(/\r\n/g, '\n')}${END}`);
  return parser.found.map((fragment) =>
    fragment.text.endsWith(END) ? { ...fragment, text: fragment.text.slice(0, -END.length) } : fragment,
  );
}

/** The sixteen colours that terminals choose themselves, for the dark ground of the output. */
const OWN: Readonly<Record<string, Colour['rgb']>> = {
  'ansi-black': [110, 120, 135],
  'ansi-red': [255, 123, 114],
  'ansi-green': [86, 211, 150],
  'ansi-yellow': [227, 179, 65],
  'ansi-blue': [121, 168, 255],
  'ansi-magenta': [210, 153, 255],
  'ansi-cyan': [86, 204, 222],
  'ansi-white': [201, 209, 217],
  'ansi-bright-black': [139, 148, 161],
  'ansi-bright-red': [255, 161, 152],
  'ansi-bright-green': [126, 231, 180],
  'ansi-bright-yellow': [242, 204, 96],
  'ansi-bright-blue': [165, 200, 255],
  'ansi-bright-magenta': [226, 187, 255],
  'ansi-bright-cyan': [150, 225, 238],
  'ansi-bright-white': [255, 255, 255],
};
const rgbOf = ({ rgb, class_name }: Colour): Colour['rgb'] => OWN[class_name] ?? rgb;

/** Lighter than this, black on a colour has more contrast than white. */
const MIDDLE = 0.18;

/** Below this, the contrast of a colour with the background of the output is too low (WCAG: 4.5 to 1). */
const LEAST_LUMINANCE = 0.26;

const channel = (value: number): number => {
  const share = value / 255;
  return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
};

const luminance = ([r, g, b]: Colour['rgb']): number =>
  0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);

/** The colour, so light that it can be read. */
function readable(rgb: Colour['rgb']): string {
  let [r, g, b] = rgb;
  while (luminance([r, g, b]) < LEAST_LUMINANCE)
    [r, g, b] = [r, g, b].map((value) => value + (255 - value) * 0.15 + 1) as [number, number, number];
  return `rgb(${Math.round(r)}, ${Math.round(g)}, ${Math.round(b)})`;
}

function styleOf({ fg, bg }: Fragment): CSSProperties | undefined {
  if (bg !== null) {
    const ground = rgbOf(bg);
    return {
      backgroundColor: `rgb(${ground.join(', ')})`,
      color: luminance(ground) > MIDDLE ? '#000' : '#fff',
    };
  }
  return fg === null ? undefined : { color: readable(rgbOf(fg)) };
}

const classOf = ({ bold, italic, underline, faint }: Fragment): string =>
  [bold && 'bold', italic && 'italic', underline && 'underline', faint && 'faint'].filter(Boolean).join(' ');

/** Terminal output with its colours. It is untrusted: all of it becomes text. */
export function Output({ text, label }: { readonly text: string; readonly label: string }) {
  const trimmed = text.replace(/^(?:[ \t]*\r?\n)+/, '').trimEnd();
  if (trimmed === '') return <p class="quiet">No output.</p>;
  return (
    <pre class="output" tabIndex={0} role="group" aria-label={label}>
      {fragmentsOf(trimmed).map((fragment, index) => {
        const style = styleOf(fragment);
        const name = classOf(fragment);
        const shown = visible(fragment.text);
        return style === undefined && name === '' ? (
          shown
        ) : (
          <span key={index} class={name} style={style}>
            {shown}
          </span>
        );
      })}
    </pre>
  );
}
