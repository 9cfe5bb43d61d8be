import { nn, type Tensor, tidy } from '@easynlp/torch';
import { BertSelfAttention } from '../bert/attention.js';
import { BertEmbeddings, type BertModelOptions, initBertWeights } from '../bert/model.js';
import type { EncoderInputs, EncoderOptions } from '../interfaces.js';
import type { Attended, Visible } from '../shared/attention.js';
import { type EncodedLayers, EncoderModel, runLayers } from '../shared/encoder-model.js';
import type { AlbertConfig } from './config.js';

/*
 * ALBERT, Lan et al. 2020 (arXiv 1909.11942): word embeddings smaller than the layers (§3.1, factorised embedding
 * parameterisation), and layers that share their weights (§3.1, cross-layer parameter sharing).
 */

const { Dropout, LayerNorm, Linear, Module } = nn;

/** Self-attention with its residual connection, in one module as the stored names have it. */
class AlbertAttention extends BertSelfAttention {
  readonly dense: nn.Linear;
  readonly LayerNorm: nn.LayerNorm;
  readonly output_dropout: nn.Dropout;

  constructor(config: AlbertConfig, factory: nn.FactoryOptions) {
    super(config, factory);
    this.dense = new Linear(config.hidden_size, config.hidden_size, factory);
    this.LayerNorm = new LayerNorm(config.hidden_size, { ...factory, eps: config.layer_norm_eps });
    this.output_dropout = new Dropout(config.hidden_dropout_prob);
  }

  override forward(x: Tensor, visible: Visible, keepWeights: boolean): Attended {
    return tidy(() => {
      const { context, weights } = tidy(() => super.forward(x, visible, keepWeights));
      const y = this.output_dropout.forward(this.dense.forward(context));
      return { context: this.LayerNorm.forward(y.add(x)), weights };
    });
  }
}

class AlbertLayer extends Module {
  readonly full_layer_layer_norm: nn.LayerNorm;
  readonly attention: AlbertAttention;
  readonly ffn: nn.Linear;
  readonly ffn_output: nn.Linear;
  private readonly activation: (x: Tensor) => Tensor;

  constructor(config: AlbertConfig, factory: nn.FactoryOptions) {
    super();
    const { hidden_size: hidden, intermediate_size: inner } = config;
    this.full_layer_layer_norm = new LayerNorm(hidden, { ...factory, eps: config.layer_norm_eps });
    this.attention = new AlbertAttention(config, factory);
    this.ffn = new Linear(hidden, inner, factory);
    this.ffn_output = new Linear(inner, hidden, factory);
    this.activation = nn.functional.activation(config.hidden_act);
  }

  forward(x: Tensor, visible: Visible, keepWeights: boolean): { hidden: Tensor; weights: Tensor | null } {
    return tidy(() => {
      const { context, weights } = this.attention.forward(x, visible, keepWeights);
      const y = this.ffn_output.forward(this.activation(this.ffn.forward(context)));
      return { hidden: this.full_layer_layer_norm.forward(y.add(context)), weights };
    });
  }
}

/** Layers that are applied one after the other each time the group's turn comes. */
class AlbertLayerGroup extends Module {
  readonly albert_layers: AlbertLayer[];

  constructor(config: AlbertConfig, factory: nn.FactoryOptions) {
    super();
    this.albert_layers = Array.from(
      { length: config.inner_group_num },
      () => new AlbertLayer(config, factory),
    );
  }
}

class AlbertTransformer extends Module {
  readonly embedding_hidden_mapping_in: nn.Linear;
  readonly albert_layer_groups: AlbertLayerGroup[];
  private readonly depth: number;

  constructor(config: AlbertConfig, factory: nn.FactoryOptions) {
    super();
    this.depth = config.num_hidden_layers;
    this.embedding_hidden_mapping_in = new Linear(config.embedding_size, config.hidden_size, factory);
    this.albert_layer_groups = Array.from(
      { length: config.num_hidden_groups },
      () => new AlbertLayerGroup(config, factory),
    );
  }

  /** The layers in the order in which they are applied, the same ones again and again. */
  *unrolled(): Generator<AlbertLayer> {
    const { albert_layer_groups: groups, depth } = this;
    for (let i = 0; i < depth; i++) yield* groups[Math.floor((i * groups.length) / depth)]!.albert_layers;
  }
}

/**
 * The ALBERT encoder.
 *
 * @example
 * const model = new AlbertModel(albertConfig({ hidden_size: 768, num_attention_heads: 12, intermediate_size: 3072 }));
 */
export class AlbertModel extends EncoderModel<AlbertConfig> {
  readonly embeddings: BertEmbeddings;
  readonly encoder: AlbertTransformer;
  readonly pooler: nn.Linear | null;

  constructor(config: AlbertConfig, options: BertModelOptions = {}) {
    super(config);
    const { addPoolingLayer = true, ...factory } = options;
    this.embeddings = new BertEmbeddings(config, factory, { width: config.embedding_size });
    this.encoder = new AlbertTransformer(config, factory);
    this.pooler = addPoolingLayer ? new Linear(config.hidden_size, config.hidden_size, factory) : null;
    if (factory.device !== 'meta') initBertWeights(this, config);
  }

  protected override embed(inputs: EncoderInputs): Tensor {
    return this.encoder.embedding_hidden_mapping_in.forward(this.embeddings.forward(inputs)); // [B, T, E] → [B, T, H]
  }

  protected override run(embedded: Tensor, visible: Visible, options: EncoderOptions): EncodedLayers {
    return runLayers(this.encoder.unrolled(), embedded, visible, options);
  }

  protected override pool(hidden: Tensor): Tensor | null {
    return this.pooler?.forward(hidden.select(1, 0)).tanh() ?? null;
  }

  protected override get positions(): number {
    return this.config.max_position_embeddings;
  }
}
