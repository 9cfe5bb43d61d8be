// Devices, threads, random number generators and what the library says of itself.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include "env.h"

namespace easynlp {
namespace {

napi_value Versions(napi_env env, napi_callback_info) {
  return guarded(env, "versions", [&]() -> napi_value {
    napi_value out;
    check(env, napi_create_object(env, &out));
    set(env, out, "compiled", str(env, TORCH_VERSION));
    set(env, out, "cuda", boolean(env, at::hasCUDA()));
#ifdef EASYNLP_WITH_CUDA
    set(env, out, "cudaApi", boolean(env, true));
#else
    set(env, out, "cudaApi", boolean(env, false));
#endif
    set(env, out, "config", str(env, at::show_config()));
    set(env, out, "parallel", str(env, at::get_parallel_info()));
    return out;
  });
}

napi_value Threads(napi_env env, napi_callback_info info) {
  return guarded(env, "threads", [&]() -> napi_value {
    Args<1> args(env, info);
    if (!nullish(env, args[0])) {
      const int64_t n = intArg(env, args[0], "threads");
      if (n < 1 || n > 4096) throw JsError("ARGUMENT_INVALID", "threads: expected 1 to 4096");
      at::set_num_threads(static_cast<int>(n));
    }
    return num(env, at::get_num_threads());
  });
}

at::Generator generatorOf(napi_env env, napi_value v) {
  Env& state = envOf(env);
  if (typeOf(env, v) == napi_number) {
    const int64_t id = intArg(env, v, "generator");
    if (id < 0 || id >= static_cast<int64_t>(state.generators.size())) throw JsError("ARGUMENT_INVALID", "unknown generator");
    return state.generators[static_cast<size_t>(id)];
  }
  const c10::Device device = deviceFromName(stringArg(env, v, "device"));
  if (!compat::deviceHasKernels(device.type())) {
    throw JsError("ARGUMENT_INVALID", "device " + device.str() + " is not available in this libtorch");
  }
  return at::globalContext().defaultGenerator(device);
}

napi_value NewGenerator(napi_env env, napi_callback_info info) {
  return guarded(env, "Generator", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    const int64_t seed = intArg(env, args[0], "seed");
    state.generators.push_back(at::make_generator<at::CPUGeneratorImpl>(static_cast<uint64_t>(seed)));
    return num(env, static_cast<double>(state.generators.size() - 1));
  });
}

napi_value ManualSeed(napi_env env, napi_callback_info info) {
  return guarded(env, "manualSeed", [&]() -> napi_value {
    Args<2> args(env, info);  // seed, generator or device (all when missing)
    const uint64_t seed = static_cast<uint64_t>(intArg(env, args[0], "seed"));
    if (nullish(env, args[1])) {
      at::manual_seed(seed);
      return nullptr;
    }
    at::Generator g = generatorOf(env, args[1]);
    std::lock_guard<std::mutex> lock(g.mutex());
    g.set_current_seed(seed);
    return nullptr;
  });
}

napi_value RngGet(napi_env env, napi_callback_info info) {
  return guarded(env, "rngState", [&]() -> napi_value {
    Args<1> args(env, info);
    at::Generator g = generatorOf(env, args[0]);
    at::Tensor s;
    {
      std::lock_guard<std::mutex> lock(g.mutex());
      s = g.get_state();
    }
    return num(env, envOf(env).add(std::move(s)));
  });
}

napi_value RngSet(napi_env env, napi_callback_info info) {
  return guarded(env, "setRngState", [&]() -> napi_value {
    Args<2> args(env, info);
    at::Generator g = generatorOf(env, args[0]);
    const at::Tensor s = envOf(env).get(numberArg(env, args[1], "state"), "setRngState");
    if (s.scalar_type() != at::kByte || !s.device().is_cpu() || s.dim() != 1) {
      throw JsError("ARGUMENT_INVALID", "setRngState: expected a uint8 vector on the CPU, got " + describe(s));
    }
    // Generators of libtorch 2 read from the start of the storage, as structures: a view into a mapped file has to
    // become a tensor of its own memory first.
    const at::Tensor own = s.clone(at::MemoryFormat::Contiguous);
    std::lock_guard<std::mutex> lock(g.mutex());
    g.set_state(own);
    return nullptr;
  });
}

napi_value Flag(napi_env env, napi_callback_info info) {
  return guarded(env, "flag", [&]() -> napi_value {
    Args<2> args(env, info);
    const std::string name = stringArg(env, args[0], "flag");
    const bool read = nullish(env, args[1]);
    auto& context = at::globalContext();
    if (name == "tf32") {
      if (!read) {
        context.setAllowTF32CuBLAS(boolArg(env, args[1], "value"));
        context.setAllowTF32CuDNN(boolArg(env, args[1], "value"));
      }
      return boolean(env, context.allowTF32CuBLAS());
    }
    if (name == "deterministic") {
      if (!read) context.setDeterministicAlgorithms(boolArg(env, args[1], "value"), false);
      return boolean(env, context.deterministicAlgorithms());
    }
    throw JsError("ARGUMENT_INVALID", "unknown flag '" + name + "'; known: tf32, deterministic");
  });
}

napi_value CudaCount(napi_env env, napi_callback_info) {
  return guarded(env, "cuda.deviceCount", [&]() -> napi_value {
    return num(env, static_cast<double>(compat::cudaDeviceCount()));
  });
}

#ifdef EASYNLP_WITH_CUDA
int deviceIndex(napi_env env, napi_value v) {
  return nullish(env, v) ? c10::cuda::current_device() : static_cast<int>(intArg(env, v, "device"));
}

napi_value CudaSynchronize(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.synchronize", [&]() -> napi_value {
    Args<1> args(env, info);
    c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(deviceIndex(env, args[0])));
    c10::cuda::device_synchronize();
    return nullptr;
  });
}

napi_value CudaMemory(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.memory", [&]() -> napi_value {
    Args<1> args(env, info);
    const int index = deviceIndex(env, args[0]);
    compat::initCuda();
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(index));
    napi_value out;
    check(env, napi_create_object(env, &out));
    set(env, out, "allocated", num(env, static_cast<double>(stats.allocated_bytes[0].current)));
    set(env, out, "allocatedPeak", num(env, static_cast<double>(stats.allocated_bytes[0].peak)));
    set(env, out, "reserved", num(env, static_cast<double>(stats.reserved_bytes[0].current)));
    set(env, out, "reservedPeak", num(env, static_cast<double>(stats.reserved_bytes[0].peak)));
    size_t free = 0, total = 0;
    c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(index));
    cudaMemGetInfo(&free, &total);
    set(env, out, "free", num(env, static_cast<double>(free)));
    set(env, out, "total", num(env, static_cast<double>(total)));
    cudaDeviceProp properties{};
    cudaGetDeviceProperties(&properties, index);
    set(env, out, "name", str(env, properties.name));
    return out;
  });
}

napi_value CudaEmptyCache(napi_env env, napi_callback_info) {
  return guarded(env, "cuda.emptyCache", [&]() -> napi_value {
    c10::cuda::CUDACachingAllocator::emptyCache();
    return nullptr;
  });
}

napi_value CudaResetPeak(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.resetPeak", [&]() -> napi_value {
    Args<1> args(env, info);
    compat::initCuda();
    c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(deviceIndex(env, args[0])));
    return nullptr;
  });
}

// CUDA graphs: work captured once on a stream of the pool, replayed with one launch.
napi_value StreamPush(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.stream", [&]() -> napi_value {
    Args<1> args(env, info);
    Env& state = envOf(env);
    state.streamStack.push_back(c10::cuda::getCurrentCUDAStream());
    auto stream = c10::cuda::getStreamFromPool(false);
    c10::cuda::device_synchronize();  // work queued before must be seen by the new stream
    c10::cuda::setCurrentCUDAStream(stream);
    return nullptr;
  });
}

napi_value StreamPop(napi_env env, napi_callback_info) {
  return guarded(env, "cuda.stream", [&]() -> napi_value {
    Env& state = envOf(env);
    if (state.streamStack.empty()) throw JsError("ARGUMENT_INVALID", "cuda.stream: nothing to leave");
    c10::cuda::device_synchronize();
    c10::cuda::setCurrentCUDAStream(state.streamStack.back());
    state.streamStack.pop_back();
    return nullptr;
  });
}

at::cuda::CUDAGraph& graphOf(napi_env env, napi_value v) {
  Env& state = envOf(env);
  const int64_t id = intArg(env, v, "graph");
  if (id < 0 || id >= static_cast<int64_t>(state.graphs.size()) || !state.graphs[static_cast<size_t>(id)]) {
    throw JsError("ARGUMENT_INVALID", "cuda.graph: unknown or released graph");
  }
  return *state.graphs[static_cast<size_t>(id)];
}

napi_value GraphBegin(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.graph", [&]() -> napi_value {
    Args<1> args(env, info);  // a graph whose memory pool to share, or nothing
    Env& state = envOf(env);
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    if (nullish(env, args[0])) {
      graph->capture_begin();
    } else {
      graph->capture_begin(graphOf(env, args[0]).pool());
    }
    state.graphs.push_back(std::move(graph));
    return num(env, static_cast<double>(state.graphs.size() - 1));
  });
}

napi_value GraphEnd(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.graph", [&]() -> napi_value {
    Args<1> args(env, info);
    graphOf(env, args[0]).capture_end();
    return nullptr;
  });
}

napi_value GraphReplay(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.graph", [&]() -> napi_value {
    Args<1> args(env, info);
    graphOf(env, args[0]).replay();
    return nullptr;
  });
}

napi_value GraphRelease(napi_env env, napi_callback_info info) {
  return guarded(env, "cuda.graph", [&]() -> napi_value {
    Args<1> args(env, info);
    graphOf(env, args[0]);
    envOf(env).graphs[static_cast<size_t>(intArg(env, args[0], "graph"))].reset();
    return nullptr;
  });
}
#endif

}  // namespace

void registerDevice(napi_env env, napi_value exports) {
  registerFunction(env, exports, "versions", Versions);
  registerFunction(env, exports, "threads", Threads);
  registerFunction(env, exports, "newGenerator", NewGenerator);
  registerFunction(env, exports, "manualSeed", ManualSeed);
  registerFunction(env, exports, "rngGet", RngGet);
  registerFunction(env, exports, "rngSet", RngSet);
  registerFunction(env, exports, "flag", Flag);
  registerFunction(env, exports, "cudaCount", CudaCount);
#ifdef EASYNLP_WITH_CUDA
  registerFunction(env, exports, "cudaSynchronize", CudaSynchronize);
  registerFunction(env, exports, "cudaMemory", CudaMemory);
  registerFunction(env, exports, "cudaEmptyCache", CudaEmptyCache);
  registerFunction(env, exports, "cudaResetPeak", CudaResetPeak);
  registerFunction(env, exports, "cudaStreamPush", StreamPush);
  registerFunction(env, exports, "cudaStreamPop", StreamPop);
  registerFunction(env, exports, "cudaGraphBegin", GraphBegin);
  registerFunction(env, exports, "cudaGraphEnd", GraphEnd);
  registerFunction(env, exports, "cudaGraphReplay", GraphReplay);
  registerFunction(env, exports, "cudaGraphRelease", GraphRelease);
#endif
}

}  // namespace easynlp
