import { workerData } from 'node:worker_threads';
import { MlmBatchMaker } from './mlm-batch.js';
import { type MlmWorkerData, produce, reportFailure } from './mlm-ring.js';

// Entry point of the thread that MlmBatcher starts.
const data = workerData as MlmWorkerData;
try {
  produce(data, new MlmBatchMaker(data.options));
} catch (error) {
  reportFailure(data, error);
}
