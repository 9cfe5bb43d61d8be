/** Units `from` … `to` − 1 of a text. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** What a unit ends: 2 a sentence, 1 a part of one, 0 nothing. */
export type Border = 0 | 1 | 2;

const SENTENCE = new Set('。！？!?；;…\n');
const PART = new Set('，,、：:）)」』”》】.');

export const borderAfter = (surface: string): Border =>
  SENTENCE.has(surface) ? 2 : PART.has(surface) ? 1 : 0;

/**
 * Cuts a text that is too long into windows of at most `capacity` sub-tokens. A window ends with the last sentence that
 * is whole and at least half as long as the window could be; the next one then begins there. Where there is no such
 * end, the window is filled, and the next one begins within its last quarter, after a comma or the like where there is
 * one: every place is then seen by some window with text on both sides.
 *
 * @param pieces sub-tokens of each unit, none above `capacity`
 */
export function planWindows(
  pieces: ArrayLike<number>,
  capacity: number,
  borderOf: (unit: number) => Border,
): Window[] {
  const windows: Window[] = [];
  const count = pieces.length;
  let from = 0;
  for (;;) {
    let to = from;
    let held = 0;
    while (to < count && held + pieces[to]! <= capacity) held += pieces[to++]!;
    if (to >= count) {
      windows.push({ from, to: count });
      return windows;
    }
    const sentence = lastBorder(borderOf, from + Math.ceil((to - from) / 2), to, 2);
    if (sentence !== null) {
      windows.push({ from, to: sentence });
      from = sentence;
      continue;
    }
    windows.push({ from, to });
    let back = to;
    held = 0;
    while (back > from + 1 && held + pieces[back - 1]! <= capacity / 4) held += pieces[--back]!;
    // An overlap of a few units would be none: borders are looked for in its first half.
    from = lastBorder(borderOf, back, back + Math.floor((to - back) / 2), 1) ?? back;
  }
}

/** The last place after a border of at least this strength in (low, high]. */
function lastBorder(
  borderOf: (unit: number) => Border,
  low: number,
  high: number,
  strength: Border,
): number | null {
  for (let at = high; at > low; at--) if (borderOf(at - 1) >= strength) return at;
  return null;
}

/**
 * Which window answers for each unit: of two that overlap, the first one for the first half of what they share, the
 * second one for the rest, so that whoever answers has seen the more text around. Returns where each window's own
 * part begins; it ends where the next one's begins.
 */
export function ownParts(windows: readonly Window[]): number[] {
  return windows.map(({ from }, i) => (i === 0 ? from : Math.ceil((from + windows[i - 1]!.to) / 2)));
}
