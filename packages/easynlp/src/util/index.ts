export { displayWidth, padToWidth, truncateToWidth } from './display-width.js';
export { formatBytes, formatCount, formatDuration } from './format.js';
export { editDistance, nearest, nearestNames } from './nearest.js';
export { type MutableList, Rng, type RngState, shuffle } from './random.js';
export { type Align, type TableOptions, table } from './table.js';
