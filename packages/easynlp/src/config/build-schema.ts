import type { z } from 'zod';
import { type EvaluateConfig, evaluateConfigSchema } from './evaluate-config.js';
import { type PredictConfig, predictConfigSchema } from './predict-config.js';
import { type TrainConfig, trainConfigSchema } from './train-config.js';

/** Commands that a configuration belongs to. */
export interface CommandConfigs {
  train: TrainConfig;
  evaluate: EvaluateConfig;
  predict: PredictConfig;
}
export type CommandName = keyof CommandConfigs;

export const COMMAND_SCHEMAS = {
  train: trainConfigSchema,
  evaluate: evaluateConfigSchema,
  predict: predictConfigSchema,
} as const satisfies Record<CommandName, z.ZodObject>;

/**
 * The schema of a command with an app's own options beside the common ones.
 *
 * An app may narrow a common option (another default, say) by giving one of the same name.
 */
export function buildSchema(command: CommandName, appOptions?: z.ZodObject): z.ZodObject {
  const base: z.ZodObject = COMMAND_SCHEMAS[command];
  return appOptions === undefined ? base : base.extend(appOptions.shape).strict();
}
