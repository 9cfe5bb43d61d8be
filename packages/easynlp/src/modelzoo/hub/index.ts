export { BUNDLED_MODELS } from './bundled-models.js';
export { MODEL_NAMES, type ModelName, suggestModelNames } from './model-names.js';
export { isPathLike, resolveModelFolder } from './resolve.js';
export type { HubProgress, HubSource, ResolveModelOptions } from './types.js';
