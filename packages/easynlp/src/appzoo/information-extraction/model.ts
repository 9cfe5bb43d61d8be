import { amp, arange, cat, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';
import { AutoModel, type Encoder, type ModelConfig } from '../../modelzoo/index.js';
import { readWeightFiles } from '../../modelzoo/weight-files.js';
import type { AppModel, ModelInputs, ModelOutputs, ModelSource } from '../app.js';
import { NOWHERE } from './loss.js';
import type { ExtractionSpec } from './spec.js';

/** The field that holds the encoder is named as in transformers' checkpoints, so that it loads there. */
const PREFIXES: Readonly<Record<string, string>> = { 'megatron-bert': 'bert', 'deberta-v2': 'deberta' };

/** Width of a head's queries and keys. */
const HEAD_SIZE = 64;
const BASE = 10_000;

/** Sines and cosines of rotary position embeddings (Su et al. 2021, eq. 15): [T, size / 2] each. */
export function rotaryTable(
  length: number,
  size: number,
  options: { device?: string } = {},
): { sin: Tensor; cos: Tensor } {
  return tidy(() => {
    const exponents = arange(size / 2, { dtype: 'float32', ...options }).mul((-2 / size) * Math.log(BASE));
    const angles = arange(length, { dtype: 'float32', ...options })
      .unsqueeze(1)
      .mul(exponents.exp().unsqueeze(0));
    return { sin: angles.sin(), cos: angles.cos() };
  });
}

/**
 * Turns the pairs (x₂ᵢ, x₂ᵢ₊₁) of vectors [B, C, T, D] by their position, so that products of two depend on the
 * distance only. The pairs' first members come first in the result: products do not depend on the order.
 */
export function rotate(x: Tensor, { sin, cos }: { sin: Tensor; cos: Tensor }): Tensor {
  return tidy(() => {
    const [b, c, t, d] = x.shape as [number, number, number, number];
    const pairs = x.reshape([b, c, t, d / 2, 2]);
    const even = pairs.select(4, 0);
    const odd = pairs.select(4, 1);
    return cat([even.mul(cos).sub(odd.mul(sin)), odd.mul(cos).add(even.mul(sin))], { dim: 3 });
  });
}

/**
 * Global pointer (Su et al. 2022, arXiv 2208.03054): a score for every span of tokens, q·k/√64 + start + end, with a
 * head for each kind of span. One head is EasyNLP's K-Global-Pointer, whose question says what is looked for.
 */
export class SpanPointer extends nn.Module {
  readonly projection: nn.Linear;
  readonly bias: nn.Linear;

  constructor(
    hiddenSize: number,
    private readonly heads: number,
    initializerRange: number,
  ) {
    super();
    this.projection = new nn.Linear(hiddenSize, heads * 2 * HEAD_SIZE);
    this.bias = new nn.Linear(hiddenSize, heads * 2);
    for (const layer of [this.projection, this.bias]) {
      nn.init.normal_(layer.weight, 0, initializerRange);
      nn.init.zeros_(layer.bias!);
    }
  }

  /** hidden [B, T, H] → scores [B, C, T, T] of first and last token, not masked, float32. */
  forward(hidden: Tensor): Tensor {
    return tidy(() => {
      const [b, t] = hidden.shape as [number, number, number];
      // Even places are the query, odd ones the key.
      const both = this.projection
        .forward(hidden)
        .to({ dtype: 'float32' })
        .reshape([b, t, this.heads, HEAD_SIZE, 2])
        .permute([4, 0, 2, 1, 3]); // [2, B, C, T, D]
      const table = rotaryTable(t, HEAD_SIZE, { device: hidden.device });
      const q = rotate(both.select(0, 0), table);
      const k = rotate(both.select(0, 1), table);
      const ends = this.bias
        .forward(hidden)
        .to({ dtype: 'float32' })
        .reshape([b, t, this.heads, 2])
        .permute([3, 0, 2, 1])
        .div(2); // [2, B, C, T]
      return q
        .matmul(k.transpose(2, 3))
        .div(Math.sqrt(HEAD_SIZE))
        .add(ends.select(0, 0).unsqueeze(3))
        .add(ends.select(0, 1).unsqueeze(2));
    });
  }
}

/** Where spans can be: first and last token in the text, in this order. [B, T] → [B, 1, T, T] */
export function spanMask(textMask: Tensor, withNone: boolean): Tensor {
  return tidy(() => {
    const at = arange(textMask.size(1), { device: textMask.device });
    const inOrder = at.unsqueeze(1).le(at.unsqueeze(0));
    const inText = textMask.unsqueeze(2).logicalAnd(textMask.unsqueeze(1)).logicalAnd(inOrder);
    if (!withNone) return inText.unsqueeze(1);
    // The span of the first token, [CLS], says that there is no answer.
    const first = at.eq(0);
    return inText.logicalOr(first.unsqueeze(1).logicalAnd(first.unsqueeze(0))).unsqueeze(1);
  });
}

/** An encoder with a pointer on it. */
export class ExtractionModel extends nn.Module implements AppModel {
  readonly config: ModelConfig;
  readonly pointer: SpanPointer;
  readonly #encoder: Encoder;
  readonly #spec: ExtractionSpec;

  constructor(spec: ExtractionSpec, encoder: Encoder) {
    super();
    this.#spec = spec;
    this.#encoder = encoder;
    this.config = encoder.config;
    Object.assign(this, { [PREFIXES[encoder.config.model_type] ?? encoder.config.model_type]: encoder });
    const heads = spec.mode === 'types' ? spec.scheme.length : 1;
    this.pointer = new SpanPointer(
      Number(encoder.config.hidden_size),
      heads,
      Number(encoder.config.initializer_range ?? 0.02),
    );
  }

  /**
   * In training `scores` [B, C, T, T]. Otherwise the best spans of every head, best first: `spanScores`, `spanFirst` and
   * `spanLast` [B, C, K], so that large matrices stay where they are.
   */
  forward({ inputIds, attentionMask, textMask }: ModelInputs): ModelOutputs {
    return tidy((): ModelOutputs => {
      const { lastHiddenState } = this.#encoder.forward({ inputIds, attentionMask: attentionMask ?? null });
      const device = inputIds!.device.split(':')[0]!;
      // Sums of exponentials of many scores: half precision would be heard in the loss.
      const scores = amp.autocast({ device, enabled: false }, () => {
        const mask = spanMask(textMask!, this.#spec.mode === 'prompt').logicalNot();
        const exact =
          lastHiddenState.dtype === 'float64' ? lastHiddenState : lastHiddenState.to({ dtype: 'float32' });
        return this.pointer.forward(exact).maskedFill(mask, NOWHERE);
      });
      if (this.training) return { scores };
      const [b, c, t] = scores.shape as [number, number, number, number];
      const k = Math.min(this.#spec.maxSpans + 1, t * t);
      const [values, places] = scores.reshape([b, c, t * t]).topk(k, { dim: 2 });
      const last = places.remainder(t);
      // Whole numbers throughout: on CUDA a division of floats can miss them by the last bit, and then they are no places.
      const first = places.divMode(t, { roundingMode: 'floor' });
      return {
        spanScores: values,
        spanFirst: first.to({ dtype: 'float32' }),
        spanLast: last.to({ dtype: 'float32' }),
      };
    });
  }
}

/** The model with new weights, with those of an encoder, or with those of a model of this task. */
export async function extractionModel(spec: ExtractionSpec, source: ModelSource): Promise<ExtractionModel> {
  if (source.kind === 'config') return new ExtractionModel(spec, AutoModel.fromConfig(source.config));
  const { folder } = source;
  const model = new ExtractionModel(spec, await AutoModel.fromPretrained(folder));
  try {
    loadPointer(model, folder);
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}

function loadPointer(model: ExtractionModel, folder: string): void {
  noGrad(() =>
    tidy(() => {
      const stored = readWeightFiles(folder);
      const wrong: string[] = [];
      for (const [name, parameter] of model.namedParameters()) {
        const found = name.startsWith('pointer.') ? stored.get(name) : undefined;
        if (!found) continue;
        if (found.shape.join() === parameter.shape.join()) parameter.copy_(found);
        else wrong.push(`${name} is [${found.shape.join(', ')}], expected [${parameter.shape.join(', ')}]`);
      }
      if (wrong.length > 0) throw new EasyNlpError('MODEL_WEIGHTS_SHAPE', { folder, wrong });
    }),
  );
}
