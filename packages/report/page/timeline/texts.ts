import { visible } from '../core/text';

export const FONTS = {
  name: '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  small: '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
} as const;
/** Characters of a name that are measured: no bar has room for more. */
const MOST_CHARS = 200;

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
      text = visible(name).slice(0, MOST_CHARS);
      this.shown.set(name, text);
    }
    const width = this.width(text, font);
    if (width <= room) return text;
    const chars = Math.floor((room / width) * text.length) - 1;
    return chars < 3 ? '' : `${text.slice(0, chars)}…`;
  }
}
