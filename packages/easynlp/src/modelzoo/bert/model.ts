import { arange, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import { EasyNlpError } from '../../errors/index.js';
import type { EncoderInputs, EncoderOptions, EncoderOutput } from '../interfaces.js';
import { type UnpadsInputs, unpaddingOf } from '../unpadding.js';
import { BertAttention, BertResidualOutput, type Visible } from './attention.js';
import type { BertConfig } from './config.js';
import { TiedLinear } from './tied-linear.js';

/*
 * BERT, Devlin et al. 2019 (arXiv 1810.04805). Fields carry the names of transformers' state dict, so that a
 * parameter's path is its name in the weights file.
 */

const { Dropout, Embedding, LayerNorm, Linear, Module } = nn;

/** Added to the scores of hidden positions: exp() of it is 0, yet a row hiding everything gives no NaN. */
const HIDDEN = { float16: -3e4, default: -1e9 } as const;

/** Sum of token, position and segment embeddings. */
class BertEmbeddings extends Module {
  readonly word_embeddings: nn.Embedding;
  readonly position_embeddings: nn.Embedding;
  readonly token_type_embeddings: nn.Embedding;
  readonly LayerNorm: nn.LayerNorm;
  readonly dropout: nn.Dropout;

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
    super();
    const hidden = config.hidden_size;
    this.word_embeddings = new Embedding(config.vocab_size, hidden, {
      ...factory,
      paddingIdx: config.pad_token_id ?? null,
    });
    this.position_embeddings = new Embedding(config.max_position_embeddings, hidden, factory);
    this.token_type_embeddings = new Embedding(config.type_vocab_size, hidden, factory);
    this.LayerNorm = new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps });
    this.dropout = new Dropout(config.hidden_dropout_prob);
  }

  forward({ inputIds, inputsEmbeds, tokenTypeIds, positionIds }: EncoderInputs): Tensor {
    return tidy(() => {
      const words = inputsEmbeds ?? this.word_embeddings.forward(inputIds!); // [B, T, H]
      // A slice gives the same rows and gradients as looking up 0 … T−1, without index tensors.
      const positions = positionIds
        ? this.position_embeddings.forward(positionIds) // [B, T, H] or [1, T, H]
        : this.position_embeddings.weight.narrow(0, 0, words.size(1)); // [T, H]
      const types = tokenTypeIds
        ? this.types(tokenTypeIds) // [B, T, H]
        : this.token_type_embeddings.weight.select(0, 0); // [H]
      const sum = tokenTypeIds ? words.add(types).add_(positions) : words.add(positions.add(types));
      return this.dropout.forward(this.LayerNorm.forward(sum));
    });
  }

  private types(ids: Tensor): Tensor {
    const { token_type_embeddings: table } = this;
    if (!ids.device.startsWith('cuda')) return table.forward(ids);
    // All tokens share two rows: as a matrix product their gradients are one sum, instead of a sort of all the ids.
    const { weight } = table;
    const numbers = arange(weight.size(0), { dtype: ids.dtype, device: ids.device });
    return ids.unsqueeze(-1).eq(numbers).to({ dtype: weight.dtype }).matmul(weight);
  }
}

class BertIntermediate extends Module {
  readonly dense: nn.Linear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(config.hidden_size, config.intermediate_size, factory);
    this.activation = nn.functional.activation(config.hidden_act);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.activation(this.dense.forward(x)));
  }
}

class BertLayer extends Module {
  readonly attention: BertAttention;
  readonly intermediate: BertIntermediate;
  readonly output: BertResidualOutput;

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
    super();
    this.attention = new BertAttention(config, factory);
    this.intermediate = new BertIntermediate(config, factory);
    this.output = new BertResidualOutput(config.intermediate_size, config, factory);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { hidden, weights } = this.attention.forward(x, visible, keepWeights);
      return { hidden: this.output.forward(this.intermediate.forward(hidden), hidden), weights };
    });
  }
}

class BertEncoder extends Module {
  readonly layer: BertLayer[];

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
    super();
    this.layer = Array.from({ length: config.num_hidden_layers }, () => new BertLayer(config, factory));
  }

  forward(embedded: Tensor, visible: Visible, options: EncoderOptions): Omit<EncoderOutput, 'poolerOutput'> {
    const { outputHiddenStates = false, outputAttentions = false } = options;
    const hiddenStates: Tensor[] = outputHiddenStates ? [embedded] : [];
    const attentions: Tensor[] = [];
    let x = embedded;
    for (const layer of this.layer) {
      const { hidden, weights } = layer.forward(x, visible, outputAttentions);
      if (weights !== null) attentions.push(weights);
      if (outputHiddenStates) hiddenStates.push(hidden);
      // What autograd needs it holds itself; without gradients the layer's input is free now.
      else x.dispose();
      x = hidden;
    }
    return {
      lastHiddenState: x,
      ...(outputHiddenStates ? { hiddenStates } : {}),
      ...(outputAttentions ? { attentions } : {}),
    };
  }
}

class BertPooler extends Module {
  readonly dense: nn.Linear;

  constructor(config: BertConfig, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(config.hidden_size, config.hidden_size, factory);
  }

  forward(hidden: Tensor): Tensor {
    return tidy(() => this.dense.forward(hidden.select(1, 0)).tanh()); // [B, T, H] → [B, H]
  }
}

export interface BertModelOptions extends nn.FactoryOptions {
  /** Without it `poolerOutput` is null; masked language models have none. Default true. */
  readonly addPoolingLayer?: boolean;
}

/**
 * The BERT encoder. RoBERTa-wwm, MacBERT, PAI-BERT and mengzi are the same network with other weights.
 *
 * @example
 * const model = new BertModel(bertPreset('tiny', { vocabSize: 21128 })).eval();
 * model.forward({ inputIds: tensor([[101, 872, 1962, 102]], { dtype: 'int64' }) }).lastHiddenState.shape; // [1, 4, 128]
 */
export class BertModel extends Module implements UnpadsInputs {
  readonly unpads = true;
  readonly config: BertConfig;
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder;
  readonly pooler: BertPooler | null;

  /** Weights start as transformers starts them; `manualSeed()` fixes them. On device `meta` they have no content. */
  constructor(config: BertConfig, options: BertModelOptions = {}) {
    super();
    const { addPoolingLayer = true, ...factory } = options;
    this.config = config;
    this.embeddings = new BertEmbeddings(config, factory);
    this.encoder = new BertEncoder(config, factory);
    this.pooler = addPoolingLayer ? new BertPooler(config, factory) : null;
    if (factory.device !== 'meta') initBertWeights(this, config);
  }

  /** @throws EasyNlpError MODEL_INPUT_INVALID for a missing or ill-shaped input and for texts beyond the last position */
  forward(inputs: EncoderInputs, options: EncoderOptions = {}): EncoderOutput {
    this.check(inputs);
    return tidy(() => {
      const encoded = this.encode(inputs, options);
      return { ...encoded, poolerOutput: this.pooler?.forward(encoded.lastHiddenState) ?? null };
    });
  }

  private encode(inputs: EncoderInputs, options: EncoderOptions): Omit<EncoderOutput, 'poolerOutput'> {
    const { outputHiddenStates = false, outputAttentions = false } = options;
    const mask = inputs.attentionMask ?? null;
    const unpadding = mask && !outputHiddenStates && !outputAttentions ? unpaddingOf(mask) : null;
    if (unpadding === null || !inputs.inputIds) {
      const embedded = this.embeddings.forward(inputs);
      const bias = mask ? attentionBias(mask, embedded) : null;
      return this.encoder.forward(embedded, { bias, unpadding: null }, options);
    }
    return tidy(() => {
      const { rows, positions, places } = unpadding;
      const chosen = (ids: Tensor) => ids.reshape([-1]).indexSelect(0, rows).unsqueeze(0); // [B, T] → [1, N]
      const { inputIds, tokenTypeIds, positionIds } = inputs;
      const embedded = this.embeddings.forward({
        inputIds: chosen(inputIds!),
        ...(tokenTypeIds ? { tokenTypeIds: chosen(tokenTypeIds) } : {}),
        positionIds: positionIds ? chosen(positionIds.expandAs(inputIds!)) : positions.unsqueeze(0),
      });
      const { lastHiddenState } = this.encoder.forward(embedded, { bias: null, unpadding }, options);
      const [batch, length] = inputIds!.shape as [number, number];
      return { lastHiddenState: lastHiddenState.squeeze(0).indexSelect(0, places).view([batch, length, -1]) };
    });
  }

  private check({ inputIds, inputsEmbeds, attentionMask }: EncoderInputs): void {
    const fail = (reason: string, hint = ''): never => {
      throw new EasyNlpError('MODEL_INPUT_INVALID', { model: 'BERT', reason, hint });
    };
    if (!inputIds === !inputsEmbeds) fail('give either inputIds or inputsEmbeds');
    const shape = (inputIds ?? inputsEmbeds)!.shape;
    if (shape.length !== (inputIds ? 2 : 3)) {
      fail(
        `${inputIds ? 'inputIds must be [batch, length]' : 'inputsEmbeds must be [batch, length, hidden]'}, got [${shape.join(', ')}]`,
      );
    }
    const length = shape[1]!;
    const most = this.config.max_position_embeddings;
    // A batch that says where its tokens are may be wider than any text.
    if (length > most && !(attentionMask && unpaddingOf(attentionMask))) {
      fail(
        `texts of ${length} tokens, while this model has ${most} positions`,
        `Encode with a maximum length of ${most} or less.`,
      );
    }
    const mask = attentionMask?.shape;
    if (mask && !(mask[0] === shape[0] && mask.slice(1).every((n) => n === length) && mask.length <= 3)) {
      fail(
        `attentionMask must be [${shape[0]}, ${length}] or [${shape[0]}, ${length}, ${length}], got [${mask.join(', ')}]`,
      );
    }
  }
}

/** What attention adds to its scores, once per batch: 0 where the mask is 1, a large negative number where it is 0. */
function attentionBias(mask: Tensor, like: Tensor): Tensor {
  return noGrad(() =>
    tidy(() => {
      const { dtype } = like;
      const [batch, length] = mask.shape as [number, number];
      const hidden = dtype === 'float16' ? HIDDEN.float16 : HIDDEN.default;
      const bias = mask.to({ dtype }).sub(1).mul(-hidden);
      return bias.view(mask.ndim === 3 ? [batch, 1, length, length] : [batch, 1, 1, length]);
    }),
  );
}

/**
 * Starting values as in transformers: weights N(0, initializer_range), biases 0, LayerNorm 1 and 0, the padding row 0.
 * @param root the module to fill, with everything below it; of its parameters those that `only` accepts
 */
export function initBertWeights(
  root: nn.Module,
  config: { readonly initializer_range: number },
  only: (parameter: nn.Parameter) => boolean = () => true,
): void {
  const std = config.initializer_range;
  const words = new Set<nn.Parameter>();
  for (const [, module] of root.namedModules()) {
    if (module instanceof Linear) {
      if (only(module.weight)) nn.init.normal_(module.weight, 0, std);
      if (module.bias && only(module.bias)) nn.init.zeros_(module.bias);
    } else if (module instanceof TiedLinear) {
      if (only(module.bias)) nn.init.zeros_(module.bias);
      // Tied to an embedding it has its values already, the padding row's zeros among them.
      if (only(module.weight) && !words.has(module.weight)) nn.init.normal_(module.weight, 0, std);
    } else if (module instanceof Embedding) {
      words.add(module.weight);
      if (!only(module.weight)) continue;
      const padding = module.paddingIdx;
      nn.init.normal_(module.weight, 0, std);
      if (padding === null) continue;
      noGrad(() =>
        tidy(() => {
          module.weight.select(0, padding).zero_();
        }),
      );
    } else if (module instanceof LayerNorm) {
      if (module.weight && only(module.weight)) nn.init.ones_(module.weight);
      if (module.bias && only(module.bias)) nn.init.zeros_(module.bias);
    }
  }
}
