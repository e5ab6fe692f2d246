#include "neurosplat/live/named_pictures.h"

#include <utility>

#include "neurosplat/io/image_file.h"

namespace neurosplat {
namespace {

class NamedPictures : public FrameSink {
 public:
  explicit NamedPictures(std::function<std::filesystem::path(std::int64_t)> name)
      : name_(std::move(name)) {}

  void write(const at::Tensor& picture) override { write_png(name_(++count_), picture); }
  void close() override {}

 private:
  std::function<std::filesystem::path(std::int64_t)> name_;
  std::int64_t count_ = 0;
};

}  // namespace

std::unique_ptr<FrameSink> named_pictures(std::function<std::filesystem::path(std::int64_t)> name) {
  return std::make_unique<NamedPictures>(std::move(name));
}

}  // namespace neurosplat
