import { stripVTControlCharacters } from 'node:util';

// East Asian Width W and F (Unicode 15, UAX #11), unassigned gaps between blocks merged into ranges.
const WIDE =
  /^[\u1100-\u115f\u231a\u231b\u2329\u232a\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50\u2b55\u2e80-\u303e\u3041-\u3247\u3250-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18d08}\u{1aff0}-\u{1b2fb}\u{1f004}\u{1f0cf}\u{1f18e}\u{1f191}-\u{1f19a}\u{1f200}-\u{1f320}\u{1f32d}-\u{1f335}\u{1f337}-\u{1f37c}\u{1f37e}-\u{1f393}\u{1f3a0}-\u{1f3ca}\u{1f3cf}-\u{1f3d3}\u{1f3e0}-\u{1f3f0}\u{1f3f4}\u{1f3f8}-\u{1f43e}\u{1f440}\u{1f442}-\u{1f4fc}\u{1f4ff}-\u{1f53d}\u{1f54b}-\u{1f54e}\u{1f550}-\u{1f567}\u{1f57a}\u{1f595}\u{1f596}\u{1f5a4}\u{1f5fb}-\u{1f64f}\u{1f680}-\u{1f6c5}\u{1f6cc}\u{1f6d0}-\u{1f6d2}\u{1f6d5}-\u{1f6d7}\u{1f6dc}-\u{1f6df}\u{1f6eb}\u{1f6ec}\u{1f6f4}-\u{1f6fc}\u{1f7e0}-\u{1f7eb}\u{1f7f0}\u{1f90c}-\u{1f93a}\u{1f93c}-\u{1f945}\u{1f947}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{2fffd}\u{30000}-\u{3fffd}]/u;
// A combining mark, joiner or control character that stands alone takes no column.
const ZERO = /^[\p{Mn}\p{Me}\p{Cc}\p{Cf}\u{1160}-\u{11ff}]/u;
const ASCII = /^[\x20-\x7e]*$/;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

function graphemeWidth(cluster: string): number {
  if (WIDE.test(cluster)) return 2;
  if (ZERO.test(cluster)) return 0;
  // U+FE0F asks for the emoji picture of a character that is otherwise narrow (❤️, ☎️); two regional
  // indicators are one flag.
  if (cluster.length > 1 && (cluster.includes('\ufe0f') || /^\p{RI}\p{RI}/u.test(cluster))) return 2;
  return 1;
}

/**
 * Columns that `text` takes in a terminal: 2 for Chinese, full-width and emoji characters, 0 for combining
 * marks and ANSI colour codes. Ambiguous characters (`·`, `—`, Greek) count 1, as terminals do by default.
 *
 * @example
 * displayWidth('损失 loss'); // 9
 */
export function displayWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text)))
    width += graphemeWidth(segment);
  return width;
}

/**
 * The longest beginning of `text` that fits `columns`, ended by `ellipsis` when something was cut. Never
 * splits a character; when half a Chinese character would fit, the result is one column shorter.
 * Colour codes are dropped from a text that is cut (a lost reset would colour what follows).
 */
export function truncateToWidth(text: string, columns: number, ellipsis = '…'): string {
  if (displayWidth(text) <= columns) return text;
  const room = columns - displayWidth(ellipsis);
  if (room < 0) return '';
  let width = 0;
  let kept = '';
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) {
    width += graphemeWidth(segment);
    if (width > room) break;
    kept += segment;
  }
  return kept + ellipsis;
}

/** Pads with spaces to `columns`; a longer text is returned unchanged. */
export function padToWidth(text: string, columns: number, align: 'left' | 'right' = 'left'): string {
  const padding = ' '.repeat(Math.max(0, columns - displayWidth(text)));
  return align === 'left' ? text + padding : padding + text;
}
