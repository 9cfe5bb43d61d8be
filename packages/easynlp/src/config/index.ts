export { buildSchema, COMMAND_SCHEMAS, type CommandConfigs, type CommandName } from './build-schema.js';
export { type ConfigFile, loadConfigFile, type Position, parseConfigText } from './config-file.js';
export { type EvaluateConfig, type EvaluateOptions, evaluateConfigSchema } from './evaluate-config.js';
export { architectureFields, dataFields, labelFields, machineFields } from './fields.js';
export { type Field, type FieldKind, fieldsOf } from './introspect.js';
export { OPTION_GROUPS, type OptionGroup, type OptionMeta, option } from './option.js';
export { type PredictConfig, type PredictOptions, predictConfigSchema } from './predict-config.js';
export { parseConfig, type ResolveSources, resolveConfig } from './resolve-config.js';
export { expectation, type OptionSources, resolveOptions } from './resolve-options.js';
export { type SearchConfig, type SearchOptions, searchConfigSchema } from './search-config.js';
export {
  type ModerationConfig,
  type ModerationOptions,
  moderationConfigSchema,
  type TaggingConfig,
  type TaggingOptions,
  taggingConfigSchema,
} from './tagging-config.js';
export {
  DEFAULT_APP,
  DEFAULT_METHOD,
  type TrainConfig,
  type TrainOptions,
  trainConfigSchema,
} from './train-config.js';
