import type { Bar } from './layout';

type Look = Bar['look'];

/** Colours of the canvas, from the style's custom properties: they follow the theme. */
export interface Palette {
  readonly text: string;
  readonly muted: string;
  readonly line: string;
  readonly faint: string;
  readonly surface: string;
  readonly band: string;
  readonly accent: string;
  readonly critical: string;
  readonly fill: Readonly<Record<Look, string>>;
  readonly ink: Readonly<Record<Look, string>>;
  readonly restore: string;
  readonly store: string;
  readonly wait: string;
  readonly area: string;
}

const LOOKS: readonly Look[] = ['ok', 'failed', 'cached', 'lost', 'stopped', 'running'];

export function paletteOf(element: Element): Palette {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const each = (prefix: string) =>
    Object.fromEntries(LOOKS.map((look) => [look, of(`${prefix}-${look}`)])) as Record<Look, string>;
  return {
    text: of('text'),
    muted: of('muted'),
    line: of('line'),
    faint: of('faint'),
    surface: of('surface'),
    band: of('band'),
    accent: of('accent'),
    critical: of('critical'),
    fill: each('bar'),
    ink: each('ink'),
    restore: of('bar-restore'),
    store: of('bar-store'),
    wait: of('bar-wait'),
    area: of('area'),
  };
}

/** Distance of the lines of a hatch, in px. */
const HATCH_PX = 6;

/** Diagonal lines: what failed differs by more than its colour. */
export function hatch(context: CanvasRenderingContext2D, colour: string): CanvasPattern | string {
  const tile = document.createElement('canvas');
  tile.width = HATCH_PX;
  tile.height = HATCH_PX;
  const pen = tile.getContext('2d');
  if (pen === null) return colour;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  for (const shift of [-HATCH_PX, 0, HATCH_PX]) {
    pen.moveTo(shift, HATCH_PX);
    pen.lineTo(shift + HATCH_PX, 0);
  }
  pen.stroke();
  return context.createPattern(tile, 'repeat') ?? colour;
}
