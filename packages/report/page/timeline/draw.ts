import { stepOf, tickText } from './axis';
import { firstAfter, type Bar } from './layout';
import { BusySlots } from './busy';
import { hatch, type Palette } from './palette';
import { FONTS, Texts } from './texts';
import { SIZE, TOP, msOf, visibleLanes, xOf, yOf, type View } from './view';

/** Narrower bars carry no text. */
const TEXT_PX = 46;
/** Space between a bar's edge and its text. */
const PAD_PX = 6;
/** How much of a bar is left that is not on the critical path. */
const DIMMED = 0.55;
/** Middle of a command's number, below the axis. */
const NUMBER_PX = 6;
/** Rounding of a bar. */
const RADIUS_PX = 3;
/** Space between a bar and the next one. */
const GAP_PX = 0.5;
/** Bars up to this width have no phases, and square corners: nobody could see the difference. */
const PLAIN_PX = 3;

interface Piece {
  readonly x: number;
  readonly top: number;
  readonly width: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export interface Marks {
  readonly hovered: Bar | null;
  readonly focused: Bar | null;
  readonly showPath: boolean;
}

/** Draws what can be seen of the timeline, and nothing else: ten thousand bars take a few milliseconds. */
export class Painter {
  private readonly failed: CanvasPattern | string;
  private readonly lost: CanvasPattern | string;
  private readonly texts: Texts;
  private readonly busy = new BusySlots();

  constructor(
    private readonly pen: CanvasRenderingContext2D,
    private readonly palette: Palette,
  ) {
    this.texts = new Texts(pen);
    this.failed = hatch(pen, palette.ink.failed);
    this.lost = hatch(pen, palette.ink.lost);
  }

  draw(view: View, marks: Marks): void {
    const { pen, palette } = this;
    pen.clearRect(0, 0, view.width, view.height);
    pen.fillStyle = palette.surface;
    pen.fillRect(0, 0, view.width, view.height);
    pen.save();
    pen.beginPath();
    pen.rect(view.names, 0, view.width - view.names, view.height);
    pen.clip();
    this.grid(view);
    const [first, after] = visibleLanes(view);
    for (let lane = first; lane < after; lane++) this.lane(view, lane, marks);
    if (marks.showPath) this.path(view);
    for (const bar of [marks.focused, marks.hovered]) if (bar !== null) this.outline(view, bar);
    this.area(view);
    this.axis(view);
    pen.restore();
    this.names(view, first, after);
  }

  private ticks(view: View): { readonly ms: number; readonly x: number; readonly step: number }[] {
    const { startMs } = view.layout;
    const step = stepOf(view.pxPerMs);
    const from = Math.max(0, Math.floor((msOf(view, view.names) - startMs) / step)) * step;
    const to = msOf(view, view.width) - startMs;
    const found = [];
    for (let ms = from; ms <= to; ms += step)
      found.push({ ms, x: Math.round(xOf(view, startMs + ms)), step });
    return found;
  }

  private grid(view: View): void {
    const { pen, palette } = this;
    const end = xOf(view, view.layout.endMs);
    pen.fillStyle = palette.faint;
    for (const { x } of this.ticks(view)) if (x <= end) pen.fillRect(x, TOP, 1, view.height - TOP);
    for (const { startMs, endMs } of view.layout.runs) {
      pen.fillStyle = palette.line;
      for (const ms of [startMs, endMs]) pen.fillRect(Math.round(xOf(view, ms)), TOP, 1, view.height - TOP);
    }
  }

  private lane(view: View, lane: number, marks: Marks): void {
    const { pen, palette } = this;
    const { bars, isFirst } = view.layout.lanes[lane] ?? { bars: [], isFirst: false };
    const y = yOf(view, lane);
    if (isFirst && lane > 0) {
      pen.fillStyle = palette.faint;
      pen.fillRect(view.names, y - SIZE.gap / 2, view.width, 1);
    }
    const endMs = msOf(view, view.width);
    let drawnTo = -Infinity;
    for (let index = firstAfter(bars, msOf(view, view.names)); index < bars.length; index++) {
      const bar = bars[index];
      if (bar === undefined || bar.startMs > endMs) break;
      const to = xOf(view, bar.endMs);
      // Many bars of less than a pixel: one of them is seen anyway. A failure is never the one that is left out.
      if (to - drawnTo < 0.5 && bar.look !== 'failed') continue;
      this.bar(view, bar, y, marks.showPath);
      drawnTo = to;
    }
  }

  private bar(view: View, bar: Bar, y: number, showPath: boolean): void {
    const { pen, palette } = this;
    const top = y + (SIZE.lane - SIZE.bar) / 2;
    const from = xOf(view, bar.startMs);
    const to = xOf(view, bar.endMs);
    const width = Math.max(1, to - from - GAP_PX);
    const dimmed = showPath && !bar.row.critical && bar.look !== 'failed';
    pen.globalAlpha = dimmed ? DIMMED : 1;
    if (width > PLAIN_PX) {
      this.phases(view, bar, top);
      this.label(view, bar, top);
    } else {
      pen.fillStyle = bar.look === 'failed' ? palette.ink.failed : palette.fill[bar.look];
      pen.fillRect(from, top, width, SIZE.bar);
    }
    pen.globalAlpha = 1;
  }

  private phases(view: View, bar: Bar, top: number): void {
    const { pen, palette } = this;
    const fills = {
      queue: palette.wait,
      restore: palette.restore,
      wait: palette.wait,
      run: palette.fill[bar.look],
      store: palette.store,
      report: palette.wait,
    };
    const last = bar.phases.length - 1;
    // A gap to the next bar.
    const right = xOf(view, bar.endMs) - GAP_PX;
    bar.phases.forEach(({ name, startMs, endMs }, index) => {
      const x = xOf(view, startMs);
      const width = Math.min(right, xOf(view, endMs)) - x;
      if (width <= 0) return;
      this.piece({ x, top, width, isFirst: index === 0, isLast: index === last }, fills[name]);
      if (name !== 'run' || (bar.look !== 'failed' && bar.look !== 'lost')) return;
      pen.globalAlpha *= 0.35;
      pen.fillStyle = bar.look === 'failed' ? this.failed : this.lost;
      pen.fillRect(x, top, width, SIZE.bar);
      pen.globalAlpha /= 0.35;
    });
    if (bar.look !== 'failed') return;
    pen.fillStyle = palette.ink.failed;
    pen.fillRect(xOf(view, bar.startMs), top, 3, SIZE.bar);
  }

  /** A part of a bar. Only its ends are round, if they are wide enough: to clip every bar would cost more than everything else of a frame. */
  private piece({ x, top, width, isFirst, isLast }: Piece, fill: string): void {
    const { pen } = this;
    pen.fillStyle = fill;
    if ((!isFirst && !isLast) || width < 2 * RADIUS_PX) {
      pen.fillRect(x, top, width, SIZE.bar);
      return;
    }
    const [left, right] = [isFirst ? RADIUS_PX : 0, isLast ? RADIUS_PX : 0];
    pen.beginPath();
    pen.roundRect(x, top, width, SIZE.bar, [left, right, right, left]);
    pen.fill();
  }

  private label(view: View, bar: Bar, top: number): void {
    const { pen, palette } = this;
    const run = bar.phases.find(({ name }) => name === 'run');
    if (run === undefined) return;
    // A bar that begins left of what is seen keeps its text in view.
    const left = Math.max(xOf(view, run.startMs), view.names) + PAD_PX;
    const room = Math.min(xOf(view, run.endMs), view.width) - left - PAD_PX;
    if (room < TEXT_PX - 2 * PAD_PX) return;
    const text = this.texts.fitted(bar.row.task.id, room);
    if (text === '') return;
    pen.font = FONTS.small;
    pen.textBaseline = 'middle';
    if (bar.look === 'failed') {
      // On the hatch, the text needs ground of its own.
      pen.fillStyle = palette.fill.failed;
      pen.fillRect(left - 2, top + 2, this.texts.width(text) + 4, SIZE.bar - 4);
    }
    pen.fillStyle = palette.ink[bar.look];
    pen.fillText(text, left, top + SIZE.bar / 2 + 0.5);
  }

  private outline(view: View, bar: Bar): void {
    const lane = view.layout.lanes.findIndex(({ bars }) => bars.includes(bar));
    if (lane === -1) return;
    const { pen, palette } = this;
    const from = xOf(view, bar.startMs);
    pen.strokeStyle = palette.accent;
    pen.lineWidth = 2;
    pen.beginPath();
    const top = yOf(view, lane) + (SIZE.lane - SIZE.bar) / 2;
    pen.roundRect(
      from - 1,
      top - 1,
      Math.max(2, xOf(view, bar.endMs) - from) + 2,
      SIZE.bar + 2,
      RADIUS_PX + 1,
    );
    pen.stroke();
  }

  /** A line below each task of the critical path, and from each to the next. */
  private path(view: View): void {
    const { pen, palette } = this;
    pen.strokeStyle = palette.critical;
    pen.fillStyle = palette.critical;
    pen.lineJoin = 'round';
    for (const path of view.layout.paths) {
      let last: { x: number; y: number } | null = null;
      for (const { bar, lane } of path) {
        const y = yOf(view, lane) + (SIZE.lane + SIZE.bar) / 2 - 1;
        const [from, to] = [xOf(view, bar.startMs), xOf(view, bar.endMs)];
        pen.fillRect(from, y - 1, Math.max(2, to - from), 2.5);
        if (last !== null) this.connect(last, { x: from, y });
        last = { x: to, y };
      }
    }
  }

  private connect(from: { x: number; y: number }, to: { x: number; y: number }): void {
    const { pen } = this;
    pen.lineWidth = 1.5;
    pen.setLineDash([3, 2]);
    pen.beginPath();
    pen.moveTo(from.x, from.y);
    pen.lineTo(to.x, to.y);
    pen.stroke();
    pen.setLineDash([]);
  }

  /** How many of all slots are busy. */
  private area(view: View): void {
    const { pen, palette } = this;
    pen.fillStyle = palette.surface;
    pen.fillRect(0, 0, view.width, TOP);
    const width = Math.max(1, Math.ceil(view.width - view.names));
    const busy = this.busy.in(view.layout.lanes, {
      from: msOf(view, view.names),
      to: msOf(view, view.width),
      columns: width,
    });
    const most = Math.max(1, view.layout.lanes.length);
    const room = SIZE.area - 8;
    const bottom = TOP - 4;
    pen.fillStyle = palette.area;
    pen.beginPath();
    pen.moveTo(view.names, bottom);
    busy.forEach((slots, column) => pen.lineTo(view.names + column, bottom - (slots / most) * room));
    pen.lineTo(view.width, bottom);
    pen.fill();
    pen.fillStyle = palette.line;
    pen.fillRect(view.names, TOP - 1, view.width, 1);
    this.numbers(view);
  }

  /** Of several commands, the number of each where it begins. */
  private numbers(view: View): void {
    const { pen, palette } = this;
    const { runs } = view.layout;
    if (runs.length < 2) return;
    pen.font = FONTS.small;
    pen.textBaseline = 'middle';
    runs.forEach(({ startMs, endMs }, index) => {
      const [x, end] = [Math.round(xOf(view, startMs)), Math.round(xOf(view, endMs))];
      pen.fillStyle = palette.line;
      for (const edge of [x, end]) pen.fillRect(edge, SIZE.axis, 1, SIZE.area);
      pen.fillStyle = palette.muted;
      pen.fillText(`#${index + 1}`, x + 4, SIZE.axis + NUMBER_PX);
    });
  }

  private axis(view: View): void {
    const { pen, palette } = this;
    pen.font = FONTS.small;
    pen.textBaseline = 'middle';
    const end = xOf(view, view.layout.endMs);
    for (const { ms, x, step } of this.ticks(view)) {
      if (x > end) break;
      pen.fillStyle = palette.line;
      pen.fillRect(x, SIZE.axis - 6, 1, 6);
      const text = tickText(ms, step);
      if (x + 4 + this.texts.width(text) > view.width) break;
      pen.fillStyle = palette.muted;
      pen.fillText(text, x + 4, SIZE.axis / 2);
    }
  }

  private names(view: View, first: number, after: number): void {
    const { pen, palette } = this;
    pen.fillStyle = palette.surface;
    pen.fillRect(0, 0, view.names, view.height);
    pen.save();
    pen.beginPath();
    pen.rect(0, TOP, view.names, view.height - TOP);
    pen.clip();
    pen.textBaseline = 'middle';
    for (let lane = first; lane < after; lane++) {
      const { name, isFirst } = view.layout.lanes[lane] ?? { name: '', isFirst: false };
      const y = yOf(view, lane);
      if (isFirst && lane > 0) {
        pen.fillStyle = palette.faint;
        pen.fillRect(0, y - SIZE.gap / 2, view.names, 1);
      }
      if (!isFirst) continue;
      pen.font = FONTS.name;
      pen.fillStyle = palette.text;
      pen.fillText(this.texts.fitted(name, view.names - 12, FONTS.name), 4, y + SIZE.lane / 2);
    }
    pen.restore();
    pen.font = FONTS.small;
    pen.fillStyle = palette.muted;
    pen.fillText('busy slots', 4, TOP - SIZE.area / 2);
    pen.fillStyle = palette.line;
    pen.fillRect(0, TOP - 1, view.names, 1);
    pen.fillRect(view.names - 1, 0, 1, view.height);
  }
}
