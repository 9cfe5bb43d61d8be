import { noGrad, tidy } from '@easynlp/torch';
import { type Runtime, uploadBatch, withPrecision } from '../../appzoo/runtime.js';
import { collateTexts, encodeTexts, type SequenceSpec } from '../../appzoo/sequence/index.js';
import { planBatches, type Row } from '../../datahub/index.js';
import { AutoModel, resolveModelFolder } from '../../modelzoo/index.js';
import { Tokenizer } from '../../text/index.js';
import { meanPool } from './losses.js';

export interface EmbedOptions {
  /** Pretrained encoder: a folder or a hub name. */
  readonly model: string;
  readonly spec: SequenceSpec;
  readonly runtime: Runtime;
  readonly batchSize: number;
  readonly signal?: AbortSignal | undefined;
}

/** E(x) of equation (1) for every row: the mean of the encoder's last hidden states, padding left out. */
export async function embedRows(rows: readonly Row[], options: EmbedOptions): Promise<Float32Array[]> {
  const { spec, runtime, batchSize, signal } = options;
  const folder = await resolveModelFolder(options.model, signal ? { signal } : {});
  const tokenizer = await Tokenizer.fromFolder(folder);
  const encoded = await encodeTexts(rows, { spec, tokenizer });
  const model = await AutoModel.fromPretrained(folder);
  try {
    model.eval();
    model.to({ device: runtime.device });
    const embeddings = new Array<Float32Array>(rows.length);
    const plan = planBatches(
      encoded.map((row) => row.length),
      { batchSize },
      null,
    );
    for (const indices of plan) {
      signal?.throwIfAborted();
      const batch = collateTexts(
        indices.map((i) => encoded[i]!),
        { tokenizer },
      );
      const pooled = noGrad(() =>
        tidy(() => {
          const inputs = uploadBatch(batch, runtime.device);
          const { lastHiddenState } = withPrecision(runtime, () => model.forward(inputs));
          return meanPool(lastHiddenState, inputs.attentionMask).toFloat32Array();
        }),
      );
      const width = pooled.length / indices.length;
      for (const [i, index] of indices.entries())
        embeddings[index] = pooled.slice(i * width, (i + 1) * width);
    }
    return embeddings;
  } finally {
    model.dispose();
  }
}
