#include <algorithm>
#include <vector>

#include "neurosplat/data/epoch_order.h"
#include "neurosplat/data/picture_source.h"

namespace neurosplat {
namespace {

class Subset : public PictureSource {
 public:
  Subset(std::shared_ptr<const PictureSource> source, std::vector<std::int64_t> chosen)
      : source_(std::move(source)), chosen_(std::move(chosen)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(chosen_.size()); }
  std::string name(std::int64_t index) const override { return source_->name(place(index)); }
  std::string identity(std::int64_t index) const override {
    return source_->identity(place(index));
  }
  void decode(std::int64_t index, std::int64_t side, std::uint8_t* planes) const override {
    source_->decode(place(index), side, planes);
  }
  std::uintmax_t file_bytes(std::int64_t index) const override {
    return source_->file_bytes(place(index));
  }

 private:
  std::int64_t place(std::int64_t index) const {
    return chosen_.at(static_cast<std::size_t>(index));
  }

  std::shared_ptr<const PictureSource> source_;
  std::vector<std::int64_t> chosen_;
};

}  // namespace

std::shared_ptr<const PictureSource> seeded_subset(std::shared_ptr<const PictureSource> source,
                                                   std::int64_t count, std::uint64_t seed) {
  if (count >= source->size()) return source;
  auto order = epoch_order(seed, 0, source->size(), true);
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return std::make_shared<Subset>(std::move(source), std::move(order));
}

}  // namespace neurosplat
