import { tensor } from '@easynlp/torch';
import type { App, AppContext } from '../../appzoo/app.js';
import type { Method, MethodContext } from '../../trainer/method.js';
import type { Objective, ObjectiveLoss } from '../../trainer/objective.js';
import { encodePrompted, type PromptedRow, promptInputs } from '../prompt/index.js';
import { anchorRows, readAnchors, refreshAnchors } from './anchors.js';
import { collateCpTuning } from './batch.js';
import { type CpTuningModel, cpTuningModel } from './model.js';
import { pcclLoss } from './pccl.js';
import {
  type CpTuningConfig,
  type CpTuningSpec,
  cpTuningOptions,
  labelIds,
  NEUTRAL_WORDS,
  prepareCpTuning,
} from './spec.js';
import { maskedTokenLoss, maskTokens } from './token-masking.js';

export { type PcclOptions, pcclLoss } from './pccl.js';

/** The app with its rows in a prompt, answered by similarity to the anchors. */
function variant(app: App): App {
  const own: Partial<App<CpTuningSpec, PromptedRow>> = {
    prepare: (config, source) => prepareCpTuning(app, config, source!),
    inputs: promptInputs as App<CpTuningSpec>['inputs'],
    encode: encodePrompted,
    collate: collateCpTuning,
    head: cpTuningModel,
  };
  return { ...app, ...(own as Partial<App>) };
}

/** L = L_PCCL + weight · L_MLM, with the text's hidden tokens [TMSK] and the output mask [OMSK] in one pass. */
async function objective(context: MethodContext): Promise<Objective> {
  const config = context.config as CpTuningConfig;
  const { runtime, tables } = context;
  const prompted = context.context as AppContext<CpTuningSpec>;
  const { spec, tokenizer } = prompted;
  const own = context.model as CpTuningModel;
  const pccl = { margin: config.pcclMargin, gamma: config.pcclGamma, k: config.pcclK };
  const { tmskWeight, tmskRate: rate } = config;
  const { maskId } = tokenizer;

  if (own.freshPrompts) {
    own.beginPrompts(
      (await tokenizer.encode(config.pseudoWords ?? NEUTRAL_WORDS, null, { addSpecialTokens: false })).ids,
    );
  }
  const chosen = anchorRows(await labelIds(tables!.train, spec), config.maxAnchors);
  const anchors = await readAnchors(tables!.train, chosen, prompted);
  const replacements = tensor(ordinaryTokens(prompted), { dtype: 'int64', device: runtime.device });

  return {
    name: 'cptuning',
    loss(model, inputs): ObjectiveLoss {
      const m = model as CpTuningModel;
      const masked =
        tmskWeight > 0
          ? maskTokens(inputs.inputIds!, inputs.textMask!, { rate, maskId, replacements })
          : null;
      const hidden = m.encode(masked ? { ...inputs, inputIds: masked.inputIds } : inputs);
      const contrast = pcclLoss(m.features(hidden, inputs), inputs.labels!, pccl);
      if (masked === null) return { loss: contrast, logs: { pccl: contrast } };
      const mlm = maskedTokenLoss(m.decode(hidden, masked.positions), masked.labels);
      return { loss: contrast.add(mlm.mul(tmskWeight)), logs: { mlm, pccl: contrast } };
    },
    groups: (model) => {
      const { prompts } = model as CpTuningModel;
      const rest = { params: model.parameters().filter((p) => p !== prompts) };
      return prompts === null ? [rest] : [rest, { params: [prompts], lrFactor: config.promptLrFactor ?? 1 }];
    },
    beforeEvaluation: (model) =>
      refreshAnchors(model as CpTuningModel, anchors, prompted, {
        runtime,
        batchSize: config.evalBatchSize ?? config.batchSize,
      }),
    dispose: () => replacements.dispose(),
  };
}

/** Ids of all tokens but the special ones. */
function ordinaryTokens({ tokenizer }: Pick<AppContext, 'tokenizer'>): number[] {
  const { padId, unkId, clsId, sepId, maskId } = tokenizer;
  const special = new Set([padId, unkId, clsId, sepId, maskId]);
  return tokenizer.vocabulary.flatMap((token, id) => (token === null || special.has(id) ? [] : [id]));
}

/** CP-Tuning: contrastive prompt tuning without hand-made prompts and without label words (arXiv 2204.00166). */
export const cpTuning: Method = {
  name: 'cptuning',
  description:
    'few rows: contrastive prompt tuning, without hand-made prompts or label words; a language model on the same text beside it',
  apps: ['text_classify', 'text_match'],
  options: cpTuningOptions,
  variant,
  objective,
};
