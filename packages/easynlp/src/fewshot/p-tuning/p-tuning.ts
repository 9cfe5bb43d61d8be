import { noGrad, tensor, tidy } from '@easynlp/torch';
import { z } from 'zod';
import { option, type TrainConfig } from '../../config/index.js';
import { EasyNlpError } from '../../errors/index.js';
import type { Method, MethodContext } from '../../trainer/method.js';
import type { Objective } from '../../trainer/objective.js';
import { clozeApp, clozeFields, clozeObjective, languageModel, unlabelledFields } from '../pet/index.js';
import { labelWordFields, type PromptSpec, patternFields } from '../prompt/index.js';
import { PTuningModel, wordEmbeddings } from './p-tuning-model.js';
import type { PromptEncoding } from './prompt-vectors.js';

export const ptuningFields = {
  promptEncoder: option(z.enum(['lstm', 'embedding']).default('lstm'), {
    description: 'vectors of <pseudo>: through an LSTM and an MLP (P-Tuning), or each its own (EasyNLP)',
    group: 'Training',
  }),
  pseudoWords: option(z.string().min(1).optional(), {
    description: 'text whose tokens the <pseudo> begin with, over and over; unset = random',
    group: 'Training',
    example: '它是',
  }),
  tune: option(z.enum(['all', 'prompts']).default('all'), {
    description: 'train the whole model, or the prompt alone',
    group: 'Training',
  }),
  promptLrFactor: option(z.number().positive().optional(), {
    description:
      'learning rate of the prompt, as a factor of learningRate; unset = 10 with tune all, 1 with tune prompts',
    group: 'Optimization',
  }),
};

interface PTuningConfig {
  readonly promptEncoder: PromptEncoding;
  readonly pseudoWords?: string | undefined;
  readonly tune: 'all' | 'prompts';
  readonly promptLrFactor?: number | undefined;
}

/** Which vectors a model has, for loading it. */
export interface PTuningSpec extends PromptSpec {
  readonly promptEncoder: PromptEncoding;
}

async function ptuningObjective(context: MethodContext): Promise<Objective> {
  const config = context.config as TrainConfig & PTuningConfig;
  const model = context.model as PTuningModel;
  const base = await clozeObjective(context, 'ptuning');
  if (config.pseudoWords !== undefined) await beginWithWords(model, config.pseudoWords, context);
  const prompt = new Set(model.prompt.parameters());
  const rest = model.parameters().filter((p) => !prompt.has(p));
  const frozen = config.tune === 'prompts';
  if (frozen) for (const parameter of rest) parameter.requiresGrad = false;
  return {
    ...base,
    // Recurrent kernels pick their work space while they run, which a recorded graph cannot hold.
    capturable: base.capturable === true && config.promptEncoder === 'embedding',
    groups: () => [
      ...(frozen ? [] : [{ params: rest }]),
      { params: [...prompt], lrFactor: config.promptLrFactor ?? (frozen ? 1 : 10) },
    ],
    beforeEvaluation: () => model.refresh(),
  };
}

/** The embeddings begin as those of a text's tokens, over and over. */
async function beginWithWords(
  model: PTuningModel,
  text: string,
  { context: { tokenizer } }: MethodContext,
): Promise<void> {
  const { ids } = await tokenizer.encode(text, null, { addSpecialTokens: false });
  if (ids.length === 0 || ids.includes(tokenizer.unkId)) {
    throw new EasyNlpError('CONFIG_INVALID_VALUE', {
      key: 'pseudoWords',
      expected: 'a text that the tokenizer knows',
      got: JSON.stringify(text),
    });
  }
  const { embeddings } = model.prompt;
  const chosen = Array.from({ length: embeddings.size(0) }, (_, i) => ids[i % ids.length]!);
  noGrad(() =>
    tidy(() => {
      const { weight } = wordEmbeddings(model.backbone);
      const index = tensor(chosen, { dtype: 'int64', device: weight.device });
      embeddings.copy_(weight.indexSelect(0, index));
    }),
  );
}

/**
 * P-Tuning: pseudo tokens with trainable vectors beside or instead of the prompt's words. Liu et al. 2021,
 * arXiv 2103.10385. The loss is PET's.
 */
export const ptuning: Method = {
  name: 'ptuning',
  description: 'few rows: a prompt with trainable tokens, <pseudo> in the pattern (P-Tuning)',
  apps: ['text_classify', 'text_match'],
  options: z.strictObject({
    ...patternFields,
    ...labelWordFields,
    ...clozeFields,
    ...unlabelledFields,
    ...ptuningFields,
  }),
  variant: (app) =>
    clozeApp<PTuningSpec>(app, {
      prepare(spec, config) {
        const { pattern } = spec.prompt;
        if (pattern.pseudoTokens === 0) {
          throw new EasyNlpError('PROMPT_PATTERN', {
            pattern: pattern.source,
            problem: 'there is no trainable token in it',
            hint: 'Put <pseudo> (or <pseudo:3> for three) between two commas, or use --method pet.',
          });
        }
        return { ...spec, promptEncoder: (config as TrainConfig & PTuningConfig).promptEncoder };
      },
      async model(spec, source, options) {
        const backbone = await languageModel(source, options);
        const model = new PTuningModel(backbone, spec.prompt.pattern.pseudoTokens, spec.promptEncoder);
        if (source.kind === 'pretrained') model.loadPrompt(source.folder);
        return model;
      },
    }) as never,
  objective: ptuningObjective,
};
