import { amp, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';
import {
  AutoModelForTokenClassification,
  type ModelConfig,
  type TokenClassifier,
} from '../../modelzoo/index.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import type { AppModel, ModelInputs, ModelOutputs, ModelSource } from '../app.js';
import type { TrainedGroup } from '../objective.js';
import { LinearChainCrf } from './crf.js';
import type { LabelingSpec } from './spec.js';

/**
 * An encoder with a score for each unit and tag, and perhaps a CRF over them. Its parts are fields of this module, so
 * that the weights have the names that Python's `…ForTokenClassification` gives them.
 */
export class LabelingModel extends nn.Module implements AppModel {
  readonly config: ModelConfig;
  readonly architecture: string;
  readonly crf: LinearChainCrf | null;
  readonly #tokens: TokenClassifier;
  readonly #lrFactor: number;

  constructor(spec: LabelingSpec, tokens: TokenClassifier) {
    super();
    this.#tokens = tokens;
    this.#lrFactor = spec.crfLrFactor;
    this.config = tokens.config;
    this.architecture = tokens.constructor.name;
    for (const [name, child] of tokens.namedChildren()) Object.assign(this, { [name]: child });
    this.crf = spec.crf ? new LinearChainCrf(spec.labels.length) : null;
  }

  /**
   * `logits` [B, U, C], the scores of the units' first tokens. With a CRF also `transitions` [C, C], `start` and `end`
   * [C]; in training its `loss` instead, the mean over all units, a scalar.
   */
  forward(inputs: ModelInputs): ModelOutputs {
    return tidy((): ModelOutputs => {
      const { inputIds, attentionMask, tokenTypeIds, positionIds, positions, labels } = inputs;
      const { logits: all } = this.#tokens.forward({ inputIds, attentionMask, tokenTypeIds, positionIds });
      const [rows, units] = positions!.shape as [number, number];
      const index = positions!.unsqueeze(2).expand([rows, units, all.size(-1)]);
      const logits = all.gather(1, index);
      if (this.crf === null) return { logits };
      const { transitions, start, end } = this.crf;
      if (!this.training || !labels) return { logits, transitions, start, end };
      const device = logits.device.split(':')[0]!;
      // Sums over all paths need more digits than half precision has.
      return amp.autocast({ device, enabled: false }, () => ({
        logits,
        loss: perUnit(
          this.crf!.negativeLogLikelihood(
            logits.dtype === 'float64' ? logits : logits.to({ dtype: 'float32' }),
            labels,
          ),
          labels,
        ),
      }));
    });
  }

  /** The CRF's few numbers learn faster than the encoder's many. */
  groups(): readonly TrainedGroup[] {
    const all = this.parameters().filter((parameter) => parameter.requiresGrad);
    if (this.crf === null) return [{ params: all }];
    const own = new Set(this.crf.parameters());
    return [
      { params: all.filter((parameter) => !own.has(parameter)) },
      { params: all.filter((parameter) => own.has(parameter)), lrFactor: this.#lrFactor },
    ];
  }
}

/** A sum over units or sequences → the mean over the units. */
function perUnit(losses: Tensor, labels: Tensor): Tensor {
  const count = labels.ge(0).sum().clampMin(1);
  return losses.sum().div(count);
}

/** Cross entropy of the units' tags, the mean over all units; 0 for a batch without any. */
export function labelingLoss(outputs: ModelOutputs, inputs: ModelInputs): Tensor {
  if (outputs.loss) return outputs.loss;
  const logits = outputs.logits!;
  const flat = logits.reshape([-1, logits.size(-1)]);
  const exact = flat.dtype === 'float64' ? flat : flat.to({ dtype: 'float32' });
  const losses = nn.functional.crossEntropy(exact, inputs.labels!.reshape([-1]), { reduction: 'sum' });
  return perUnit(losses, inputs.labels!);
}

/** The model with new weights, with those of an encoder, or with those of a model of this task. */
export async function labelingModel(
  spec: LabelingSpec,
  source: ModelSource,
  { onInfo }: { onInfo?: (line: string) => void } = {},
): Promise<LabelingModel> {
  const numLabels = spec.labels.length;
  const id2label = Object.fromEntries(spec.labels.map((label, i) => [i, label]));
  if (source.kind === 'config') {
    return new LabelingModel(
      spec,
      AutoModelForTokenClassification.fromConfig({ ...source.config, id2label }, { numLabels }),
    );
  }
  const tokens = await AutoModelForTokenClassification.fromPretrained(source.folder, {
    numLabels,
    id2label,
    ...(onInfo ? { onInfo: (line: string) => ownWeights(line) || onInfo(line) } : {}),
  });
  const model = new LabelingModel(spec, tokens);
  try {
    if (model.crf) loadCrf(model.crf, source.folder);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

/** The encoder does not use the CRF's weights; that is no news. */
const ownWeights = (line: string) => /^Not used of [^:]*: crf\.\w+(, crf\.\w+)*$/.test(line);

function loadCrf(crf: LinearChainCrf, folder: string): void {
  noGrad(() =>
    tidy(() => {
      const stored = readWeightFiles(folder);
      const wrong: string[] = [];
      for (const [name, parameter] of crf.namedParameters('crf')) {
        const found = stored.get(name);
        if (!found) continue;
        if (found.shape.join() === parameter.shape.join()) parameter.copy_(found);
        else wrong.push(`${name} is [${found.shape.join(', ')}], expected [${parameter.shape.join(', ')}]`);
      }
      if (wrong.length > 0) throw new EasyNlpError('MODEL_WEIGHTS_SHAPE', { folder, wrong });
    }),
  );
}
