import { nn, noGrad, stack, Tensor, tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModel, BertModel, type Encoder, initBertWeights, withLabels } from '../../modelzoo/index.js';
import { attentionBias } from '../../modelzoo/shared/attention-bias.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import type { AppModel, ModelInputs, ModelOutputs, ModelSource } from '../app.js';
import { softmaxRow } from '../sequence/index.js';
import { normalisedEntropy } from './entropy.js';
import { ExitClassifier } from './exit-classifier.js';
import type { GeepSpec } from './spec.js';

/**
 * BERT with a classifier after each of its first layers and one at the end.
 *
 * In evaluation, a text whose distribution after a layer is certain enough (normalised entropy ≤ `exitThreshold`) leaves
 * the batch there: later layers compute the remaining rows only.
 */
export class GeepModel extends nn.Module implements AppModel {
  readonly config: BertModel['config'];
  readonly bert: BertModel;
  readonly exits: ExitClassifier[];
  readonly classifier: ExitClassifier;
  /** 0 = all layers for every text. */
  exitThreshold: number;

  constructor(spec: GeepSpec, encoder: BertModel, onInfo?: (line: string) => void) {
    super();
    const layers = encoder.encoder.layer.length;
    if (layers < 2) {
      throw new EasyNlpError('CONFIG_CONFLICT', {
        problem: `the model has ${layers} layer: there is nothing to leave early`,
        hint: 'Early exit needs a model of at least two layers.',
      });
    }
    const wanted = spec.exits ?? layers - 1;
    const exits = Math.min(wanted, layers - 1);
    if (exits < wanted) {
      onInfo?.(
        `exits ${wanted}: the model has ${layers} layers, so there are ${exits} exits before the last`,
      );
    }
    // A property rather than a setting of the constructor: the configuration names the labels as in other classifiers.
    this.config = withLabels(encoder.config, spec.labels);
    this.bert = encoder;
    const make = () => new ExitClassifier(encoder.config.hidden_size, spec.labels.length);
    this.exits = Array.from({ length: exits }, make);
    this.classifier = make();
    this.exitThreshold = spec.exitThreshold;
    for (const head of [...this.exits, this.classifier]) initBertWeights(head, encoder.config);
  }

  /**
   * Training: `logits` [B, C] of the whole model, `subnets` [E, B, C] of the last layer and classifier right after each
   * of the first E layers, `students` [E, B, C] of the exits' own classifiers.
   * Evaluation: `logits` [B, C] of the classifier that each text left at, `layers` [B] that were computed for it.
   */
  forward(inputs: ModelInputs): ModelOutputs {
    return tidy(() => {
      const { inputIds, attentionMask = null, tokenTypeIds } = inputs;
      const embedded = this.bert.embeddings.forward({ inputIds: inputIds!, tokenTypeIds });
      const bias = attentionMask === null ? null : attentionBias(attentionMask, embedded);
      return this.training ? this.trained(embedded, bias) : this.answered(embedded, bias);
    });
  }

  private trained(embedded: Tensor, bias: Tensor | null): ModelOutputs {
    const { layer } = this.bert.encoder;
    const visible = { bias, unpadding: null };
    const last = layer.at(-1)!;
    const subnets: Tensor[] = [];
    const students: Tensor[] = [];
    let x = embedded;
    for (const [k, block] of layer.slice(0, -1).entries()) {
      x = block.forward(x, visible, false).hidden;
      const exit = this.exits[k];
      if (!exit) continue;
      // After the last but one layer the sub-net is the whole model.
      if (k < layer.length - 2) {
        subnets.push(this.classifier.forward(last.forward(x, visible, false).hidden, bias));
      }
      students.push(exit.forward(x, bias));
    }
    const logits = this.classifier.forward(last.forward(x, visible, false).hidden, bias);
    return { logits, students: stack(students), subnets: stack([...subnets, logits]) };
  }

  private answered(embedded: Tensor, firstBias: Tensor | null): ModelOutputs {
    const { layer } = this.bert.encoder;
    const { device } = embedded;
    const rows = embedded.size(0);
    const classes = this.classifier.classifier.weight.size(0);
    const logits = new Float32Array(rows * classes);
    const layers = new Float32Array(rows).fill(layer.length);
    /** Rows that are still in the batch. */
    let left = Array.from({ length: rows }, (_, r) => r);
    let x = embedded;
    let bias = firstBias;
    for (const [k, block] of layer.entries()) {
      x = block.forward(x, { bias, unpadding: null }, false).hidden;
      const isLast = k === layer.length - 1;
      const exit = isLast ? this.classifier : this.exits[k];
      if (!exit || (!isLast && this.exitThreshold <= 0)) continue;
      const found = exit.forward(x, bias).to({ dtype: 'float32' }).toFloat32Array();
      const stay: number[] = [];
      for (const [i, r] of left.entries()) {
        const own = found.subarray(i * classes, (i + 1) * classes);
        if (!isLast && !(normalisedEntropy(softmaxRow(own)) <= this.exitThreshold)) {
          stay.push(i);
          continue;
        }
        logits.set(own, r * classes);
        layers[r] = k + 1;
      }
      if (isLast || stay.length === left.length) continue;
      left = stay.map((i) => left[i]!);
      if (left.length === 0) break;
      const chosen = tensor(stay, { dtype: 'int64', device });
      x = x.indexSelect(0, chosen);
      bias = bias?.indexSelect(0, chosen) ?? null;
    }
    return {
      logits: Tensor.fromTypedArray(logits, [rows, classes], { dtype: 'float32' }),
      layers: Tensor.fromTypedArray(layers, [rows], { dtype: 'float32' }),
    };
  }
}

function bertOf(encoder: Encoder): BertModel {
  if (encoder instanceof BertModel && encoder.config.model_type === 'bert') return encoder;
  const modelType = String(encoder.config.model_type);
  encoder.dispose();
  throw new EasyNlpError('MODEL_TASK_UNSUPPORTED', {
    modelType,
    task: 'classification with early exit',
    known: ['bert'],
  });
}

/** The model with new weights, with those of an encoder, or with those of a model of this task. */
export async function geepModel(
  spec: GeepSpec,
  source: ModelSource,
  options: { onInfo?: (line: string) => void } = {},
): Promise<GeepModel> {
  const encoder =
    source.kind === 'config'
      ? AutoModel.fromConfig(source.config)
      : await AutoModel.fromPretrained(source.folder);
  const model = new GeepModel(spec, bertOf(encoder), options.onInfo);
  if (source.kind === 'config') return model;
  noGrad(() =>
    tidy(() => {
      const stored = readWeightFiles(source.folder);
      for (const [name, parameter] of model.namedParameters()) {
        const found = /^(exits|classifier)\./.test(name) ? stored.get(name) : undefined;
        // A plain BERT's classifier has other shapes; the heads begin anew then.
        if (found?.shape.join() === parameter.shape.join()) parameter.copy_(found);
      }
    }),
  );
  return model;
}
