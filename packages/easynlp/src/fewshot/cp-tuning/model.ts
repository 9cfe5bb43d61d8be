import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { arange, files, nn, noGrad, type Tensor, tidy, zeros } from '@easynlp/torch';
import type { AppModel, ModelInputs, ModelOutputs, ModelSource } from '../../appzoo/app.js';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModelForMaskedLM, BertForMaskedLM } from '../../modelzoo/index.js';
import { insertPrompts } from './insert-prompts.js';
import { cosines } from './pccl.js';
import type { CpInference, CpTuningSpec } from './spec.js';

/** Logits are similarities times this: probabilities then tell near calls from clear ones (e¹⁰ for cosines 1 apart). */
export const SIMILARITY_SCALE = 10;
/** Similarity to a label without anchors: below every cosine. */
const NO_ANCHOR = -2;

/**
 * A masked language model that classifies by the feature of its output mask [OMSK], Xu et al. 2022: what the MLM head's
 * transform makes of the hidden state there, of length 1. Features of training rows, the anchors, are buffers of the
 * model: predicting needs no training data.
 */
export class CpTuningModel extends nn.Module implements AppModel {
  readonly config: BertForMaskedLM['config'];
  /** The class that stored configurations name. */
  readonly architecture: string;
  readonly bert: BertForMaskedLM['bert'];
  readonly cls: BertForMaskedLM['cls'];
  /** The continuous prompt tokens [PRO], [P, H]; null without any. */
  readonly prompts: nn.Parameter | null;
  readonly inference: CpInference;
  readonly labels: number;
  /** Whether the prompts have no content yet: neither that of words nor that of an earlier training. */
  freshPrompts = true;

  constructor(mlm: BertForMaskedLM, { prompt, anchors, inference, labels }: CpTuningSpec) {
    super();
    this.config = mlm.config;
    this.architecture = mlm.constructor.name;
    this.bert = mlm.bert;
    this.cls = mlm.cls;
    this.inference = inference;
    this.labels = labels.length;
    const hidden = mlm.config.hidden_size;
    const { pseudoTokens } = prompt.pattern;
    this.prompts = pseudoTokens === 0 ? null : tidy(() => new nn.Parameter(zeros([pseudoTokens, hidden])));
    this.registerBuffer('anchors', zeros([anchors, hidden]));
    this.registerBuffer('anchorLabels', zeros([anchors], { dtype: 'int64' }));
  }

  /** Starts the prompt tokens from the embeddings of words, again from the first when there are fewer words. */
  beginPrompts(wordIds: ArrayLike<number>): void {
    const { prompts } = this;
    if (prompts === null || wordIds.length === 0) return;
    const words = this.bert.embeddings.word_embeddings.weight;
    noGrad(() =>
      tidy(() => {
        for (let i = 0; i < prompts.size(0); i++) {
          prompts.select(0, i).copy_(words.select(0, wordIds[i % wordIds.length]!));
        }
      }),
    );
    this.freshPrompts = false;
  }

  /** Hidden states [B, T, H]. */
  encode({ inputIds, attentionMask, tokenTypeIds, pseudoIds }: ModelInputs): Tensor {
    return tidy(() => {
      const shared = { attentionMask, tokenTypeIds };
      if (this.prompts === null) return this.bert.forward({ inputIds, ...shared }).lastHiddenState;
      const words = this.bert.embeddings.word_embeddings.forward(inputIds!);
      const inputsEmbeds = insertPrompts(words, pseudoIds!, this.prompts);
      return this.bert.forward({ inputsEmbeds, ...shared }).lastHiddenState;
    });
  }

  /** Hidden states [B, T, H] → features at [OMSK], [B, H], float32, of length 1. */
  features(hidden: Tensor, { maskRows, maskColumns }: ModelInputs): Tensor {
    return tidy(() => {
      const [, length, width] = hidden.shape as [number, number, number];
      const at = maskRows!.mul(length).add(maskColumns!).reshape([-1]);
      const chosen = hidden.reshape([-1, width]).indexSelect(0, at);
      const feature = this.cls.predictions.transform.forward(chosen);
      const wide = feature.dtype === 'float64' ? feature : feature.to({ dtype: 'float32' });
      return wide.div(wide.norm({ dim: [-1], keepdim: true }).clampMin(1e-12));
    });
  }

  /** Scores of the vocabulary [N, V] at flat positions [N]. */
  decode(hidden: Tensor, positions: Tensor): Tensor {
    return tidy(() =>
      this.cls.predictions.forward(hidden.reshape([-1, hidden.size(-1)]).indexSelect(0, positions)),
    );
  }

  /** Similarity to each label: of the nearest anchor, or of the label's mean. Logits [B, C]. */
  forward(inputs: ModelInputs): ModelOutputs {
    return tidy(() => {
      const features = this.features(this.encode(inputs), inputs);
      const anchors = this.buffer('anchors').to({ dtype: features.dtype });
      const similar =
        this.inference === 'nearest' ? this.nearest(features, anchors) : this.central(features, anchors);
      return { logits: similar.mul(SIMILARITY_SCALE) };
    });
  }

  /** Which anchors are of which label, bool [C, A]. */
  private owners(): Tensor {
    const labels = this.buffer('anchorLabels');
    return arange(this.labels, { device: labels.device }).unsqueeze(1).eq(labels);
  }

  private nearest(features: Tensor, anchors: Tensor): Tensor {
    const similar = cosines(features, anchors).unsqueeze(1); // [B, 1, A]
    return similar.maskedFill(this.owners().logicalNot().unsqueeze(0), NO_ANCHOR).amax({ dim: [-1] });
  }

  private central(features: Tensor, anchors: Tensor): Tensor {
    const owners = this.owners().to({ dtype: anchors.dtype });
    const sums = cosines(owners, anchors.transpose(0, 1)); // [C, H]: means but for the length
    const means = sums.div(sums.norm({ dim: [-1], keepdim: true }).clampMin(1e-12));
    const none = owners
      .sum({ dim: [1] })
      .eq(0)
      .unsqueeze(0);
    return cosines(features, means).maskedFill(none, NO_ANCHOR);
  }
}

/** The tensors of a model that are its own, beside those of the masked language model. */
const OWN = ['prompts', 'anchors', 'anchorLabels'];

/** The model of a spec, with the prompts and anchors of an earlier training where the folder has fitting ones. */
export async function cpTuningModel(
  spec: CpTuningSpec,
  source: ModelSource,
  options: { readonly onInfo?: (line: string) => void } = {},
): Promise<CpTuningModel> {
  const mlm =
    source.kind === 'config'
      ? AutoModelForMaskedLM.fromConfig(source.config)
      : await AutoModelForMaskedLM.fromPretrained(source.folder, options);
  if (!(mlm instanceof BertForMaskedLM)) {
    mlm.dispose();
    throw new EasyNlpError('MODEL_TASK_UNSUPPORTED', {
      modelType: mlm.config.model_type,
      task: 'CP-Tuning',
      known: ['bert'],
    });
  }
  const model = new CpTuningModel(mlm, spec);
  if (source.kind === 'pretrained') takeOver(model, join(source.folder, 'model.safetensors'));
  return model;
}

function takeOver(model: CpTuningModel, file: string): void {
  if (!existsSync(file)) return;
  noGrad(() =>
    tidy(() => {
      const stored = files.loadSafetensors(file);
      const own = model.stateDict();
      for (const name of OWN) {
        const [from, to] = [stored.get(name), own.get(name)];
        if (!from || !to || from.shape.join() !== to.shape.join()) continue;
        to.copy_(from);
        if (name === 'prompts') model.freshPrompts = false;
      }
    }),
  );
}
