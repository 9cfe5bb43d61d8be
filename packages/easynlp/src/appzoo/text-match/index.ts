export { ExactIndex, type SearchHit } from './exact-index.js';
export { type TextMatchResult, type TextMatchSpec, textMatch } from './one-tower.js';
export { type TextMatchRegressionSpec, type TextMatchScore, textMatchRegression } from './regression.js';
export { type TwoTowerInput, textMatchTwoTower } from './two-tower.js';
export type { TextSimilarity, TextVector, TwoTowerResult } from './two-tower-decode.js';
export type { TwoTowerTrainOptions } from './two-tower-options.js';
export { secondColumn, type TwoTowerSpec } from './two-tower-spec.js';

/** What a pipeline takes as one pair; an array of pairs for several. */
export type TextMatchInput = readonly [string, string] | Readonly<Record<string, string>>;
