export { type LandResult, type LandRunOptions, land } from './land.js';
export { type LandConfig, type LandOptions, landOptions } from './options.js';
export { type LandingReport, type LandingRow, renderText } from './report.js';
export { STAGES, type StageName } from './stages.js';
