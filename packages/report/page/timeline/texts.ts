import { visible } from '../core/text';

export const FONTS = {
  name: '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  small: '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
} as const;
/** Characters of a name that are measured: no bar has room for more. */
const MOST_CHARS = 200;

/** Names of fewer characters than this have room for no more than their beginning. */
const BOTH_ENDS = 12;

/** At most so many characters of a name: its beginning, and, as its end tells it apart from others, also that. */
function shortened(name: string, chars: number): string {
  if (name.length <= chars) return name;
  if (chars < BOTH_ENDS) return `${name.slice(0, chars - 1)}…`;
  const end = Math.floor(chars / 2);
  return `${name.slice(0, chars - 1 - end)}…${name.slice(-end)}`;
}

/** Widths of texts on a canvas, each measured once. */
export class Texts {
  private readonly widths = new Map<string, number>();
  private readonly shown = new Map<string, string>();

  constructor(private readonly pen: CanvasRenderingContext2D) {}

  width(text: string, font: string = FONTS.small): number {
    const key = `${font} ${text}`;
    const known = this.widths.get(key);
    if (known !== undefined) return known;
    this.pen.font = font;
    const { width } = this.pen.measureText(text);
    this.widths.set(key, width);
    return width;
  }

  /** As much of the name as there is room for. */
  fitted(name: string, room: number, font: string = FONTS.small): string {
    let text = this.shown.get(name);
    if (text === undefined) {
      text = shortened(visible(name), MOST_CHARS);
      this.shown.set(name, text);
    }
    const width = this.width(text, font);
    if (width <= room) return text;
    const chars = Math.floor((room / width) * text.length) - 1;
    return chars < 3 ? '' : shortened(text, chars + 1);
  }
}
