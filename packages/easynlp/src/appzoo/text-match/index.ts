export { type TextMatchResult, type TextMatchSpec, textMatch } from './one-tower.js';

/** What a pipeline takes as one pair; an array of pairs for several. */
export type TextMatchInput = readonly [string, string] | Readonly<Record<string, string>>;
