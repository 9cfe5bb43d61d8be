/** A letter or digit of a script that puts spaces between words. */
const SPACED = '(?![\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}])[\\p{L}\\p{N}]';
const ENDS = new RegExp(`${SPACED}$`, 'u');
const BEGINS = new RegExp(`^${SPACED}`, 'u');

/** What stands between two words: a space, but nothing beside Chinese characters and punctuation. */
export const gapBetween = (first: string, second: string): string =>
  ENDS.test(first) && BEGINS.test(second) ? ' ' : '';
