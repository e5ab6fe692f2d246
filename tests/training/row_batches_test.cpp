#include "neurosplat/training/row_batches.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "neurosplat/core/error.h"

namespace neurosplat {
namespace {

RowBatches batches_of(std::int64_t rows, std::int64_t batch, std::int64_t seed = 1) {
  const auto first = at::arange(rows, at::kFloat);
  return RowBatches({first, 10 * first}, {batch, seed, "rows", "0123456789abcdef"});
}

std::vector<double> epoch_of(RowBatches& batches, std::int64_t epoch, std::int64_t first = 0) {
  std::vector<double> rows;
  batches.start_epoch(epoch, first);
  while (const auto batch = batches.next()) {
    EXPECT_TRUE(batch->at(1).equal(10 * batch->at(0)));
    for (std::int64_t i = 0; i < batch->front().size(0); ++i) {
      rows.push_back(batch->front()[i].item<double>());
    }
  }
  return rows;
}

TEST(RowBatches, GiveEachRowOnceAnEpochInAnOrderOfItsOwn) {
  auto batches = batches_of(12, 4);
  EXPECT_EQ(batches.count(), 3);
  const auto first = epoch_of(batches, 0), second = epoch_of(batches, 1);
  EXPECT_EQ(std::set<double>(first.begin(), first.end()).size(), 12U);
  EXPECT_NE(first, second);
  EXPECT_EQ(epoch_of(batches, 0), first);
  auto other = batches_of(12, 4, 2);
  EXPECT_NE(epoch_of(other, 0), first);
}

TEST(RowBatches, GoOnFromAnyBatchAndLeaveAnIncompleteOneOut) {
  auto batches = batches_of(11, 4);
  const auto whole = epoch_of(batches, 3);
  EXPECT_EQ(whole.size(), 8U);
  EXPECT_EQ(epoch_of(batches, 3, 1), std::vector<double>(whole.begin() + 4, whole.end()));
}

TEST(RowBatches, RefuseFewerRowsThanABatch) {
  EXPECT_THROW(batches_of(3, 4), UsageError);
}

}  // namespace
}  // namespace neurosplat
