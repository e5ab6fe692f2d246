#include "neurosplat/training/row_batches.h"

#include <ATen/ATen.h>

#include <utility>

#include "neurosplat/core/error.h"
#include "neurosplat/core/text.h"
#include "neurosplat/data/epoch_order.h"
#include "neurosplat/processes/batch_share.h"
#include "neurosplat/processes/process_group.h"

namespace neurosplat {
namespace {

std::int64_t whole_batch(const RowBatches::Settings& settings) {
  return settings.batch * processes::count();
}

}  // namespace

RowBatches::RowBatches(std::vector<at::Tensor> tensors, Settings settings)
    : tensors_(std::move(tensors)), settings_(std::move(settings)) {
  if (count() > 0) return;
  throw UsageError(text("batch: expected at most the ", tensors_.front().size(0), " ",
                        settings_.unit, " there are to train on, got ", whole_batch(settings_)));
}

std::int64_t RowBatches::count() const {
  return tensors_.front().size(0) / whole_batch(settings_);
}

void RowBatches::start_epoch(std::int64_t epoch, std::int64_t first) {
  order_ = epoch_order(static_cast<std::uint64_t>(settings_.seed), epoch, tensors_.front().size(0),
                       /*shuffle=*/true);
  next_ = first;
}

std::optional<Batch> RowBatches::next() {
  if (next_ >= count()) return std::nullopt;
  const auto size = whole_batch(settings_);
  const auto rows =
      processes::own_rows(at::from_blob(order_.data() + next_ * size, {size}, at::kLong).clone());
  ++next_;
  Batch batch;
  for (const auto& tensor : tensors_) {
    batch.push_back(tensor.index_select(0, rows.to(tensor.device())));
  }
  return batch;
}

}  // namespace neurosplat
