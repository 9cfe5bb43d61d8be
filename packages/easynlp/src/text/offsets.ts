const SURROGATE = /[\ud800-\udfff]/;

/**
 * The Rust tokenizer counts code points, JavaScript UTF-16 code units. Returns the position of every code
 * point boundary in code units (`map[i]` = start of code point i, `map[n]` = text.length), or null when the
 * two agree because the text has no character beyond U+FFFF.
 *
 * A lone surrogate is one code point here and one U+FFFD there, so both sides keep counting alike.
 */
export function codePointBoundaries(text: string): Uint32Array | null {
  if (!SURROGATE.test(text)) return null;
  const boundaries = new Uint32Array(text.length + 1);
  let count = 0;
  let at = 0;
  while (at < text.length) {
    boundaries[count++] = at;
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  }
  boundaries[count] = at;
  return boundaries.subarray(0, count + 1);
}

/** A part of a text, `text.slice(from, to)`, without blanks at both ends, which some tokens include. */
export function trimmedRange(text: string, from: number, to: number): { start: number; end: number } {
  let start = from;
  let end = to;
  while (start < end && /\s/.test(text[start]!)) start++;
  while (end > start && /\s/.test(text[end - 1]!)) end--;
  return { start, end };
}
