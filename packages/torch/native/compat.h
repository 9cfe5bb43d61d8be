// Everything that differs between libtorch 1.13 and 2.x lives here; the other files know one vocabulary.
#pragma once

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <torch/csrc/api/include/torch/version.h>
#include <torch/csrc/autograd/autograd.h>

#include <type_traits>
#include <utility>

#ifdef EASYNLP_WITH_CUDA
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#endif

namespace easynlp::compat {

#if TORCH_VERSION_MAJOR >= 2 && (TORCH_VERSION_MAJOR > 2 || TORCH_VERSION_MINOR >= 4)
inline bool autocastEnabled(c10::DeviceType d) { return at::autocast::is_autocast_enabled(d); }
inline at::ScalarType autocastDtype(c10::DeviceType d) { return at::autocast::get_autocast_dtype(d); }
inline void setAutocast(c10::DeviceType d, bool on, at::ScalarType dtype) {
  at::autocast::set_autocast_dtype(d, dtype);
  at::autocast::set_autocast_enabled(d, on);
}
#else
inline bool autocastEnabled(c10::DeviceType d) {
  return d == c10::DeviceType::CPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}
inline at::ScalarType autocastDtype(c10::DeviceType d) {
  return d == c10::DeviceType::CPU ? at::autocast::get_autocast_cpu_dtype() : at::autocast::get_autocast_gpu_dtype();
}
inline void setAutocast(c10::DeviceType d, bool on, at::ScalarType dtype) {
  if (d == c10::DeviceType::CPU) {
    at::autocast::set_autocast_cpu_dtype(dtype);
    at::autocast::set_cpu_enabled(on);
  } else {
    at::autocast::set_autocast_gpu_dtype(dtype);
    at::autocast::set_enabled(on);
  }
}
#endif

// libtorch's optional is c10's own class in 1.13 and std::optional later: taken from a function that returns one.
template <typename Sample, typename T>
struct OptionalLike;
template <template <typename> class Optional, typename A, typename T>
struct OptionalLike<Optional<A>, T> {
  using type = Optional<T>;
};
template <typename T>
using optional = typename OptionalLike<std::decay_t<decltype(std::declval<const c10::Argument&>().N())>, T>::type;

// The hook that counts GPUs was renamed on the way; the overload that compiles is taken.
template <typename Hooks>
auto hookDeviceCount(const Hooks& hooks, int) -> decltype(static_cast<int64_t>(hooks.deviceCount())) {
  return hooks.deviceCount();
}
template <typename Hooks>
auto hookDeviceCount(const Hooks& hooks, long) -> decltype(static_cast<int64_t>(hooks.getNumGPUs())) {
  return hooks.getNumGPUs();
}
inline int64_t cudaDeviceCount() {
#ifdef EASYNLP_WITH_CUDA
  return at::hasCUDA() ? c10::cuda::device_count() : 0;
#else
  return at::hasCUDA() ? hookDeviceCount(at::detail::getCUDAHooks(), 0) : 0;
#endif
}

#ifdef EASYNLP_WITH_CUDA
template <typename Context>
auto initCuda(Context& context, int) -> decltype(context.lazyInitDevice(c10::DeviceType::CUDA), void()) {
  context.lazyInitDevice(c10::DeviceType::CUDA);
}
template <typename Context>
auto initCuda(Context& context, long) -> decltype(context.lazyInitCUDA(), void()) {
  context.lazyInitCUDA();
}
inline void initCuda() { initCuda(at::globalContext(), 0); }
#endif

inline bool deviceHasKernels(c10::DeviceType d) {
  if (d == c10::DeviceType::CPU) return true;
  return d == c10::DeviceType::CUDA && at::hasCUDA();
}

inline c10::ScalarType scalarType(const at::Tensor& t) { return t.scalar_type(); }

}  // namespace easynlp::compat
