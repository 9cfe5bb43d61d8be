import { type Tensor, tidy } from '@easynlp/torch';

/**
 * Weights of a TensorFlow BERT checkpoint (Google's, and EasyTransfer's) by the names of PyTorch: kernels are
 * transposed, moments of the optimizer and counters left out.
 */
export function fromTensorFlow(stored: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const out = new Map<string, Tensor>();
  for (const [name, tensor] of stored) {
    if (/(?:^|\/)(?:adam_[mv]|Adam(?:_\d+)?|global_step|_CHECKPOINTABLE_OBJECT_GRAPH)$/.test(name)) continue;
    const kernel = /\/kernel$/.test(name);
    out.set(torchName(name), kernel ? tidy(() => tensor.transpose(0, 1).contiguous()) : tensor);
  }
  return out;
}

/** `bert/encoder/layer_0/attention/self/query/kernel` → `bert.encoder.layer.0.attention.self.query.weight` */
export function torchName(name: string): string {
  return name
    .replace(/:0$/, '')
    .replace(/\/kernel$/, '/weight')
    .replace(/\/gamma$/, '/weight')
    .replace(/\/beta$/, '/bias')
    .replace(/_embeddings$/, '_embeddings/weight')
    .replace(/\/output_bias$/, '/bias')
    .replace(/\/output_weights$/, '/weight')
    .replace(/\/layer_(\d+)\//g, '/layer/$1/')
    .replaceAll('/', '.');
}
