import { arange, nn, noGrad, type Tensor, tidy } from '@easynlp/torch';
import type { EncoderInputs, EncoderOptions } from '../interfaces.js';
import type { Visible } from '../shared/attention.js';
import { type EncodedLayers, EncoderModel, runLayers } from '../shared/encoder-model.js';
import { BertAttention, BertResidualOutput, type SelfAttentionClass } from './attention.js';
import type { BertConfig, BertShape } from './config.js';
import { TiedLinear } from './tied-linear.js';

/*
 * BERT, Devlin et al. 2019 (arXiv 1810.04805). Fields carry the names of transformers' state dict, so that a
 * parameter's path is its name in the weights file.
 */

const { Dropout, Embedding, LayerNorm, Linear, Module } = nn;

/** How the embeddings of a relative of BERT differ. */
export interface EmbeddingsShape {
  /** Size of the embeddings; `hidden_size` by default. */
  readonly width?: number;
  /** Whether there is a table of positions. Default true. */
  readonly positions?: boolean;
  /** Whether there is a table of segments. Default true. */
  readonly types?: boolean;
  /** Whether the sum is normalised. Default true. */
  readonly norm?: boolean;
}

/** Sum of token, position and segment embeddings. */
export class BertEmbeddings extends Module {
  readonly word_embeddings: nn.Embedding;
  readonly position_embeddings: nn.Embedding | null;
  readonly token_type_embeddings: nn.Embedding | null;
  readonly LayerNorm: nn.LayerNorm | null;
  readonly dropout: nn.Dropout;

  constructor(config: BertShape, factory: nn.FactoryOptions, shape: EmbeddingsShape = {}) {
    super();
    const { width: hidden = config.hidden_size, positions = true, types = true, norm = true } = shape;
    this.word_embeddings = new Embedding(config.vocab_size, hidden, {
      ...factory,
      paddingIdx: config.pad_token_id ?? null,
    });
    this.position_embeddings = positions
      ? new Embedding(config.max_position_embeddings, hidden, factory)
      : null;
    this.token_type_embeddings = types ? new Embedding(config.type_vocab_size, hidden, factory) : null;
    this.LayerNorm = norm ? new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps }) : null;
    this.dropout = new Dropout(config.hidden_dropout_prob);
  }

  forward(inputs: EncoderInputs): Tensor {
    return tidy(() => {
      const sum = this.sum(inputs);
      return this.dropout.forward(this.LayerNorm?.forward(sum) ?? sum);
    });
  }

  protected sum({ inputIds, inputsEmbeds, tokenTypeIds, positionIds }: EncoderInputs): Tensor {
    const { position_embeddings: places, token_type_embeddings: segments } = this;
    const words = inputsEmbeds ?? this.word_embeddings.forward(inputIds!); // [B, T, H]
    // A slice gives the same rows and gradients as looking up 0 … T−1, without index tensors.
    const positions = positionIds
      ? places?.forward(positionIds) // [B, T, H] or [1, T, H]
      : places?.weight.narrow(0, 0, words.size(1)); // [T, H]
    const types =
      tokenTypeIds && segments
        ? this.types(segments, tokenTypeIds) // [B, T, H]
        : segments?.weight.select(0, 0); // [H]
    if (!types || !positions) return words.add(types ?? positions!);
    return tokenTypeIds ? words.add(types).add_(positions) : words.add(positions.add(types));
  }

  private types(table: nn.Embedding, ids: Tensor): Tensor {
    if (!ids.device.startsWith('cuda')) return table.forward(ids);
    // All tokens share two rows: as a matrix product their gradients are one sum, instead of a sort of all the ids.
    const { weight } = table;
    const numbers = arange(weight.size(0), { dtype: ids.dtype, device: ids.device });
    return ids.unsqueeze(-1).eq(numbers).to({ dtype: weight.dtype }).matmul(weight);
  }
}

export class BertIntermediate extends Module {
  readonly dense: nn.Linear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: BertShape, factory: nn.FactoryOptions) {
    super();
    this.dense = new Linear(config.hidden_size, config.intermediate_size, factory);
    this.activation = nn.functional.activation(config.hidden_act);
  }

  forward(x: Tensor): Tensor {
    return tidy(() => this.activation(this.dense.forward(x)));
  }
}

export class BertLayer<C extends BertShape = BertShape> extends Module {
  readonly attention: BertAttention<C>;
  readonly intermediate: BertIntermediate;
  readonly output: BertResidualOutput;

  constructor(config: C, factory: nn.FactoryOptions, SelfAttention?: SelfAttentionClass<C>) {
    super();
    this.attention = new BertAttention(config, factory, SelfAttention);
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

export class BertEncoder<C extends BertShape = BertShape> extends Module {
  readonly layer: BertLayer<C>[];

  constructor(config: C, factory: nn.FactoryOptions, SelfAttention?: SelfAttentionClass<C>) {
    super();
    this.layer = Array.from(
      { length: config.num_hidden_layers },
      () => new BertLayer(config, factory, SelfAttention),
    );
  }

  forward(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers {
    return runLayers(this.layer, embedded, visible, options);
  }
}

export class BertPooler extends Module {
  readonly dense: nn.Linear;

  constructor(config: BertShape, factory: nn.FactoryOptions) {
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

/** What relatives of BERT bring of their own. */
export interface BertParts<C> {
  readonly Embeddings?: new (config: C, factory: nn.FactoryOptions) => BertEmbeddings;
  readonly SelfAttention?: SelfAttentionClass<C>;
}

/**
 * The BERT encoder. RoBERTa-wwm, MacBERT, PAI-BERT and mengzi are the same network with other weights.
 *
 * @example
 * const model = new BertModel(bertPreset('tiny', { vocabSize: 21128 })).eval();
 * model.forward({ inputIds: tensor([[101, 872, 1962, 102]], { dtype: 'int64' }) }).lastHiddenState.shape; // [1, 4, 128]
 */
export class BertModel<C extends BertShape = BertConfig> extends EncoderModel<C> {
  readonly embeddings: BertEmbeddings;
  readonly encoder: BertEncoder<C>;
  readonly pooler: BertPooler | null;

  /** Weights start as transformers starts them; `manualSeed()` fixes them. On device `meta` they have no content. */
  constructor(config: C, options: BertModelOptions = {}, parts: BertParts<C> = {}) {
    super(config);
    const { addPoolingLayer = true, ...factory } = options;
    this.embeddings = new (parts.Embeddings ?? BertEmbeddings)(config, factory);
    this.encoder = new BertEncoder(config, factory, parts.SelfAttention);
    this.pooler = addPoolingLayer ? new BertPooler(config, factory) : null;
    if (factory.device !== 'meta') initBertWeights(this, config);
  }

  protected override embed(inputs: EncoderInputs): Tensor {
    return this.embeddings.forward(inputs);
  }

  protected override run(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers {
    return this.encoder.forward(embedded, visible, options);
  }

  protected override pool(hidden: Tensor): Tensor | null {
    return this.pooler?.forward(hidden) ?? null;
  }

  protected override get positions(): number | null {
    return this.config.max_position_embeddings;
  }
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
