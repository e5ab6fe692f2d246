#include "neurosplat/systems/spike_decoder/spike_decoder.h"

#include <ATen/ATen.h>

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/io/safetensors.h"
#include "neurosplat/recordings/response_scores.h"
#include "neurosplat/training/stored_model.h"

namespace neurosplat {
namespace {

constexpr const char* kKind = "spike-decoder";

/// Deviation of each column; 1 where it is constant, so that it can be divided by.
at::Tensor spread_of(const at::Tensor& rows) {
  const auto deviation = (rows - rows.mean(0)).square().mean(0).sqrt();
  return at::where(deviation > 1e-9, deviation, at::ones_like(deviation));
}

/// One penalty of each group, in the order of their numbers.
at::Tensor penalties_of(const at::Tensor& penalty, const at::Tensor& latent_group) {
  const auto [groups, place] = at::_unique(latent_group, /*sorted=*/true, /*return_inverse=*/true);
  auto penalties = at::empty({groups.size(0)}, at::kDouble);
  penalties.index_put_({place}, penalty);
  return penalties;
}

at::Tensor tensor_of(const std::map<std::string, at::Tensor>& state, const std::string& name,
                     at::ScalarType type, std::int64_t dimensions) {
  const auto found = state.find(name);
  if (found == state.end()) throw Error(text("expected a tensor ", name, ", found none"));
  const auto& tensor = found->second;
  if (tensor.dim() != dimensions || tensor.numel() == 0 || !tensor.is_floating_point() ||
      !tensor.isfinite().all().item<bool>()) {
    throw Error(text(name, ": expected finite numbers in ", dimensions, " dimensions, got ",
                     tensor.scalar_type(), ' ', tensor.sizes()));
  }
  return tensor.to(type);
}

}  // namespace

SpikeDecoder::SpikeDecoder(const at::Tensor& responses, const at::Tensor& latents,
                           const at::Tensor& group, const at::Tensor& latent_group,
                           const DecoderChoices& choices) {
  const auto fit = fit_ridge(responses, latents, group, choices.penalties, latent_group);
  mean_ = fit.mean;
  deviation_ = fit.deviation;
  auto weights = fit.weights;
  if (choices.rescale) {
    // Left-out rows stand for new ones: training rows are followed too closely.
    weights = weights * (spread_of(latents.to(at::kDouble)) / spread_of(fit.left_out));
  }
  weights_ = weights.to(at::kFloat);
  offset_ = fit.offset.to(at::kFloat);
  penalties_ = penalties_of(fit.penalty, latent_group);
}

SpikeDecoder::SpikeDecoder(const std::map<std::string, at::Tensor>& state)
    : mean_(tensor_of(state, "mean", at::kDouble, 1)),
      deviation_(tensor_of(state, "deviation", at::kDouble, 1)),
      weights_(tensor_of(state, "weights", at::kFloat, 2)),
      offset_(tensor_of(state, "offset", at::kFloat, 1)),
      penalties_(tensor_of(state, "penalties", at::kDouble, 1)) {
  if (weights_.size(0) != units() || deviation_.size(0) != units() ||
      weights_.size(1) != latents() || deviation_.le(0).any().item<bool>()) {
    throw Error(text("expected a mean and a positive deviation for each of ", weights_.size(0),
                     " units and an offset for each of ", weights_.size(1), " latents, got ",
                     mean_.sizes(), ", ", deviation_.sizes(), " and ", offset_.sizes()));
  }
}

std::map<std::string, at::Tensor> SpikeDecoder::state() const {
  return {{"mean", mean_},
          {"deviation", deviation_},
          {"weights", weights_},
          {"offset", offset_},
          {"penalties", penalties_}};
}

at::Tensor SpikeDecoder::operator()(const at::Tensor& responses) const {
  if (responses.dim() != 2 || responses.size(1) != units()) {
    throw Error(
        text("decoder: expected responses of ", units(), " units, got ", responses.sizes()));
  }
  const auto rows = (responses.to(at::kDouble) - mean_) / deviation_;
  return at::mm(rows.to(at::kFloat), weights_) + offset_;
}

at::Tensor decoder_responses(const at::Tensor& counts) {
  return mean_responses(counts).mean.sqrt();
}

StoredSpikeDecoder load_spike_decoder(const std::filesystem::path& path) {
  auto stored = read_stored_model(path, kSpikeDecoderFileNames);
  expect_kind(stored, kKind);
  try {
    return {SpikeDecoder(stored.tensors), std::move(stored.file), std::move(stored.metadata)};
  } catch (const Error& error) {
    throw Error(text(stored.file.string(), ": ", error.what()));
  }
}

void save_spike_decoder(const std::filesystem::path& path, const SpikeDecoder& decoder,
                        const std::map<std::string, std::string>& more) {
  TensorFile file{{}, model_metadata(kKind, more)};
  for (const auto& [name, tensor] : decoder.state()) file.tensors[name] = tensor.contiguous();
  write_safetensors(path, file);
}

}  // namespace neurosplat
